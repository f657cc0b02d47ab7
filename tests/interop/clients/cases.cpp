#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <brume/tests/interop/clients/cases.h>

namespace interop {

namespace {

constexpr unsigned kTimeoutSeconds = 30;
constexpr std::size_t kLimitBytes = 1 << 20;
const char* const kText = "Grüße, 世界 🌫️👋🏽 and one more: 👩‍👩‍👧‍👦";
const char* const kReason = "bis später 👋";

std::string letters(std::size_t size) {
  std::string text(size, 'a');
  for (std::size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

std::string some_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i++) bytes[i] = static_cast<char>((i * 7 + (i >> 8)) & 255);
  return bytes;
}

// The same each time, and not to be compressed.
std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 7;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

void expect(bool condition, const std::string& text) {
  if (!condition) throw std::runtime_error(text);
}

std::string to_string(const Close& close) {
  return "closed with " + std::to_string(close.code) + " " + close.reason;
}

void expect_message(Connection& connection, const Message& message) {
  const Message got = connection.receive();
  expect(got.is_text == message.is_text, "the other type came back");
  expect(got.data == message.data,
         "the echo differs: " + std::to_string(got.data.size()) + " for " + std::to_string(message.data.size()));
}

void expect_echo(Connection& connection, const Message& message) {
  connection.send(message);
  expect_message(connection, message);
}

void close(Connection& connection, int code, const std::string& reason) {
  connection.close(code, reason);
  const Close got = connection.closed();
  expect(got.code == code && (got.reason.empty() || got.reason == reason), to_string(got));
}

class Cases {
 public:
  Cases(Client& client, std::string address) : client_(client), address_(std::move(address)) {}

  void text() { echoes({{true, kText}}); }
  void binary() { echoes({{false, some_bytes(70000)}}); }
  void empty() { echoes({{true, ""}, {false, ""}}); }
  void largest() { echoes({{true, letters(kLimitBytes)}, {false, some_bytes(kLimitBytes)}}); }

  void fragmented() {
    const auto connection = connect();
    const std::vector<std::string> text{"in ", "", "four", " parts 🌫️"};
    const std::vector<std::string> bytes{some_bytes(2), "", some_bytes(3000), "\xff"};
    for (const bool is_text : {true, false}) {
      const auto& parts = is_text ? text : bytes;
      connection->send_fragments(is_text, parts);
      expect_message(*connection, {is_text, std::accumulate(parts.begin(), parts.end(), std::string())});
    }
    close(*connection, 1000, "");
  }

  void compressed() {
    const auto connection = connect("/ws/echo", true);
    expect(connection->is_compressed(), "permessage-deflate was not agreed on");
    for (int number = 0; number < 4; number++) {
      std::string alike;
      for (int i = 0; i < 500; i++) alike += "number " + std::to_string(number) + " of messages that are alike, ";
      expect_echo(*connection, {true, alike});
    }
    expect_echo(*connection, {true, letters(kLimitBytes)});
    expect_echo(*connection, {false, letters(kLimitBytes)});
    for (const Message& message : {Message{true, ""}, {false, ""}}) expect_echo(*connection, message);
    if (client_.takes_uncompressed()) {
      expect_echo(*connection, {true, "short"});
      expect_echo(*connection, {false, noise(70000)});
    }
    close(*connection, 1000, "");
  }

  void ping() {
    const auto connection = connect();
    connection->ping("are you there?");
    expect_echo(*connection, {true, "after the ping"});
    close(*connection, 1000, "");
  }

  void close_1000() { close(*connect(), 1000, "done, thank you"); }
  void close_3000() { close(*connect(), 3000, kReason); }

  void closed_4001() {
    const auto connection = connect("/ws/close");
    connection->send({true, std::string("4001 ") + kReason});
    const Close got = connection->closed();
    expect(got.code == 4001 && got.reason == kReason, to_string(got));
  }

  void closed_1009() {
    for (const bool is_text : {true, false}) {
      const auto connection = connect();
      connection->send({is_text, is_text ? letters(kLimitBytes + 1) : some_bytes(kLimitBytes + 1)});
      const Close got = connection->closed();
      expect(got.code == 1009, to_string(got));
    }
  }

  void closed_1001() {
    const auto connection = connect();
    expect_echo(*connection, {true, "before"});
    std::puts("stop");
    const Close got = connection->closed();
    expect(got.code == 1001, to_string(got));
  }

 private:
  std::unique_ptr<Connection> connect(const std::string& path = "/ws/echo", bool compressed = false) {
    return client_.connect(parse_url(address_ + path), compressed);
  }

  void echoes(const std::vector<Message>& messages) {
    const auto connection = connect();
    for (const Message& message : messages) expect_echo(*connection, message);
    close(*connection, 1000, "");
  }

  Client& client_;
  std::string address_;
};

using Action = void (Cases::*)();
const std::vector<std::pair<const char*, Action>> kCases{
    {"text", &Cases::text},
    {"binary", &Cases::binary},
    {"empty", &Cases::empty},
    {"fragmented", &Cases::fragmented},
    {"1 MiB", &Cases::largest},
    {"compressed", &Cases::compressed},
    {"ping", &Cases::ping},
    {"close 1000", &Cases::close_1000},
    {"close 3000", &Cases::close_3000},
    {"closed 4001", &Cases::closed_4001},
    {"closed 1009", &Cases::closed_1009},
    {"closed 1001", &Cases::closed_1001},
};

}  // namespace

Url parse_url(const std::string& url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t port = url.find(':', host) + 1;
  const std::size_t path = url.find('/', port);
  return {url.compare(0, 6, "wss://") == 0, url.substr(host, port - 1 - host), url.substr(port, path - port),
          url.substr(path)};
}

std::string ca_file() {
  const char* const file = std::getenv("INTEROP_CA");
  if (file == nullptr) throw std::runtime_error("INTEROP_CA is not set");
  return file;
}

int run(Client& client, int argc, char** argv) {
  if (argc != 2) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf("client %s\n", client.version().c_str());
  const auto cannot = client.cannot();
  auto notes = client.notes();
  Cases cases(client, argv[1]);
  for (const auto& one : kCases) {
    const auto reason = cannot.find(one.first);
    if (reason != cannot.end()) {
      std::printf("cannot %s: %s\n", one.first, reason->second.c_str());
      continue;
    }
    alarm(kTimeoutSeconds);
    try {
      (cases.*one.second)();
      const std::string& note = notes[one.first];
      std::printf("pass %s%s%s\n", one.first, note.empty() ? "" : ": ", note.c_str());
    } catch (const std::exception& error) {
      std::printf("FAIL %s: %s\n", one.first, error.what());
    }
    alarm(0);
  }
  return 0;
}

}  // namespace interop

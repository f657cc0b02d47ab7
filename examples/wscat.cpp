// wscat: a WebSocket client for the terminal. Lines of stdin are sent, what comes is printed.
//
//   wscat ws://localhost:8080/ws/echo
//   wscat -H 'Authorization: Bearer x' -s chat.v1 --ca ca.pem wss://localhost:8443/ws
//   wscat --echo ws://localhost:9001/runCase?case=1&agent=brume      # sends back whatever the server sends
//   wscat --json ws://localhost:8080/ws/echo                         # for programs: {"type":"binary","data":"AAEC"}
//
// Exit codes: 0 the connection was closed in order (1000, 1001, without a code, or as --close-code asked); 1 it ended
// in any other way, or a line could not be sent, or stdout could not be written to; 2 the command line is wrong; 3 no
// connection could be made, or there was none at the end (stderr says which step failed). Signals end it as they do any
// program, and the connection with it, without a Close frame.
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include <brume/codec/close_payload.h>
#include <brume/codec/utf8.h>
#include <brume/engine/client.h>
#include <brume/examples/common/message_line.h>

namespace {

constexpr int kOther = 1;
constexpr int kBadCommandLine = 2;
constexpr int kNoConnection = 3;

struct Options {
  std::string url;
  std::vector<std::string> headers;
  brume::ConnectOptions connect;
  brume::Config config;
  std::vector<std::string> texts;
  std::string ca;
  std::uint64_t timeout_ms = 10'000;
  std::uint64_t wait_ms = 1000;
  std::uint64_t max_message = 512 * 1024;
  std::uint16_t close_code = 1000;
  std::string close_reason;
  bool binary = false;
  bool json = false;
  bool ping = false;
  bool echo = false;
  bool insecure = false;
  bool reconnect = false;
  bool quiet = false;
};

// What the core's thread tells the main one.
struct Ending {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<int> exit_code;
  std::atomic<bool> lost = false;  // a line of input, or of output

  void finish(int code) {
    {
      const std::lock_guard lock(mutex);
      if (!exit_code) exit_code = code;
    }
    changed.notify_all();
  }
  bool over() {
    const std::lock_guard lock(mutex);
    return exit_code.has_value();
  }
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("A WebSocket client for the terminal: sends lines of stdin, prints what comes.");
  app.add_option("url", options.url, "ws://host:port/path or wss://...")->required();
  app.add_option("-H,--header", options.headers, "a header of the upgrade request, \"Name: value\"; repeatable");
  app.add_option("-s,--subprotocol", options.connect.subprotocols, "offered in this order; repeatable");
  app.add_option("--origin", "the Origin header")->each([&](const std::string& origin) {
    options.connect.headers.emplace_back("Origin", origin);
  });
  app.add_option("--text", options.texts, "send this instead of lines of stdin, then close; repeatable");
  CLI::Option* binary = app.add_flag("--binary", options.binary, "send binary messages");
  app.add_flag("--json", options.json,
               "a message is a line {\"type\":\"text\",\"data\":\"...\"}, sent and received; binary data is base64")
      ->excludes(binary);
  app.add_flag("--ping", options.ping, "send a ping first, and print the pong");
  app.add_flag("--echo", options.echo, "send back whatever the server sends; stdin is not read");
  app.add_option("--ca", options.ca, "file of certificates to trust (PEM) instead of the system's");
  app.add_option("--cert", options.connect.tls.certificate.certificate_file, "client certificate (PEM)");
  app.add_option("--key", options.connect.tls.certificate.key_file, "its key (PEM)");
  app.add_option("--server-name", options.connect.tls.server_name, "expected in the certificate, instead of the host");
  app.add_flag("--insecure", options.insecure, "do not verify the server's certificate");
  app.add_option("--timeout", options.timeout_ms, "milliseconds to connect in")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{86'400'000}))
      ->capture_default_str();
  app.add_option("--wait", options.wait_ms, "milliseconds to go on receiving after the last line was sent")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{86'400'000}))
      ->capture_default_str();
  app.add_option("--max-message", options.max_message, "bytes of the largest message")->capture_default_str();
  app.add_option("--close-code", options.close_code, "what to close with at the end")->capture_default_str();
  app.add_option("--close-reason", options.close_reason, "its reason, up to 123 bytes");
  std::string io = "default";
  app.add_option("--io", io, "auto, io_uring or epoll; default: what BRUME_IO says, else auto")
      ->check(CLI::IsMember({"default", "auto", "io_uring", "epoll"}))
      ->capture_default_str();
  std::string compression = "off";
  app.add_option("--compression", compression,
                 "permessage-deflate: off, on, or takeover (contexts are kept from message to message)")
      ->check(CLI::IsMember({"off", "on", "takeover"}))
      ->capture_default_str();
  app.add_flag("--reconnect", options.reconnect, "connect again, with growing waits, when the connection is lost");
  app.add_flag("-q,--quiet", options.quiet, "print messages only");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::exit(app.exit(success));
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "wscat: %s\n", error.what());
    std::exit(kBadCommandLine);
  }
  if (!brume::codec::is_sendable_close_code(options.close_code)) {
    std::fprintf(stderr, "wscat: --close-code %u may not be sent (RFC 6455, 7.4)\n", unsigned{options.close_code});
    std::exit(kBadCommandLine);
  }
  if (!brume::codec::is_valid_utf8(options.close_reason)) {
    std::fprintf(stderr, "wscat: --close-reason is not UTF-8\n");
    std::exit(kBadCommandLine);
  }
  for (const std::string& header : options.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos) {
      std::fprintf(stderr, "wscat: \"%s\" is no header: it has no colon\n", header.c_str());
      std::exit(kBadCommandLine);
    }
    const std::size_t value = header.find_first_not_of(' ', colon + 1);
    options.connect.headers.emplace_back(header.substr(0, colon),
                                         value == std::string::npos ? "" : header.substr(value));
  }
  if (io == "auto") options.config.io = brume::io::Backend::automatic;
  if (io == "io_uring") options.config.io = brume::io::Backend::io_uring;
  if (io == "epoll") options.config.io = brume::io::Backend::epoll;
  options.connect.connect_timeout = std::chrono::milliseconds(options.timeout_ms);
  options.connect.tls.verify = !options.insecure;
  options.connect.tls.ca_file = options.ca;
  brume::RouteConfig& limits = options.connect.connection;
  limits.max_message_size = options.max_message;
  limits.max_buffered_size = std::max(limits.max_buffered_size, 2 * (limits.max_message_size + 14));
  limits.compression.enabled = compression != "off";
  limits.compression.server_context_takeover = compression == "takeover";
  limits.compression.client_context_takeover = compression == "takeover";
  if (options.reconnect) options.connect.reconnect = brume::Backoff();
  return options;
}

// Takes the places of stdin, stdout and stderr where the caller left them closed: the first sockets would get them.
// Using one fails as it would have.
void occupy_standard_descriptors() {
  for (const int wanted : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(wanted, F_GETFD) >= 0 || errno != EBADF) continue;
    (void)open("/dev/null", wanted == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // gets the lowest number, which is this
  }
}

// False where stdout did not take it.
bool print_message(const brume::Message& message, bool json) {
  const std::string line = json ? examples::to_line(message.type, message.data) : std::string();
  const std::string_view text = json ? std::string_view(line) : message.text();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fputc('\n', stdout) != EOF &&
         std::fflush(stdout) == 0;
}

brume::Callbacks callbacks(const Options& options, Ending& ending) {
  brume::Callbacks made;
  made.open = [&options](brume::Connection& c) {
    if (!options.quiet) {
      const std::string subprotocol(c.subprotocol());
      std::fprintf(stderr, "connected to %s%s%s%s\n", c.remote_address().to_string().c_str(),
                   subprotocol.empty() ? "" : ", subprotocol ", subprotocol.c_str(),
                   c.compression() ? ", compressed" : "");
    }
    if (options.ping) (void)c.ping(brume::as_bytes("wscat"));
  };
  made.message = [&options, &ending](brume::Connection& c, const brume::Message& message) {
    if (options.echo) {
      if (!c.send(message.type, message.data)) (void)c.close(1011, "cannot echo");
    } else if (!print_message(message, options.json) && !ending.lost.exchange(true)) {
      std::fprintf(stderr, "wscat: stdout: %s\n", std::strerror(errno));
      (void)c.close(options.close_code, options.close_reason);
    }
  };
  made.pong = [&options](brume::Connection&, brume::Bytes payload) {
    // The heartbeat's pongs are empty and nobody's business.
    if (!payload.empty() && !options.echo) {
      std::fprintf(stderr, "pong %s\n", std::string(brume::as_text(payload)).c_str());
    }
  };
  made.close = [&options, &ending](brume::Connection&, const brume::CloseInfo& info) {
    if (!options.quiet) {
      std::fprintf(stderr, "closed %u %s(%s)\n", static_cast<unsigned>(info.code),
                   info.reason.empty() ? "" : (std::string(info.reason) + " ").c_str(),
                   std::string(to_string(info.cause)).c_str());
    }
    const bool as_asked = info.cause == brume::CloseCause::local && info.code == options.close_code;
    const bool in_order = info.clean && (info.code == 1000 || info.code == 1001 || info.code == 1005 || as_asked);
    if (!options.reconnect || info.cause == brume::CloseCause::local) ending.finish(in_order ? 0 : kOther);
  };
  return made;
}

using Sent = std::expected<void, brume::Error>;

// send_queue_full, which is to be tried again, also where what was posted was dropped: there is no connection for now.
Sent outcome_of(std::future<Sent>& answer) {
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return std::unexpected(brume::Error::send_queue_full);
  }
}

// Sends one message, and waits while the outbox is full. False where there is no connection any more.
bool send_message(const brume::ConnectHandle& handle, const examples::LineMessage& message, Ending& ending) {
  constexpr std::chrono::milliseconds kRetry{20};
  for (;;) {
    if (ending.over()) return false;
    auto promise = std::make_shared<std::promise<Sent>>();
    std::future<Sent> answer = promise->get_future();
    const auto posted = handle.post([promise, message](brume::Connection& c) {
      promise->set_value(c.send(message.type, brume::as_bytes(message.data)));
    });
    promise.reset();
    if (!posted && posted.error() != brume::Error::queue_full) return false;
    // The core may be slow, as where stdout is; asked again it would send twice.
    while (posted && answer.wait_for(kRetry) != std::future_status::ready)
      if (ending.over()) return false;
    const Sent sent = posted ? outcome_of(answer) : std::unexpected(brume::Error::send_queue_full);
    if (sent) return true;
    if (sent.error() != brume::Error::send_queue_full) {
      std::fprintf(stderr, "not sent: %s\n", std::string(to_string(sent.error())).c_str());
      if (sent.error() != brume::Error::connection_closed) ending.lost = true;
      return true;
    }
    std::this_thread::sleep_for(kRetry);
  }
}

// One line of input. False where there is no connection any more.
bool send_line(const brume::ConnectHandle& handle, const std::string& line, const Options& options, Ending& ending) {
  if (!options.json) {
    return send_message(handle, {options.binary ? brume::MessageType::binary : brume::MessageType::text, line}, ending);
  }
  const auto message = examples::read_line(line);
  if (message) return send_message(handle, *message, ending);
  std::fprintf(stderr, "not sent: %s\n", message.error().c_str());
  ending.lost = true;
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  const Options options = parse(argc, argv);
  Ending ending;
  Ending opened;
  brume::Client client(options.config);
  if (const auto started = client.start(); !started) {
    std::fprintf(stderr, "wscat: %s\n", started.error().text.c_str());
    return kNoConnection;
  }
  brume::Callbacks handlers = callbacks(options, ending);
  handlers.open = [&opened, open = handlers.open](brume::Connection& c) {
    open(c);
    opened.finish(0);
  };
  const auto handle = client.connect(options.url, options.connect, handlers, [&](const brume::ConnectError& error) {
    std::fprintf(stderr, "wscat: %s\n", error.to_string().c_str());
    if (!error.body.empty()) std::fprintf(stderr, "%s\n", error.body.c_str());
    ending.finish(kNoConnection);
    opened.finish(kNoConnection);
  });
  if (!handle) {
    std::fprintf(stderr, "wscat: %s\n", handle.error().to_string().c_str());
    return handle.error().cause == brume::ConnectCause::invalid ? kBadCommandLine : kNoConnection;
  }
  {
    std::unique_lock lock(opened.mutex);
    opened.changed.wait(lock, [&] { return opened.exit_code.has_value(); });
  }

  // Detached: it stands in a read of stdin when the server ends the connection first.
  std::thread input([&options, &ending, handle = *handle] {
    if (options.echo) return;
    for (const std::string& text : options.texts)
      if (!send_line(handle, text, options, ending)) return;
    std::string line;
    while (options.texts.empty() && std::getline(std::cin, line))
      if (!send_line(handle, line, options, ending)) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(options.wait_ms));
    while (!handle.close(options.close_code, options.close_reason) && !ending.over())
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the core's mailbox is full
  });
  input.detach();
  int code = 0;
  {
    std::unique_lock lock(ending.mutex);
    ending.changed.wait(lock, [&] { return ending.exit_code.has_value(); });
    code = *ending.exit_code;
  }
  if (ending.lost && code == 0) code = kOther;
  client.stop(std::chrono::milliseconds(100));
  client.wait();
  std::fflush(stderr);
  _exit(code);  // without the destructors of what the other thread still uses
}

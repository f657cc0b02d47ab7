#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>

#include <brume/bench/wsblast/dial.h>

namespace wsblast {
namespace {

constexpr std::size_t kOverlapping = 64;  // handshakes in flight, well below any server's backlog
constexpr std::size_t kMaxHead = 4096;    // bytes of an answer's head

// The sample key of RFC 6455, section 1.3, and what it must be answered with.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
// Without context takeover messages stand alone, so they can be made before the measurement (RFC 7692, section 7.1.1).
constexpr std::string_view kExtension =
    "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

Socket dial(std::uint16_t port) {
  Socket connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.descriptor() < 0) fail("socket");
  const int one = 1;
  setsockopt(connection.descriptor(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("connect");
  }
  return connection;
}

}  // namespace

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Dialer::Dialer(const Options& options) : options_(options) {
  if (options_.tls) tls_.emplace();
}

std::vector<Socket> Dialer::open(std::size_t count, std::size_t in_rooms) const {
  std::vector<Socket> connections;
  connections.reserve(count);
  while (connections.size() < count) {
    const std::size_t first = connections.size();
    const std::size_t last = std::min(count, first + kOverlapping);
    while (connections.size() < last) {
      connections.push_back(dial(options_.port));
      if (tls_) connections.back().begin_tls(std::make_unique<TlsEnd>(*tls_, options_.resume));
    }
    if (!options_.raw) shake_hands(std::span(connections).subspan(first), first, in_rooms);
  }
  return connections;
}

void Dialer::shake_hands(std::span<Socket> connections, std::size_t first_index, std::size_t in_rooms) const {
  for (std::size_t i = 0; i < connections.size(); ++i) {
    if (tls_) connections[i].finish_tls();
    const std::string request = upgrade_request((first_index + i) % in_rooms);
    connections[i].write(std::as_bytes(std::span(request)));
  }
  for (Socket& connection : connections) expect_switch(connection);
}

std::string Dialer::upgrade_request(std::size_t room) const {
  std::string path = options_.path;
  if (options_.rooms > 1) path += (path.ends_with('/') ? "room/" : "/room/") + std::to_string(room);
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options_.port) +
                        "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + std::string(kKey) +
                        "\r\nSec-WebSocket-Version: 13\r\n";
  if (options_.deflate) request += kExtension;
  return request + "\r\n";
}

// Reads the answer's head and not a byte more: what follows belongs to the measurement.
void Dialer::expect_switch(Socket& connection) const {
  std::array<char, kMaxHead> buffer{};
  const auto bytes = std::as_writable_bytes(std::span(buffer));
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const std::size_t seen = connection.peek(bytes);
    if (seen == 0 || head.size() > kMaxHead) throw std::runtime_error("no answer to the upgrade request: " + head);
    const std::size_t before = head.size();
    head.append(buffer.data(), seen);
    const auto end = head.find("\r\n\r\n");
    const std::size_t taken = std::min(head.size(), end == std::string::npos ? head.size() : end + 4) - before;
    if (connection.read(bytes.first(taken)) != taken) fail("the upgrade's answer");
    head.resize(before + taken);
  }
  if (!head.starts_with("HTTP/1.1 101") || head.find(kAccept) == std::string::npos) {
    throw std::runtime_error("upgrade refused: " + head);
  }
  if (options_.deflate && head.find("server_no_context_takeover") == std::string::npos) {
    throw std::runtime_error("the server does not compress messages that stand alone");
  }
}

void send_hello(const Options& options, std::vector<Socket>& connections) {
  if (options.hello.empty()) return;
  if (options.hello.size() > 125) throw std::runtime_error("--hello takes at most 125 bytes");
  std::string frame = {'\x81', static_cast<char>(0x80 | options.hello.size())};
  frame.resize(6);  // a mask key of zeros leaves the text as it is
  frame += options.hello;
  for (Socket& connection : connections) connection.write(std::as_bytes(std::span(frame)));
}

std::vector<int> descriptors_of(const std::vector<Socket>& connections) {
  std::vector<int> descriptors;
  for (const Socket& connection : connections) descriptors.push_back(connection.descriptor());
  return descriptors;
}

}  // namespace wsblast

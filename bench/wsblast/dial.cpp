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

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

Socket dial(const Options& options) {
  Socket connection(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.descriptor() < 0) fail("socket");
  const int one = 1;
  setsockopt(connection.descriptor(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection.descriptor(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("connect");
  }
  return connection;
}

std::string upgrade_request(const Options& options, std::size_t room) {
  std::string path = options.path;
  if (options.rooms > 1) path += (path.ends_with('/') ? "room/" : "/room/") + std::to_string(room);
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " + std::string(kKey) +
         "\r\nSec-WebSocket-Version: 13\r\n\r\n";
}

// Reads the answer's head and not a byte more: what follows belongs to the measurement.
void expect_switch(const Socket& connection) {
  std::array<char, kMaxHead> buffer{};
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t seen = recv(connection.descriptor(), buffer.data(), buffer.size(), MSG_PEEK);
    if (seen <= 0 || head.size() > kMaxHead) throw std::runtime_error("no answer to the upgrade request: " + head);
    const std::size_t before = head.size();
    head.append(buffer.data(), static_cast<std::size_t>(seen));
    const auto end = head.find("\r\n\r\n");
    const std::size_t taken = std::min(head.size(), end == std::string::npos ? head.size() : end + 4) - before;
    if (recv(connection.descriptor(), buffer.data(), taken, 0) != static_cast<ssize_t>(taken)) fail("recv");
    head.resize(before + taken);
  }
  if (!head.starts_with("HTTP/1.1 101") || head.find(kAccept) == std::string::npos) {
    throw std::runtime_error("upgrade refused: " + head);
  }
}

}  // namespace

void Socket::reset() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(std::exchange(descriptor_, -1));
}

void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

std::vector<Socket> open_connections(const Options& options, std::size_t count, std::size_t in_rooms) {
  std::vector<Socket> connections;
  connections.reserve(count);
  while (connections.size() < count) {
    const std::size_t first = connections.size();
    const std::size_t last = std::min(count, first + kOverlapping);
    for (std::size_t i = first; i < last; ++i) {
      connections.push_back(dial(options));
      if (options.raw) continue;
      const std::string request = upgrade_request(options, i % in_rooms);
      const int descriptor = connections.back().descriptor();
      if (send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) {
        fail("send");
      }
    }
    for (std::size_t i = first; i < last && !options.raw; ++i) expect_switch(connections[i]);
  }
  return connections;
}

void send_hello(const Options& options, const std::vector<Socket>& connections) {
  if (options.hello.empty()) return;
  if (options.hello.size() > 125) throw std::runtime_error("--hello takes at most 125 bytes");
  std::string frame = {'\x81', static_cast<char>(0x80 | options.hello.size())};
  frame.resize(6);  // a mask key of zeros leaves the text as it is
  frame += options.hello;
  for (const Socket& connection : connections) {
    if (::send(connection.descriptor(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0) {
      throw std::runtime_error("the server ended a connection at once");
    }
  }
}

std::vector<int> descriptors_of(const std::vector<Socket>& connections) {
  std::vector<int> descriptors;
  for (const Socket& connection : connections) descriptors.push_back(connection.descriptor());
  return descriptors;
}

}  // namespace wsblast

#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

#include <brume/codec/encoder.h>
#include <brume/tests/support/blocking_client.h>

namespace brume::test {

namespace {
constexpr int kPatienceSeconds = 60;  // a hung server fails a test instead of hanging it

// A socket connected to 127.0.0.1, or -1.
int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{kPatienceSeconds, 0};
  const int one = 1;
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  close(socket);
  return -1;
}

}  // namespace

BlockingClient::BlockingClient(std::uint16_t port, std::string_view path) : socket_(connect_to(port)) {
  std::string request = "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n";
  request += "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  bool upgraded = socket_ >= 0 && send_bytes(request);
  std::size_t end = std::string::npos;
  while (upgraded && (end = buffer_.find("\r\n\r\n")) == std::string::npos) upgraded = fill(buffer_.size() + 1);
  upgraded = upgraded && buffer_.starts_with("HTTP/1.1 101 ");
  if (upgraded) {
    buffer_.erase(0, end + 4);
  } else if (socket_ >= 0) {
    close(socket_);
    socket_ = -1;
  }
}

std::string BlockingClient::exchange(std::uint16_t port, std::string_view bytes) {
  BlockingClient client(connect_to(port));
  if (client.socket_ < 0) return {};
  // What was answered before all was sent counts too.
  (void)client.send_bytes(bytes);
  while (client.fill(client.buffer_.size() + 1)) {
  }
  return std::move(client.buffer_);
}

BlockingClient::~BlockingClient() {
  if (socket_ >= 0) close(socket_);
}

bool BlockingClient::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool BlockingClient::send_text(std::string_view text) {
  return send_bytes(masked_text(text));
}

bool BlockingClient::fill(std::size_t size) {
  char chunk[16384];
  while (buffer_.size() < size) {
    const ssize_t got = recv(socket_, chunk, sizeof chunk, 0);
    // A thread that made io_uring rings may be interrupted by the kernel's work for them.
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    buffer_.append(chunk, static_cast<std::size_t>(got));
  }
  return true;
}

std::string BlockingClient::receive() {
  while (open()) {
    if (!fill(2)) break;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(buffer_[i]); };
    std::size_t header = 2;
    std::size_t size = byte(1);
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      if (!fill(header)) break;
      size = 0;
      for (std::size_t i = 2; i < header; i++) size = size << 8 | byte(i);
    }
    if (!fill(header + size)) break;
    const unsigned opcode = byte(0) & 15u;
    std::string payload = buffer_.substr(header, size);
    buffer_.erase(0, header + size);
    if (opcode == 8) {
      close_code_ = payload.size() < 2 ? 1005
                                       : static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                                                    static_cast<unsigned char>(payload[1]));
      break;
    }
    if (opcode < 8) return payload;
  }
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  return {};
}

std::string masked_text(std::string_view text) {
  const codec::MaskKey key{std::byte{0x37}, std::byte{0xfa}, std::byte{0x21}, std::byte{0x3d}};
  std::string out(codec::client_frame_size(text.size()), '\0');
  codec::write_client_frame(std::as_writable_bytes(std::span(out)), codec::Opcode::text, std::as_bytes(std::span(text)),
                            key);
  return out;
}

}  // namespace brume::test

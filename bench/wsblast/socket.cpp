#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <sys/socket.h>

#include <brume/bench/wsblast/socket.h>

namespace wsblast {

void Socket::begin_tls(std::unique_ptr<TlsEnd> end) {
  tls_ = std::move(end);
  tls_->shake_hands();
  send_sealed();
}

void Socket::finish_tls() {
  while (!tls_->shake_hands()) {
    send_sealed();
    if (!feed_tls()) throw std::runtime_error("the server ended a TLS handshake");
  }
}

void Socket::write(std::span<const std::byte> bytes) {
  if (!tls_) return send_all(bytes);
  tls_->seal(bytes);
  send_sealed();
}

std::size_t Socket::peek(std::span<std::byte> out) {
  if (!tls_) {
    const ssize_t seen = recv(descriptor_, out.data(), out.size(), MSG_PEEK);
    return seen > 0 ? static_cast<std::size_t>(seen) : 0;
  }
  while (true) {
    if (const std::size_t seen = tls_->peek(out); seen > 0 || !feed_tls()) return seen;
  }
}

std::size_t Socket::read(std::span<std::byte> out) {
  if (!tls_) {
    const ssize_t got = recv(descriptor_, out.data(), out.size(), 0);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  while (true) {
    if (const std::size_t got = tls_->open(out); got > 0 || !feed_tls()) return got;
  }
}

void Socket::reset() {
  const linger at_once{1, 0};
  setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(std::exchange(descriptor_, -1));
}

void Socket::send_all(std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) throw std::runtime_error(std::string("send: ") + std::strerror(errno));
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
}

void Socket::send_sealed() {
  tls_->take_sealed(sealed_);
  send_all(sealed_);
  sealed_.clear();
}

bool Socket::feed_tls() {
  std::array<std::byte, 16384> records;
  const ssize_t got = recv(descriptor_, records.data(), records.size(), 0);
  if (got <= 0) return false;
  tls_->feed(std::span(records).first(static_cast<std::size_t>(got)));
  return true;
}

}  // namespace wsblast

// socket.h: a connection to a server on loopback, plain or TLS, used blocking: for the time before a measurement.
//
// One thread. A failure throws std::runtime_error, which ends the program.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <unistd.h>
#include <utility>
#include <vector>

#include <brume/bench/wsblast/tls_end.h>

namespace wsblast {

// Owns one connected descriptor, and its end of TLS where it has one.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        tls_(std::move(other.tls_)),
        sealed_(std::move(other.sealed_)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(tls_, other.tls_);
    std::swap(sealed_, other.sealed_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  int descriptor() const { return descriptor_; }
  // Null: plain.
  TlsEnd* tls() const { return tls_.get(); }

  // Sends the hello; finish_tls() does the rest of the handshake, but for what goes with the next write().
  void begin_tls(std::unique_ptr<TlsEnd> end);
  void finish_tls();

  void write(std::span<const std::byte> bytes);
  // Waits for bytes and leaves them where they are; 0: the server ended the connection.
  std::size_t peek(std::span<std::byte> out);
  // The same, and takes them.
  std::size_t read(std::span<std::byte> out);

  // Closes with a reset, so that thousands of short connections do not use up the ports in TIME_WAIT.
  void reset();

 private:
  void send_all(std::span<const std::byte> bytes) const;
  void send_sealed();
  // Feeds the TLS end once; false: the connection has ended.
  bool feed_tls();

  int descriptor_;
  std::unique_ptr<TlsEnd> tls_;
  std::vector<std::byte> sealed_;
};

}  // namespace wsblast

// dial.h: TCP connections to a server on loopback, and the opening handshake on them.
//
// Blocking, for the time before a measurement starts. A failure throws std::runtime_error, which ends the program.
#pragma once

#include <cstddef>
#include <unistd.h>
#include <utility>
#include <vector>

#include <brume/bench/wsblast/options.h>

namespace wsblast {

// Owns one connected descriptor.
class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  int descriptor() const { return descriptor_; }

  // Closes with a reset, so that thousands of short connections do not use up the ports in TIME_WAIT.
  void reset();

 private:
  int descriptor_;
};

// Lets this process open as many descriptors as it is allowed.
void raise_descriptor_limit();

// Opens `count` connections, with the handshake unless `options.raw`. Handshakes overlap in batches. Where
// `options.rooms` is more than one, connection i asks for the path of room i modulo `in_rooms`.
std::vector<Socket> open_connections(const Options& options, std::size_t count, std::size_t in_rooms);
inline std::vector<Socket> open_connections(const Options& options, std::size_t count) {
  return open_connections(options, count, options.rooms);
}

// Sends `options.hello` on each connection, if there is one.
void send_hello(const Options& options, const std::vector<Socket>& connections);

std::vector<int> descriptors_of(const std::vector<Socket>& connections);

}  // namespace wsblast

// dial.h: connections to a server on loopback, and the opening handshakes on them.
//
// Blocking, for the time before a measurement starts. A failure throws std::runtime_error, which ends the program.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <brume/bench/wsblast/options.h>
#include <brume/bench/wsblast/socket.h>

namespace wsblast {

// Lets this process open as many descriptors as it is allowed.
void raise_descriptor_limit();

// Outlives the connections it opens. `options` outlives it.
class Dialer {
 public:
  explicit Dialer(const Options& options);

  // Opens `count` connections, with the handshakes unless `options.raw`, which overlap in batches. Where
  // `options.rooms` is more than one, connection i asks for the path of room i modulo `in_rooms`.
  std::vector<Socket> open(std::size_t count, std::size_t in_rooms) const;
  std::vector<Socket> open(std::size_t count) const { return open(count, options_.rooms); }

 private:
  void shake_hands(std::span<Socket> connections, std::size_t first_index, std::size_t in_rooms) const;
  std::string upgrade_request(std::size_t room) const;
  void expect_switch(Socket& connection) const;

  const Options& options_;
  std::optional<TlsClient> tls_;
};

// Sends `options.hello` on each connection, if there is one.
void send_hello(const Options& options, std::vector<Socket>& connections);

std::vector<int> descriptors_of(const std::vector<Socket>& connections);

}  // namespace wsblast

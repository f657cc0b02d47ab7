// blocking_client.h: a WebSocket client on a blocking loopback socket, for tests of the real backends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace brume::test {

class BlockingClient {
 public:
  // Connects to 127.0.0.1:`port` and upgrades at `path`. Any failure leaves it closed.
  BlockingClient(std::uint16_t port, std::string_view path);
  ~BlockingClient();
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  // Sends bytes on a bare connection and returns all that comes until the server ends it.
  static std::string exchange(std::uint16_t port, std::string_view bytes);

  bool open() const { return socket_ >= 0; }
  // Sends one masked text message, or any bytes.
  bool send_text(std::string_view text);
  bool send_bytes(std::string_view bytes);
  // The payload of the next data frame; empty and close_code() set after a Close frame, empty and not open() at the
  // end.
  std::string receive();
  std::uint16_t close_code() const { return close_code_; }

 private:
  explicit BlockingClient(int socket) : socket_(socket) {}
  bool fill(std::size_t size);

  int socket_ = -1;
  std::string buffer_;
  std::uint16_t close_code_ = 0;
};

// A masked text frame.
std::string masked_text(std::string_view text);

}  // namespace brume::test

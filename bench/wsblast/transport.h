// transport.h: what the traffic of a measurement goes through: the ring, and TLS above it where the connections have
// it.
//
// One thread. The connections outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <brume/bench/wsblast/ring.h>
#include <brume/bench/wsblast/socket.h>

namespace wsblast {

class Transport {
 public:
  // Connections are named by their index from here on.
  explicit Transport(const std::vector<Socket>& connections);

  // As in Ring; `bytes` are plain.
  void receive(std::uint32_t connection) { ring_.receive(connection); }
  void send(std::uint32_t connection, std::span<const std::byte> bytes);

  // As in Ring; the handler is given plain bytes.
  template <typename Handler>
  void turn(Handler& handler) {
    if (ends_.empty()) return ring_.turn(handler);
    Opening<Handler> opening{*this, handler};
    ring_.turn(opening);
  }

  // Version and cipher that were agreed on; "none" without TLS.
  const std::string& tls() const { return tls_; }

 private:
  struct End {
    TlsEnd* tls;
    std::vector<std::byte> sealed;  // being sent
  };

  // Stands between the ring and the handler.
  template <typename Handler>
  struct Opening {
    Transport& transport;
    Handler& handler;
    void begin_turn() { handler.begin_turn(); }
    void received(std::uint32_t connection, std::span<const std::byte> records) {
      transport.ends_[connection].tls->feed(records);
      std::size_t size = 0;
      do {
        size = transport.open(connection);
        if (size > 0) handler.received(connection, std::span(transport.opened_).first(size));
      } while (size == transport.opened_.size());
    }
    void sent(std::uint32_t connection, int result) { handler.sent(connection, result); }
    void ended(std::uint32_t connection) { handler.ended(connection); }
  };

  // Fills `opened_` with as much as there is; returns how much.
  std::size_t open(std::uint32_t connection);

  Ring ring_;
  std::vector<End> ends_;  // empty without TLS
  std::vector<std::byte> opened_;
  std::string tls_ = "none";
};

}  // namespace wsblast

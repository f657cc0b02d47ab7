// blocking_client.h: one WebSocket connection for programs without a loop: tools and tests.
//
// A Client with one core of its own behind calls that wait. Any thread, also several at a time; not from a core's
// thread. Pings are answered and messages received while nobody is in a call; more than kMaxWaiting messages hold the
// peer back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <brume/engine/client.h>

namespace brume {

class BlockingClient {
 public:
  static constexpr std::size_t kMaxWaiting = 64;  // messages

  // Connects; returns once the connection is there or has failed: connect_timeout bounds it, unless
  // Backoff::retry_first asks for more attempts than one. `config`: of the core. A core that cannot be started is an
  // error of step start. With ConnectOptions::reconnect messages of all connections come one behind the other, what is
  // sent in between fails with connection_closed, and the end is that no connection follows.
  static std::expected<BlockingClient, ConnectError> connect(std::string_view url,
                                                             ConnectOptions options = ConnectOptions(),
                                                             Config config = {});
  BlockingClient(BlockingClient&&) noexcept;
  BlockingClient& operator=(BlockingClient&&) noexcept;
  // Cuts what close() did not end.
  ~BlockingClient();

  // As Connection's calls; they return once the message is in the outbox.
  std::expected<void, Error> send(MessageType type, Bytes data);
  std::expected<void, Error> send_text(std::string_view text) { return send(MessageType::text, as_bytes(text)); }
  std::expected<void, Error> send_binary(Bytes data) { return send(MessageType::binary, data); }
  std::expected<void, Error> ping(Bytes payload = {});

  // The next message. Errors: timed_out; connection_closed, once all that came before the end was returned.
  std::expected<KeptMessage, Error> receive(std::chrono::milliseconds timeout);
  // Waits for the payload of the next pong that no call has returned yet; those of the heartbeat do not count. Errors
  // as receive()'s.
  std::expected<std::string, Error> receive_pong(std::chrono::milliseconds timeout);

  // Starts the closing handshake and waits for its end. Errors: invalid_close_code, invalid_utf8, timed_out.
  std::expected<void, Error> close(std::uint16_t code = 1000, std::string_view reason = {},
                                   std::chrono::milliseconds timeout = std::chrono::seconds(10));

  // How it ended, once it has. `reason` of the info is empty: it stands beside it.
  struct End {
    CloseInfo info{};
    std::string reason{};
  };
  std::optional<End> end() const;
  std::string subprotocol() const;

 private:
  struct State;
  explicit BlockingClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace brume

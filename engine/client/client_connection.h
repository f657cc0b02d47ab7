// client_connection.h: a connection to a server, as a coroutine holds it: what co_await Client::connect() gives.
//
// Belongs to the core's thread it was made on. With ConnectOptions::reconnect it outlives connections: receive() goes
// on with the next one, what is sent in between fails with connection_closed. Its end closes the connection (1000), of
// which a task that still waits in receive() hears. It may outlive its client: then it is closed (1001), and over.
#pragma once

#include <coroutine>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <brume/engine/client/options.h>
#include <brume/engine/connection.h>
#include <brume/engine/core/task_scope.h>

namespace brume {

namespace client {
class Feed;
}

class ClientConnection {
 public:
  explicit ClientConnection(std::shared_ptr<client::Feed> feed) : feed_(std::move(feed)) {}
  ClientConnection(ClientConnection&&) noexcept = default;
  ClientConnection& operator=(ClientConnection&& other) noexcept;
  ~ClientConnection();

  // As Connection's calls of the same names.
  std::expected<void, Error> send(MessageType type, Bytes data);
  std::expected<void, Error> send_text(std::string_view text) { return send(MessageType::text, as_bytes(text)); }
  std::expected<void, Error> send_binary(Bytes data) { return send(MessageType::binary, data); }
  std::expected<void, Error> ping(Bytes payload = {});
  // Ends it for good: there is no reconnecting after this. receive() tells how it ended.
  std::expected<void, Error> close(std::uint16_t code = 1000, std::string_view reason = {});

  // co_await: the next text or binary message (a view, valid until the task next suspends), or how it ended for good:
  // the last connection's end. Requires: no other task waits in receive() of this object.
  class ReceiveAwaiter;
  ReceiveAwaiter receive();

  bool is_connected() const;
  // The connection there is now; null while there is none. Valid until the task next suspends.
  Connection* connection();
  // For other threads: names the connection there is now, not the next one.
  ConnectionHandle handle();
  std::string_view subprotocol() const;
  // Connections so far.
  std::uint32_t connects() const;
  // Why the last attempt came to nothing, if the last one did.
  const std::optional<ConnectError>& last_error() const;

 private:
  std::shared_ptr<client::Feed> feed_;
};

class [[nodiscard]] ClientConnection::ReceiveAwaiter final : private core::CancelPoint {
 public:
  explicit ReceiveAwaiter(std::shared_ptr<client::Feed> feed) : feed_(std::move(feed)) {}
  ~ReceiveAwaiter();

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return begin(waiter, *waiter.promise().scope());
  }
  std::expected<Message, CloseInfo> await_resume();

 private:
  friend class client::Feed;
  bool begin(std::coroutine_handle<> waiter, core::TaskScope& scope);
  void cancel() override;

  std::shared_ptr<client::Feed> feed_;
  std::coroutine_handle<> waiter_{};
  std::optional<Message> message_;
  bool waiting_ = false;
  bool cancelled_ = false;
};

// What Client::connect() gives to be awaited. The attempt begins with the await.
class [[nodiscard]] ConnectAwaiter final : private core::CancelPoint {
 public:
  // `feed`: null where `error` says why.
  ConnectAwaiter(std::shared_ptr<client::Feed> feed, std::optional<ConnectError> error)
      : feed_(std::move(feed)), error_(std::move(error)) {}
  ~ConnectAwaiter();

  bool await_ready() const noexcept { return feed_ == nullptr; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> waiter) {
    return begin(waiter, *waiter.promise().scope());
  }
  std::expected<ClientConnection, ConnectError> await_resume();

 private:
  friend class client::Feed;
  bool begin(std::coroutine_handle<> waiter, core::TaskScope& scope);
  void cancel() override;
  void finish(std::optional<ConnectError> error);

  std::shared_ptr<client::Feed> feed_;
  std::optional<ConnectError> error_;
  std::coroutine_handle<> waiter_{};
  bool waiting_ = false;
  bool starting_ = false;
};

}  // namespace brume

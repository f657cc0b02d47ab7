// connection.h: one WebSocket connection, as its handler sees it.
//
// Connection& belongs to its core's thread and lives until the handler has ended and the socket is closed; a
// ConnectionHandle may be used from any thread and outlives everything. No call here blocks or throws (but for
// std::bad_alloc, which ends that connection with 1011).
#pragma once

#include <any>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include <brume/codec/permessage_deflate.h>
#include <brume/engine/config.h>
#include <brume/engine/core/gate_ref.h>
#include <brume/engine/core/inline_function.h>
#include <brume/engine/core/task.h>
#include <brume/engine/error.h>
#include <brume/engine/io/address.h>
#include <brume/engine/message.h>
#include <brume/engine/prepared_message.h>
#include <brume/engine/tls_config.h>

namespace brume {

class Connection;
class Request;
template <class T = void>
using Task = core::Task<T>;

enum class CloseCause : std::uint8_t {
  peer,           // the peer sent a Close frame
  local,          // this side called close() or its handler returned
  violation,      // the peer broke a rule of the protocol
  limit,          // a size or rate limit was passed
  timeout,        // a time-out ran out
  transport,      // the socket ended without a Close frame
  handler_error,  // the handler threw
  stopping,       // the server stops
};
std::string_view to_string(CloseCause cause);

struct CloseInfo {
  std::uint16_t code = 1006;  // 1005: a Close frame without a code; 1006: none came (RFC 6455, 7.1.5)
  std::string_view reason{};  // valid as long as the connection
  CloseCause cause = CloseCause::transport;
  bool clean = false;  // both Close frames went over
};

// What a direct send may be told. Trivially destructible (g++ 12: it may stand inside a co_await expression).
struct SendOptions {
  // What the message does where it meets a full outbox, as a broadcast's would: it, or older ones that were sent with
  // a policy or broadcast, may be dropped, which is counted and told to `dropped` inside the call; or the connection is
  // closed. Without one nothing is dropped, and the call fails with send_queue_full.
  std::optional<SlowConsumerPolicy> policy{};
  std::string_view key{};  // latest_only: what it is the newest of, on this connection; empty: of all without a key
};

// A reference to a connection for any thread. Cheap to copy. What it asks for is done by the connection's core in the
// order asked; a result says that the core's mailbox took the request, not that the connection still lived.
class ConnectionHandle {
 public:
  ConnectionHandle() = default;
  ConnectionHandle(core::GateRef gate, std::uint32_t slot, std::uint32_t generation)
      : gate_(std::move(gate)), slot_(slot), generation_(generation) {}

  // Copies `data`. What the connection then refuses (message_too_large, send_queue_full) is lost; a full outbox is
  // counted and told to `dropped`. Errors: stopping, queue_full, invalid_message_type, invalid_utf8, out_of_memory.
  std::expected<void, Error> send(MessageType type, Bytes data) const;
  // The same without a copy. Errors: stopping, queue_full, out_of_memory.
  std::expected<void, Error> send(const PreparedMessage& message) const;
  std::expected<void, Error> send_text(std::string_view text) const { return send(MessageType::text, as_bytes(text)); }
  std::expected<void, Error> send_binary(Bytes data) const { return send(MessageType::binary, data); }
  // Errors: invalid_close_code, invalid_utf8, stopping, queue_full, out_of_memory.
  std::expected<void, Error> close(std::uint16_t code = 1000, std::string_view reason = {}) const;
  // Runs `f(Connection&)` on the connection's core; dropped unrun where the connection is gone by then. An `f` that
  // does not fit inside an InlineFunction is allocated by the caller, where std::bad_alloc may be thrown. Errors:
  // stopping, queue_full.
  std::expected<void, Error> post(core::InlineFunction<void(Connection&)> f) const;

 private:
  core::GateRef gate_;
  std::uint32_t slot_ = 0;
  std::uint32_t generation_ = 0;
};

class Connection {
 public:
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Puts a message into the outbox, from where the core sends it at the end of its turn. Never blocks.
  // Errors: connection_closed, invalid_message_type (neither text nor binary), message_too_large, invalid_utf8,
  // send_queue_full.
  std::expected<void, Error> send(MessageType type, Bytes data);
  std::expected<void, Error> send(MessageType type, Bytes data, const SendOptions& options);
  // Errors: connection_closed, message_too_large, send_queue_full.
  std::expected<void, Error> send(const PreparedMessage& message, const SendOptions& options = {});
  std::expected<void, Error> send_text(std::string_view text) { return send(MessageType::text, as_bytes(text)); }
  std::expected<void, Error> send_binary(Bytes data) { return send(MessageType::binary, data); }

  // Sends a ping; the peer's pong is told by Callbacks::pong. Pings of the heartbeat are sent besides.
  // Errors: connection_closed, message_too_large (above 125 bytes), send_queue_full.
  std::expected<void, Error> ping(Bytes payload = {});

  // co_await: the next text or binary message, or how the connection ended.
  // Requires: no other task waits in receive() of this connection.
  class ReceiveAwaiter;
  ReceiveAwaiter receive();

  // co_await: until the outbox is at most half full. -> expected<void, Error> (connection_closed).
  class DrainedAwaiter;
  DrainedAwaiter drained();

  // Starts the closing handshake (RFC 6455, 7.1.2): what is queued goes first, then the Close frame; the peer's is
  // awaited; all within close_timeout. The reason is cut at a code point to 123 bytes. Closing twice does nothing.
  // Errors: invalid_close_code, invalid_utf8 (the reason).
  std::expected<void, Error> close(std::uint16_t code = 1000, std::string_view reason = {});

  // False from the moment either side began to close.
  bool is_connected() const;
  // Stop is requested when the connection has ended.
  std::stop_token stop_token();

  // Unique within the server's life.
  std::uint64_t id() const;
  const io::Address& remote_address() const;
  // What TLS there is; nullopt for a connection in clear, and once the socket is closed. Puts strings together: ask
  // once.
  std::optional<TlsInfo> tls_info() const;
  // The subprotocol agreed on, or empty. Valid as long as the connection.
  std::string_view subprotocol() const;
  // What was agreed on for compressed messages; nullopt: nothing. A window of 256 bytes that the peer keeps to is told
  // as one of 512. Valid as long as the connection.
  std::optional<codec::DeflateSettings> compression() const;
  // The upgrade request. Requires: a server's connection; the handler has not suspended yet (callbacks: `open` has not
  // returned), or keep_request.
  const Request& request() const;

  // Bytes in the outbox, and messages that a full outbox cost so far (see Callbacks::dropped).
  std::size_t buffered_size() const;
  std::uint64_t dropped_count() const;

  ConnectionHandle handle();

  // Flow control of received messages: while paused none is delivered and, beyond a small reserve, none is read.
  void pause_reading();
  void resume_reading();

  // Runs a task on this connection's core that ends with the connection: its brume awaits return errors then, and
  // close_timeout later it is destroyed where it stands.
  void spawn(Task<> task);

  void set_user_value(std::string key, std::any value);
  // The value set under `key` if it is a T, else null. Valid until it is set again or the connection ends.
  template <class T>
  T* user_value(std::string_view key) {
    return std::any_cast<T>(find_user_value(key));
  }

 protected:
  Connection() = default;
  ~Connection() = default;

 private:
  std::any* find_user_value(std::string_view key);
};

class [[nodiscard]] Connection::ReceiveAwaiter {
 public:
  explicit ReceiveAwaiter(Connection& connection) : connection_(&connection) {}
  ReceiveAwaiter(const ReceiveAwaiter&) = delete;
  ReceiveAwaiter& operator=(const ReceiveAwaiter&) = delete;
  ~ReceiveAwaiter();

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> waiter);
  std::expected<Message, CloseInfo> await_resume();

 private:
  Connection* connection_;
  bool waiting_ = false;
};

class [[nodiscard]] Connection::DrainedAwaiter {
 public:
  explicit DrainedAwaiter(Connection& connection) : connection_(&connection) {}
  DrainedAwaiter(const DrainedAwaiter&) = delete;
  DrainedAwaiter& operator=(const DrainedAwaiter&) = delete;
  ~DrainedAwaiter();

  bool await_ready() const noexcept;
  void await_suspend(std::coroutine_handle<> waiter);
  std::expected<void, Error> await_resume();

 private:
  friend class connection::Session;
  Connection* connection_;
  DrainedAwaiter* next_ = nullptr;
  std::coroutine_handle<> waiter_{};
  bool waiting_ = false;
};

}  // namespace brume

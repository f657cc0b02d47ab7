// feed.h: one thing that is to be connected: its attempts, its connection, and what happens when that ends.
//
// Its core's thread only. The core's ClientCore owns it from start() to its end; a ClientConnection may hold it longer.
// It is in one state: dialing -> open -> waiting (with reconnect) -> dialing ... -> over. What its user sees of it are
// either the awaiters of client_connection.h or the handler of an endpoint.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <brume/codec/url.h>
#include <brume/engine/client/client_connection.h>
#include <brume/engine/client/dial.h>
#include <brume/engine/client/options.h>
#include <brume/engine/websocket.h>

namespace brume::client {

class ClientCore;

// Where a client has its parts: written before its cores run, only read from then on.
struct Cores {
  std::vector<connection::CoreContext*> contexts;
  std::uint32_t number = 0;  // of the part, in each core's extensions
  std::atomic<std::uint64_t> last_feed{0};
};

class Feed final : private Dial::Owner {
 public:
  // `options` and `url` passed validate(). `tls`: that of the options, for wss://; else null.
  Feed(std::string_view url, ConnectOptions options, TlsContexts::Settings tls, std::shared_ptr<Cores> cores);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Before start(), for an endpoint: each connection is handled by it; `failed` hears, once, why it ended where there
  // was no connection then.
  using Failed = std::function<void(const ConnectError&)>;
  void serve(const WebSocketEndpoint& endpoint, Failed failed);

  // The part of its client's on this thread's core; null where there is none.
  ClientCore* core_here() const;
  std::uint64_t new_id() { return cores_->last_feed.fetch_add(1, std::memory_order_relaxed) + 1; }

  // ---- for its core
  // Takes its place on `core` as `id` and begins the first attempt.
  void start(ClientCore& core, std::uint64_t id);
  // Instead of start(), where `core` has no memory for it.
  void refuse(ClientCore& core, std::uint64_t id);
  void on_resolved(std::uint64_t dial, io::Environment::Resolution resolution);
  // The core stops, or its client goes: attempts end, a connection is closed with 1001.
  void stop();
  // Its part of the client goes: as stop(), and a connection that is still open ends without it.
  void leave_core();

  // ---- for its user
  std::expected<void, Error> close(std::uint16_t code, std::string_view reason);
  void release();
  Connection* connection() { return connection_; }
  std::uint32_t connects() const { return connects_; }
  const std::optional<ConnectError>& last_error() const { return last_error_; }
  std::string_view subprotocol() const { return subprotocol_; }
  bool over() const { return state_ == State::over; }
  CloseInfo close_info() const { return {close_.code, close_reason_, close_.cause, close_.clean}; }

  // Awaiters
  void wait_for_connection(ConnectAwaiter& awaiter) { connect_waiter_ = &awaiter; }
  void forget_connect_waiter() { connect_waiter_ = nullptr; }
  // True where it has to wait.
  bool wait_for_message(ClientConnection::ReceiveAwaiter& awaiter);
  void forget_receive_waiter() { receive_waiter_ = nullptr; }

 private:
  enum class State : std::uint8_t { fresh, dialing, open, waiting, over };
  // What the route's callbacks find it by: a session may outlive its feed.
  struct Link {
    Feed* feed;
  };
  struct OwnAlarm final : core::Alarm {
    explicit OwnAlarm(Feed& f) : feed(f) {}
    void fire() override { feed.dial(); }
    Feed& feed;
  };

  void on_dialed() override { dial_.reset(); }
  void on_dial_failed(ConnectError error) override;

  connection::RouteRef own_route();
  // Calls what its user gave; what that throws is logged, and is no reason to do anything else.
  template <class F>
  void guarded(F&& call) noexcept;
  // As Connection::pause_reading() and resume_reading(), which are its user's.
  void hold_input(bool held);
  void dial();
  void on_no_memory();
  void on_open(Connection& connection);
  void on_message(const Message& message);
  void on_close(const CloseInfo& info);
  // Tries again after a while, if that is wanted; else it is over. What ended is the connection whose end this is, or,
  // where it is null, the last attempt.
  void retry_or_end(const CloseInfo* closed, std::chrono::nanoseconds at_least) noexcept;
  std::string reason(const CloseInfo* closed) const;
  // Where memory is short the text is, too.
  ConnectError stopping(std::string_view text) const noexcept;
  // `why`: for who waits for a connection there is none of, and theirs after that; null: the last one's end says it
  // all.
  void end(ConnectError* why) noexcept;
  void end(ConnectError why) noexcept { end(&why); }
  ConnectError* last_error_or_null() { return last_error_ ? &*last_error_ : nullptr; }
  std::expected<void, Error> close_connection(std::uint16_t code, std::string_view reason) noexcept;

  codec::Url url_;
  ConnectOptions options_;
  TlsContexts::Settings tls_;
  std::string name_;
  std::shared_ptr<Cores> cores_;
  std::shared_ptr<Link> link_;
  connection::RouteRef route_;
  Failed failed_;
  ClientCore* core_ = nullptr;  // null again once it has left it
  std::uint64_t id_ = 0;
  State state_ = State::fresh;
  bool closing_ = false;  // its user, or its core, wants no other connection
  std::unique_ptr<Dial> dial_;
  std::uint64_t dials_ = 0;
  OwnAlarm alarm_{*this};
  Connection* connection_ = nullptr;
  core::Time opened_{0};
  std::uint32_t connects_ = 0;
  std::uint32_t row_ = 0;  // attempts in a row that came to nothing
  std::optional<ConnectError> last_error_;
  CloseInfo close_;
  std::string close_reason_;
  std::string subprotocol_;
  ConnectAwaiter* connect_waiter_ = nullptr;
  ClientConnection::ReceiveAwaiter* receive_waiter_ = nullptr;
  std::optional<KeptMessage> held_;  // came while nobody waited
  KeptMessage delivered_;            // whose view the user has
};

}  // namespace brume::client

#include <brume/engine/client/client_connection.h>
#include <brume/engine/client/client_core.h>
#include <brume/engine/client/feed.h>

namespace brume {

ClientConnection& ClientConnection::operator=(ClientConnection&& other) noexcept {
  if (this == &other) return *this;
  if (feed_) feed_->release();
  feed_ = std::move(other.feed_);
  return *this;
}
ClientConnection::~ClientConnection() {
  if (feed_) feed_->release();
}

std::expected<void, Error> ClientConnection::send(MessageType type, Bytes data) {
  Connection* const now = feed_->connection();
  if (!now) return std::unexpected(Error::connection_closed);
  return now->send(type, data);
}
std::expected<void, Error> ClientConnection::ping(Bytes payload) {
  Connection* const now = feed_->connection();
  if (!now) return std::unexpected(Error::connection_closed);
  return now->ping(payload);
}
std::expected<void, Error> ClientConnection::close(std::uint16_t code, std::string_view reason) {
  return feed_->close(code, reason);
}
ClientConnection::ReceiveAwaiter ClientConnection::receive() {
  return ReceiveAwaiter(feed_);
}
bool ClientConnection::is_connected() const {
  return feed_->connection() && feed_->connection()->is_connected();
}
Connection* ClientConnection::connection() {
  return feed_->connection();
}
ConnectionHandle ClientConnection::handle() {
  return feed_->connection() ? feed_->connection()->handle() : ConnectionHandle();
}
std::string_view ClientConnection::subprotocol() const {
  return feed_->subprotocol();
}
std::uint32_t ClientConnection::connects() const {
  return feed_->connects();
}
const std::optional<ConnectError>& ClientConnection::last_error() const {
  return feed_->last_error();
}

// ---- receive()

ClientConnection::ReceiveAwaiter::~ReceiveAwaiter() {
  if (waiting_) feed_->forget_receive_waiter();
}

bool ClientConnection::ReceiveAwaiter::begin(std::coroutine_handle<> waiter, core::TaskScope& scope) {
  if (scope.cancelled()) {
    cancelled_ = true;
    return false;
  }
  waiting_ = feed_->wait_for_message(*this);
  if (!waiting_) return false;
  waiter_ = waiter;
  scope.link(*this);
  return true;
}

void ClientConnection::ReceiveAwaiter::cancel() {
  feed_->forget_receive_waiter();
  waiting_ = false;
  cancelled_ = true;
  waiter_.resume();
}

std::expected<Message, CloseInfo> ClientConnection::ReceiveAwaiter::await_resume() {
  if (message_) return *message_;
  if (!cancelled_) return std::unexpected(feed_->close_info());
  CloseInfo info;
  info.cause = CloseCause::stopping;
  return std::unexpected(info);
}

// ---- connect()

ConnectAwaiter::~ConnectAwaiter() {
  if (!feed_) return;
  if (waiting_) feed_->forget_connect_waiter();
  feed_->release();  // nobody took it
}

bool ConnectAwaiter::begin(std::coroutine_handle<> waiter, core::TaskScope& scope) {
  waiter_ = waiter;
  client::ClientCore* const core = feed_->core_here();
  if (!core || core->context().stopping || scope.cancelled()) {
    ConnectError error;
    error.cause = ConnectCause::stopping;
    error.text = core ? "the client stops" : "this is no core of the client's, or it has not been started";
    if (!core) error.cause = ConnectCause::invalid;
    error_ = std::move(error);
    feed_.reset();
    return false;
  }
  starting_ = true;
  waiting_ = true;
  feed_->wait_for_connection(*this);
  core->start(feed_, feed_->new_id());
  starting_ = false;
  if (!waiting_) return false;
  scope.link(*this);
  return true;
}

void ConnectAwaiter::cancel() {
  feed_->forget_connect_waiter();
  waiting_ = false;
  ConnectError error;
  error.cause = ConnectCause::stopping;
  error.text = "who waited for the connection has ended";
  error_ = std::move(error);
  waiter_.resume();
}

void ConnectAwaiter::finish(std::optional<ConnectError> error) {
  unlink();
  waiting_ = false;
  error_ = std::move(error);
  if (!starting_) waiter_.resume();
}

std::expected<ClientConnection, ConnectError> ConnectAwaiter::await_resume() {
  if (!error_) return ClientConnection(std::exchange(feed_, nullptr));
  return std::unexpected(*std::move(error_));
}

}  // namespace brume

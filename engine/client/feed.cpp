#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <exception>
#include <limits>
#include <new>
#include <utility>

#include <brume/codec/close_payload.h>
#include <brume/engine/client/client_core.h>
#include <brume/engine/client/feed.h>
#include <brume/engine/connection/session.h>

namespace brume::client {

namespace {

// Whether a server that answers so may answer otherwise later.
bool is_worth_another_try(const ConnectError& error) {
  if (error.cause == ConnectCause::invalid || error.cause == ConnectCause::stopping) return false;
  // A handshake that was cut off may do better; a certificate that is not trusted, or a version, does not.
  if (error.step == ConnectStep::tls) return error.cause == ConnectCause::timed_out || error.code != 0;
  if (error.cause != ConnectCause::refused) return true;
  return error.status >= 500 || error.status == 408 || error.status == 425 || error.status == 429;
}

// Retry-After in seconds (RFC 9110, section 10.2.3); a date, or none, is no wait. More than the type holds is a long
// one.
std::chrono::seconds retry_after(const ConnectError& error) {
  const std::string_view text = error.header("Retry-After");
  std::uint32_t seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec == std::errc::result_out_of_range) seconds = std::numeric_limits<std::uint32_t>::max();
  return std::chrono::seconds(read.ptr == text.data() + text.size() ? seconds : 0);
}

std::string describe(const CloseInfo& info) {
  std::string text = "closed " + std::to_string(info.code);
  if (!info.reason.empty()) text += " " + connection::escape_for_log(info.reason);
  return text + " (" + std::string(to_string(info.cause)) + ")";
}

// For log lines: what a query holds is often a secret.
std::string_view path_of(std::string_view resource) {
  return resource.substr(0, resource.find('?'));
}

}  // namespace

Feed::Feed(std::string_view url, ConnectOptions options, TlsContexts::Settings tls, std::shared_ptr<Cores> cores)
    : url_(*codec::parse_url(url)),
      options_(std::move(options)),
      tls_(std::move(tls)),
      name_("client of " + url_.authority + std::string(path_of(url_.resource))),
      cores_(std::move(cores)),
      link_(std::make_shared<Link>(this)) {}

Feed::~Feed() {
  link_->feed = nullptr;
  if (connection_) (void)close_connection(codec::close_code::going_away, {});
}

ClientCore* Feed::core_here() const {
  core::Reactor* const reactor = core::Reactor::current();
  if (!reactor) return nullptr;
  auto* const context = static_cast<connection::CoreContext*>(reactor->host());
  if (std::ranges::find(cores_->contexts, context) == cores_->contexts.end()) return nullptr;
  return static_cast<ClientCore*>(context->extensions.find(cores_->number));
}

connection::RouteRef Feed::own_route() {
  connection::WebSocketRoute route;
  route.name = name_;
  route.config = options_.connection;
  route.open = [link = link_](Connection& c) {
    if (link->feed) link->feed->on_open(c);
  };
  route.message = [link = link_](Connection&, const Message& message) {
    if (link->feed) link->feed->on_message(message);
  };
  route.close = [link = link_](Connection&, const CloseInfo& info) {
    if (link->feed) link->feed->on_close(info);
  };
  return connection::RouteRef(std::move(route));
}

void Feed::serve(const WebSocketEndpoint& endpoint, Failed failed) {
  failed_ = std::move(failed);
  const connection::RouteRef bound = endpoint.bind(name_, options_.connection);
  connection::WebSocketRoute route = *bound.operator->();
  const auto close = route.close;
  if (route.handler) {
    route.handler = [link = link_, handler = route.handler](Connection& c) {
      if (link->feed) link->feed->on_open(c);
      return handler(c);
    };
  } else {
    route.open = [link = link_, open = route.open](Connection& c) {
      if (link->feed) link->feed->on_open(c);
      if (open) open(c);
    };
  }
  route.close = [link = link_, close](Connection& c, const CloseInfo& info) {
    std::exception_ptr thrown;
    try {
      if (close) close(c, info);
    } catch (...) {
      thrown = std::current_exception();
    }
    if (link->feed) link->feed->on_close(info);
    if (thrown) std::rethrow_exception(thrown);
  };
  route_ = connection::RouteRef(std::move(route));
}

void Feed::start(ClientCore& core, std::uint64_t id) {
  core_ = &core;
  id_ = id;
  state_ = State::dialing;
  if (core.context().stopping) return stop();
  try {
    if (!route_) route_ = own_route();
  } catch (const std::bad_alloc&) {
    return on_no_memory();
  }
  dial();
}

void Feed::refuse(ClientCore& core, std::uint64_t id) {
  core_ = &core;
  id_ = id;
  state_ = State::dialing;
  closing_ = true;  // nothing would keep it for another attempt
  on_no_memory();
}

void Feed::on_no_memory() {
  ConnectError error;
  error.step = ConnectStep::resolve;
  error.text = "out of memory";  // short: needs none
  error.code = ENOMEM;
  on_dial_failed(std::move(error));
}

template <class F>
void Feed::guarded(F&& call) noexcept {
  try {
    call();
  } catch (...) {
    if (core_) core_->context().note_exception(std::current_exception(), name_, nullptr);
  }
}

void Feed::dial() {
  state_ = State::dialing;
  dials_++;
  try {
    // A private base keeps make_unique out.
    dial_.reset(new Dial(core_->context(), *this, url_, options_, tls_, route_));
    core_->resolve(id_, dials_, url_);
  } catch (const std::bad_alloc&) {
    on_no_memory();
  }
}

void Feed::on_resolved(std::uint64_t dial, io::Environment::Resolution resolution) {
  if (state_ == State::dialing && dial == dials_ && dial_) dial_->on_resolved(std::move(resolution));
}

void Feed::on_dial_failed(ConnectError error) {
  const std::unique_ptr<Dial> over = std::move(dial_);  // which this call ends
  if (state_ != State::dialing) return;
  const auto wait = retry_after(error);
  last_error_ = std::move(error);
  const bool first = connects_ == 0 && !(options_.reconnect && options_.reconnect->retry_first);
  if (first || !is_worth_another_try(*last_error_)) return end(&*last_error_);
  retry_or_end(nullptr, wait);
}

void Feed::on_open(Connection& connection) {
  connection_ = &connection;
  state_ = State::open;
  opened_ = core_->context().reactor.now();
  connects_++;
  last_error_.reset();
  subprotocol_ = connection.subprotocol();
  if (options_.connected) options_.connected(connection);
  if (connect_waiter_) std::exchange(connect_waiter_, nullptr)->finish({});
}

void Feed::on_message(const Message& message) {
  if (receive_waiter_) {
    ClientConnection::ReceiveAwaiter& awaiter = *std::exchange(receive_waiter_, nullptr);
    awaiter.unlink();
    awaiter.waiting_ = false;
    awaiter.message_ = message;
    return awaiter.waiter_.resume();
  }
  held_ = message.keep();
  hold_input(true);
}

void Feed::hold_input(bool held) {
  if (connection_) static_cast<connection::Session&>(*connection_).hold_input(held);
}

bool Feed::wait_for_message(ClientConnection::ReceiveAwaiter& awaiter) {
  assert(!receive_waiter_ && "one receive() at a time");
  if (held_) {
    delivered_ = *std::move(held_);
    held_.reset();
    hold_input(false);
    awaiter.message_ = Message{delivered_.type(), delivered_.data(), nullptr};
    return false;
  }
  if (over()) return false;
  receive_waiter_ = &awaiter;
  return true;
}

void Feed::on_close(const CloseInfo& info) {
  connection_ = nullptr;
  dial_.reset();
  close_ = info;
  try {
    close_reason_ = info.reason;
  } catch (const std::bad_alloc&) {
    close_reason_.clear();
  }
  if (state_ != State::open) return;
  if (closing_) return end(nullptr);  // the core may be gone
  const auto& backoff = options_.reconnect;
  if (backoff && core_->context().reactor.now() - opened_ >= backoff->max) row_ = 0;
  const bool ours = info.cause == CloseCause::local || info.cause == CloseCause::handler_error;
  bool wanted = !ours && !options_.reconnect_after;
  if (options_.reconnect_after) guarded([&] { wanted = options_.reconnect_after(info); });
  if (!wanted) return end(nullptr);
  retry_or_end(&info, std::chrono::nanoseconds(0));
}

std::string Feed::reason(const CloseInfo* closed) const {
  return closed ? describe(*closed) : last_error_->to_string();
}

void Feed::retry_or_end(const CloseInfo* closed, std::chrono::nanoseconds at_least) noexcept {
  const auto& backoff = options_.reconnect;
  if (!backoff || closing_ || core_->context().stopping) return end(last_error_or_null());
  if (backoff->max_attempts != 0 && row_ >= backoff->max_attempts) {
    if (last_error_) return end(&*last_error_);
    ConnectError given_up;  // each attempt got a connection, none of which lasted
    given_up.step = ConnectStep::connect;
    given_up.text = "given up";
    guarded([&] { given_up.text = "given up after " + std::to_string(row_) + " attempts: " + reason(closed); });
    return end(std::move(given_up));
  }
  std::uint32_t chance = 0;  // the longest wait, where there is no memory for random numbers
  guarded([&] {
    for (const std::byte byte : core_->context().masks.draw<4>())
      chance = chance << 8 | std::to_integer<std::uint32_t>(byte);
  });
  const auto longest = std::chrono::nanoseconds(backoff->max);
  const std::chrono::nanoseconds wait = std::max(backoff->wait(row_, chance), std::min(at_least, longest));
  row_++;
  state_ = State::waiting;
  core::Reactor& reactor = core_->context().reactor;
  reactor.arm(alarm_, reactor.now() + wait);
  if (!options_.retrying) return;
  const std::shared_ptr<Feed> self = core_->find(id_);  // who hears of it may drop the connection there and then
  guarded([&] {
    Retry retry;
    retry.attempt = row_;
    retry.wait = wait;
    retry.reason = reason(closed);
    options_.retrying(retry);
  });
}

// Also in destructors: where there is no memory for a Close frame the connection ends without one.
std::expected<void, Error> Feed::close_connection(std::uint16_t code, std::string_view reason) noexcept {
  try {
    return connection_->close(code, reason);
  } catch (const std::bad_alloc&) {
    closing_ = true;
    static_cast<connection::Session&>(*connection_).on_exception(std::current_exception());
    return {};
  }
}

std::expected<void, Error> Feed::close(std::uint16_t code, std::string_view reason) {
  if (connection_) {
    const auto closed = close_connection(code, reason);
    closing_ = closing_ || closed.has_value();
    return closed;
  }
  closing_ = true;
  if (state_ == State::dialing || state_ == State::waiting) {
    close_ = CloseInfo{};
    close_.cause = CloseCause::local;
    close_reason_.clear();
    end(stopping("closed while there was no connection"));
  }
  return {};
}

void Feed::release() {
  held_.reset();
  hold_input(false);
  if (connection_) connection_->resume_reading();  // the peer's Close has to be found
  (void)close(codec::close_code::normal, {});
}

void Feed::stop() {
  closing_ = true;
  if (connection_) {
    (void)close_connection(codec::close_code::going_away, "client stopping");
    return;
  }
  if (state_ != State::dialing && state_ != State::waiting) return;
  last_error_ = stopping("the client stops");
  close_.cause = CloseCause::stopping;
  end(&*last_error_);
}

void Feed::leave_core() {
  stop();
  core_ = nullptr;
}

ConnectError Feed::stopping(std::string_view text) const noexcept {
  ConnectError error;
  error.step = connects_ == 0 ? ConnectStep::start : ConnectStep::connect;
  error.cause = ConnectCause::stopping;
  try {
    error.text = text;
  } catch (const std::bad_alloc&) {
    error.text = "stopping";
  }
  return error;
}

void Feed::end(ConnectError* why) noexcept {
  if (state_ == State::over) return;
  state_ = State::over;
  std::shared_ptr<Feed> self;  // to the end of this call
  if (core_) {
    core_->context().reactor.timers().cancel(alarm_);
    self = core_->remove(id_);
  }
  const std::unique_ptr<Dial> dial = std::move(dial_);
  if (failed_ && why) guarded([&] { failed_(*why); });
  if (connect_waiter_)
    std::exchange(connect_waiter_, nullptr)->finish(why ? std::optional(std::move(*why)) : std::nullopt);
  if (!receive_waiter_) return;
  ClientConnection::ReceiveAwaiter& awaiter = *std::exchange(receive_waiter_, nullptr);
  awaiter.unlink();
  awaiter.waiting_ = false;
  awaiter.waiter_.resume();
}

}  // namespace brume::client

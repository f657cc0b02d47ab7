// The public face of a connection: brume::Connection's calls, its awaiters and its handle.
#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include <brume/codec/close_payload.h>
#include <brume/codec/copy_bytes.h>
#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>

namespace brume {

using connection::Session;

namespace {
Session& session(Connection& connection) {
  return static_cast<Session&>(connection);
}
const Session& session(const Connection& connection) {
  return static_cast<const Session&>(connection);
}
}  // namespace

std::expected<void, Error> Connection::send(MessageType type, Bytes data) {
  return session(*this).send(type, data);
}
std::expected<void, Error> Connection::send(MessageType type, Bytes data, const SendOptions& options) {
  return session(*this).send(type, data, options);
}
std::expected<void, Error> Connection::send(const PreparedMessage& message, const SendOptions& options) {
  return session(*this).send(message, options);
}
std::expected<void, Error> Connection::close(std::uint16_t code, std::string_view reason) {
  return session(*this).close(code, reason);
}
std::expected<void, Error> Connection::ping(Bytes payload) {
  return session(*this).ping(payload);
}
Connection::ReceiveAwaiter Connection::receive() {
  return ReceiveAwaiter(*this);
}
Connection::DrainedAwaiter Connection::drained() {
  return DrainedAwaiter(*this);
}
bool Connection::is_connected() const {
  return session(*this).is_connected();
}
std::stop_token Connection::stop_token() {
  return session(*this).stop_token();
}
std::uint64_t Connection::id() const {
  return session(*this).id();
}
const io::Address& Connection::remote_address() const {
  return session(*this).remote_address();
}
std::optional<TlsInfo> Connection::tls_info() const {
  return session(*this).tls_info();
}
std::string_view Connection::subprotocol() const {
  return session(*this).subprotocol();
}
std::optional<codec::DeflateSettings> Connection::compression() const {
  return session(*this).compression();
}
const Request& Connection::request() const {
  return session(*this).request();
}
std::size_t Connection::buffered_size() const {
  return session(*this).buffered_size();
}
std::uint64_t Connection::dropped_count() const {
  return session(*this).dropped_count();
}
ConnectionHandle Connection::handle() {
  return session(*this).handle();
}
void Connection::pause_reading() {
  session(*this).pause_reading();
}
void Connection::resume_reading() {
  session(*this).resume_reading();
}
void Connection::spawn(Task<> task) {
  session(*this).spawn(std::move(task));
}
void Connection::set_user_value(std::string key, std::any value) {
  session(*this).set_user_value(std::move(key), std::move(value));
}
std::any* Connection::find_user_value(std::string_view key) {
  return session(*this).find_user_value(key);
}

KeptMessage Message::keep() const {
  if (!source) {
    auto copy = std::make_unique_for_overwrite<std::byte[]>(data.size());
    codec::copy_bytes({copy.get(), data.size()}, data);
    return {type, std::move(copy), data.size()};
  }
  return source->keep(*this);
}

Connection::ReceiveAwaiter::~ReceiveAwaiter() {
  if (waiting_) session(*connection_).forget_waiter();
}
bool Connection::ReceiveAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  waiting_ = session(*connection_).wait_for_message(waiter);
  return waiting_;
}
std::expected<Message, CloseInfo> Connection::ReceiveAwaiter::await_resume() {
  waiting_ = false;
  return session(*connection_).take_message();
}

Connection::DrainedAwaiter::~DrainedAwaiter() {
  if (waiting_) session(*connection_).remove_drain_waiter(*this);
}
bool Connection::DrainedAwaiter::await_ready() const noexcept {
  return session(*connection_).has_room();
}
void Connection::DrainedAwaiter::await_suspend(std::coroutine_handle<> waiter) {
  session(*connection_).add_drain_waiter(*this);  // may throw: then it does not wait
  waiter_ = waiter;
  waiting_ = true;
}
std::expected<void, Error> Connection::DrainedAwaiter::await_resume() {
  if (!connection_->is_connected()) return std::unexpected(Error::connection_closed);
  return {};
}

// ---- the handle: envelopes to the connection's core

namespace {

using connection::CoreContext;

Connection* find(void* host, std::uint32_t slot, std::uint32_t generation) {
  if (!host) return nullptr;
  connection::Link* link = static_cast<CoreContext*>(host)->links.find(slot, generation);
  return link && link->protocol() ? link->protocol()->connection() : nullptr;
}

using PostedFunction = core::InlineFunction<void(Connection&)>;

// A function on its way to a connection; owned by the envelope.
struct PostedCall {
  std::uint32_t slot;
  std::uint32_t generation;
  PostedFunction::Packed function;
};

void run_posted(void* host, std::byte* payload) noexcept {
  const auto call = core::Envelope::read<PostedCall>(payload);
  PostedFunction function = PostedFunction::unpack(call.function);
  if (Connection* connection = find(host, call.slot, call.generation)) session(*connection).run_posted(function);
}

}  // namespace

std::expected<void, Error> ConnectionHandle::post(core::InlineFunction<void(Connection&)> f) const {
  if (!gate_) return std::unexpected(Error::stopping);
  const PostedFunction::Packed packed = std::move(f).pack();
  const auto posted = gate_.get()->post(core::Envelope::make(run_posted, PostedCall{slot_, generation_, packed}));
  if (!posted) f = PostedFunction::unpack(packed);  // still ours, and destroyed here
  return posted;
}

std::expected<void, Error> ConnectionHandle::send(MessageType type, Bytes data) const {
  if (type != MessageType::text && type != MessageType::binary) return std::unexpected(Error::invalid_message_type);
  if (type == MessageType::text && !codec::is_valid_utf8(data)) return std::unexpected(Error::invalid_utf8);
  try {
    std::vector<std::byte> copy(data.begin(), data.end());
    return post([type, copy = std::move(copy)](Connection& c) { session(c).send_posted(type, copy); });
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

std::expected<void, Error> ConnectionHandle::send(const PreparedMessage& message) const {
  try {
    return post([message](Connection& c) { session(c).send_posted(message); });
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

std::expected<void, Error> ConnectionHandle::close(std::uint16_t code, std::string_view reason) const {
  if (!codec::is_sendable_close_code(code)) return std::unexpected(Error::invalid_close_code);
  if (!codec::is_valid_utf8(reason)) return std::unexpected(Error::invalid_utf8);
  try {
    return post([code, text = std::string(reason)](Connection& c) { (void)c.close(code, text); });
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

}  // namespace brume

namespace brume::connection {

void* user_state(Connection& connection) {
  return session(connection).user_state();
}

bool Session::wait_for_message(std::coroutine_handle<> waiter) {
  assert(!waiter_ && "one receive() at a time");
  if (cold_ && cold_->held) {
    // The message that came while nobody waited; its bytes stay until the handler waits again.
    cold_->delivered = *std::move(cold_->held);
    cold_->held.reset();
    held_ready_ = true;
    update_reading();
    return false;
  }
  if (state_ == State::ended) return false;
  waiter_ = waiter;
  return true;
}

std::expected<Message, CloseInfo> Session::take_message() {
  if (std::exchange(message_ready_, false)) return context_.in_hand;
  if (!held_ready_) return std::unexpected(close_info());
  held_ready_ = false;
  return Message{cold_->delivered.type(), cold_->delivered.data(), this};
}

void Session::add_drain_waiter(DrainedAwaiter& awaiter) {
  Cold& rare = cold();
  awaiter.next_ = rare.drained;
  rare.drained = &awaiter;
}

namespace {
// Takes `node` out of the list that begins at `first`, where it is in it.
template <class T>
void take_out(T*& first, const T& node, T* T::* next) {
  for (T** place = &first; *place; place = &((*place)->*next)) {
    if (*place != &node) continue;
    *place = node.*next;
    return;
  }
}
}  // namespace

void Session::remove_drain_waiter(DrainedAwaiter& awaiter) {
  take_out(cold_->drained, awaiter, &DrainedAwaiter::next_);
}

void Session::resume_drained() {
  while (cold_ && cold_->drained) {
    DrainedAwaiter& awaiter = *cold_->drained;
    cold_->drained = awaiter.next_;
    awaiter.waiting_ = false;
    awaiter.waiter_.resume();
    if (!has_room()) return;  // the one just resumed has filled the outbox again
  }
}

std::stop_token Session::stop_token() {
  Cold& rare = cold();
  if (!rare.stop_source) {
    rare.stop_source.emplace();
    if (state_ == State::ended) rare.stop_source->request_stop();
  }
  return rare.stop_source->get_token();
}

std::uint64_t Session::id_of(const Transport& transport) const {
  const io::Token token = transport.token();
  return std::uint64_t{token.generation} << 32 | context_.index << 22 | token.slot;
}

std::uint64_t Session::id() const {
  if (transport_) return id_of(*transport_);
  return cold_ ? cold_->id : 0;  // 0: it ends for lack of memory
}

const io::Address& Session::remote_address() const {
  static constexpr io::Address kUnknown{};
  if (transport_) return transport_->peer();
  return cold_ ? cold_->peer : kUnknown;
}

std::string_view Session::subprotocol() const {
  return cold_ ? std::string_view(cold_->subprotocol) : std::string_view();
}

const Request& Session::request() const {
  if (cold_ && cold_->request) return *cold_->request;
  assert(context_.opening.session == this && context_.opening.request &&
         "the request is gone: set RouteConfig::keep_request");
  return *context_.opening.request;
}

std::uint64_t Session::dropped_count() const {
  return cold_ ? cold_->dropped : 0;
}

ConnectionHandle Session::handle() {
  if (!transport_) return {};
  const io::Token token = transport_->token();
  return {context_.reactor.gate_ref(), token.slot, token.generation};
}

void Session::pause_reading() {
  paused_by_user_ = true;
  update_reading();
}

void Session::resume_reading() {
  paused_by_user_ = false;
  update_reading();
}

void Session::hold_input(bool held) {
  input_held_ = held && state_ == State::open;
  update_reading();
}

void Session::update_reading() {
  if (!transport_ || state_ == State::ended) return;
  if (may_take_input() && !blocked_on_output_) {
    transport_->resume();
  } else {
    transport_->pause();
  }
}

void Session::set_user_value(std::string key, std::any value) {
  if (std::any* found = find_user_value(key)) {
    *found = std::move(value);
  } else {
    cold().user_values.emplace_back(std::move(key), std::move(value));
  }
}

std::any* Session::find_user_value(std::string_view key) {
  if (!cold_) return nullptr;
  for (auto& [name, value] : cold_->user_values)
    if (name == key) return &value;
  return nullptr;
}

KeptMessage Session::keep(const Message& message) {
  // From here on the bytes are the caller's, who may put others in their place.
  if (message.data.data() == context_.in_hand.data.data()) context_.in_hand = {};
  if (cold_ && !cold_->delivered.data().empty() && message.data.data() == cold_->delivered.data().data()) {
    return std::move(cold_->delivered);
  }
  codec::OwnedBytes bytes = decoder_.take_payload(message.data);
  return {message.type, std::move(bytes.data), bytes.size};
}

void Session::watch(Watcher& watcher) {
  watcher.next_watcher_ = std::exchange(cold().watchers, &watcher);
}

void Session::unwatch(Watcher& watcher) {
  if (cold_) take_out(cold_->watchers, watcher, &Watcher::next_watcher_);
}

void Session::tell_watchers() {
  while (cold_ && cold_->watchers) {
    Watcher& watcher = *cold_->watchers;
    cold_->watchers = watcher.next_watcher_;
    watcher.on_connection_ended();
  }
}

void Session::run_posted(core::InlineFunction<void(Connection&)>& function) {
  serve();
  guarded([&] { function(*this); });
}

void Session::send_posted(MessageType type, Bytes data) {
  count_refused(send(type, data));
}

void Session::send_posted(const PreparedMessage& message) {
  count_refused(send(message, {}));
}

void Session::count_refused(const std::expected<void, Error>& sent) {
  if (sent || sent.error() != Error::send_queue_full) return;
  cold().note_dropped(1);
  tell_dropped();
}

}  // namespace brume::connection

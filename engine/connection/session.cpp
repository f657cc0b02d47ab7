#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include <brume/codec/close_payload.h>
#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>

namespace brume::connection {

// With Link (link.cpp) and the handler's frame all that an idle connection owns. In words: 3 of the base classes, where
// the small fields fill up the last; 7 of pointers; 1 of counted bytes; 2 of the control bucket; 2 of times. The frame
// pool adds one, and the whole is two cache lines. What few connections use belongs into Cold.
static_assert(sizeof(Session) <= 15 * sizeof(std::uint64_t));
static_assert((sizeof(Session) + core::FramePool::kHeaderSize) % 64 == 0);

namespace {
// Bytes: holds the answer to an upgrade and a short greeting behind it. Blocks taken for many handshakes at once are
// kept for a while, and most connections say no more than that for some time.
constexpr std::size_t kAnswerBlockSize = 1024;

// While a handler has a message, also where it leaves by an exception.
struct InHand {
  InHand(CoreContext& c, const Message& message) : context(c) { context.in_hand = message; }
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;
  ~InHand() { context.in_hand = {}; }
  CoreContext& context;
};
}  // namespace

Session::Session(Transport& transport, RouteRef route)
    : context_(transport.context()),
      transport_(&transport),
      route_(std::move(route)),
      control_bucket_(config().control_rate),
      last_received_(now()) {
  context_.counters.connections.add();
}

Session::~Session() {
  context_.counters.connections.sub();
  context_.reactor.ledger().sub(core::Ledger::Kind::messages, counted_);
  if (has_user_state_) route_->state.destroy(user_state());
}

void Session::ColdDeleter::operator()(Cold* cold) const {
  delete cold;
}

Session::Cold& Session::cold() {
  if (!cold_) cold_.reset(new Cold(*this));
  return *cold_;
}

core::Reactor& Session::reactor() {
  return context_.reactor;
}

Session* Session::make(Transport& transport, RouteRef route, std::string_view subprotocol) {
  const WebSocketRoute::State& state = route->state;
  const std::size_t size = state.size == 0 ? sizeof(Session) : user_state_offset() + state.size;
  core::FramePool& frames = transport.context().reactor.frames();
  void* memory = frames.allocate(size);
  Session* session = nullptr;
  try {
    session = new (memory) Session(transport, std::move(route));
    if (state.size != 0) {
      session->route_->state.construct(static_cast<std::byte*>(memory) + user_state_offset());
      session->has_user_state_ = true;
    }
    if (!subprotocol.empty()) session->cold().subprotocol = subprotocol;
    if (session->config().message_rate != 0 || session->config().byte_rate != 0) session->cold();
  } catch (...) {
    if (session) session->~Session();
    core::FramePool::deallocate(memory);
    throw;
  }
  return session;
}

void Session::destroy(Session* session) {
  session->~Session();
  core::FramePool::deallocate(session);
}

void Session::open(Transport& transport, RouteRef route, const Request& request, std::shared_ptr<const Request> kept,
                   std::string_view subprotocol, std::string_view answer, AgreedDeflate deflate) {
  Session* const session = make(transport, std::move(route), subprotocol);
  session->deflate_ = deflate;
  try {
    if (kept) session->cold().request = std::move(kept);
    const auto room =
        transport.outbox().append(transport.context().reactor.blocks(), answer.size(), Outbox::Content::raw,
                                  std::min(session->config().write_buffer_size, kAnswerBlockSize));
    std::ranges::copy(std::as_bytes(std::span(answer)), room.begin());
  } catch (...) {
    destroy(session);
    throw;
  }
  session->context_.counters.upgrades.add();
  transport.request_flush();
  session->take_over(transport, &request);
}

void Session::open_client(Transport& transport, RouteRef route, std::string_view subprotocol, AgreedDeflate deflate) {
  Session* const session = make(transport, std::move(route), subprotocol);
  session->client_ = true;
  session->deflate_ = deflate;
  transport.let_peer_end_first();
  session->take_over(transport, nullptr);
}

void Session::take_over(Transport& transport, const Request* request) {
  transport.set_protocol(*this);
  transport.set_write_timeout(config().write_timeout);
  transport.wake_by(on_deadline(now()));
  start_handler(request);
}

void Session::start_handler(const Request* request) {
  serve();
  handler_begun_ = !route_->handler;  // with callbacks every task is a spawned one
  const CoreContext::Opening before = std::exchange(context_.opening, {this, request});
  guarded([this] {
    if (route_->handler) {
      begin(route_->handler(*this));
    } else if (route_->open) {
      route_->open(*this);
    }
  });
  context_.opening = before;
}

void Session::on_task_begun(void* task) {
  if (handler_begun_) return cold().spawned.push_back(task);
  handler_begun_ = true;
  handler_ = task;
}

void Session::on_task_done(void* task, std::exception_ptr exception) noexcept {
  if (task == handler_) {
    handler_ = nullptr;
    // A handler that returns has said all it wanted to: its queue is flushed, then the connection is closed.
    if (!exception) guarded([this] { begin_close(codec::close_code::normal, {}, CloseCause::local); });
  } else {
    std::erase(cold_->spawned, task);
  }
  if (exception) handle_exception(exception);
  free_if_done();
}

void Session::serve() {
  context_.reactor.serve(route_->name);
}

Time Session::now() const {
  return context_.reactor.now();
}

// ---- input

bool Session::may_take_input() const {
  return state_ != State::ended && !paused_by_user_ && !input_held_ && !(cold_ && cold_->held);
}

// Twice, as the role is then no question to the decoder of either.
template <codec::Receiver kReceiver>
void Session::decode(std::span<std::byte>& input) {
  const codec::DecoderLimits limits{config().max_message_size, config().max_fragments, kReceiver, deflate_.agreed()};
  while (may_take_input()) {
    if (outbox_above_half()) {
      blocked_on_output_ = true;
      break;
    }
    const codec::Event event = decoder_.next(input, limits);
    if (event.kind == codec::Event::Kind::need_more) break;
    take(event);
  }
}

std::size_t Session::on_input(std::span<std::byte> input) {
  serve();
  last_received_ = now();
  pinged_ = false;
  const std::size_t size = input.size();
  if (cold_ && config().byte_rate != 0 && state_ == State::open && !cold_->byte_bucket.take(size, last_received_)) {
    refuse(Refusal::byte_rate, codec::close_code::policy_violation, "byte rate exceeded", CloseCause::limit);
  }
  if (!client_) [[likely]] {
    decode<codec::Receiver::server>(input);
  } else {
    decode<codec::Receiver::client>(input);
  }
  account();
  if (state_ == State::ended) return size;  // whatever follows a Close frame or a failure is dropped unparsed
  if (state_ == State::open) watch_message();
  if (blocked_on_output_ || !may_take_input()) transport_->pause();
  return size - input.size();
}

void Session::watch_message() {
  if (!decoder_.mid_message()) {
    deadline_ = Time::max();
  } else if (deadline_ == Time::max() && config().message_timeout != Time::zero()) {
    deadline_ = last_received_ + config().message_timeout;
    transport_->wake_by(deadline_);
  }
}

void Session::account() {
  std::size_t held = decoder_.held_bytes();
  if (deflate_.keeps_context()) held += context_bytes();
  if (held == counted_) return;
  core::Ledger& ledger = context_.reactor.ledger();
  ledger.sub(core::Ledger::Kind::messages, counted_);
  ledger.add(core::Ledger::Kind::messages, held);
  counted_ = held;
}

bool Session::outbox_above_half() const {
  if (state_ != State::open) return false;
  const Outbox& outbox = transport_->outbox();
  return outbox.messages() > config().message_buffer_size / 2 || outbox.size() > config().max_buffered_size / 2;
}

void Session::take(const codec::Event& event) {
  using Kind = codec::Event::Kind;
  if (event.kind == Kind::violation) return fail(event.violation);
  if (event.kind == Kind::close) return on_close_frame(event.payload);
  // After our Close only the peer's matters (section 5.5.1); what else comes is discarded.
  if (state_ != State::open) return;
  if (event.compressed) return take_compressed(event);  // and comes back inflated
  if (!pass_rates(event)) return;
  if (event.kind == Kind::ping) return on_ping(event.payload);
  if (event.kind == Kind::pong) {
    if (route_->pong) route_->pong(*this, event.payload);
    return;
  }
  context_.counters.messages_received.add();
  const auto type = static_cast<MessageType>(event.opcode);
  if (waiter_) {
    message_ready_ = true;
    const InHand now(context_, {type, event.payload, this});
    std::exchange(waiter_, nullptr).resume();
  } else if (route_->message) {
    const Message message{type, event.payload, this};
    const InHand now(context_, message);  // which keep() forgets; the callback's own stays
    route_->message(*this, message);
  } else if (route_->handler) {
    hold(type, event.payload);
  }
}

void Session::hold(MessageType type, std::span<const std::byte> payload) {
  codec::OwnedBytes bytes = decoder_.take_payload(payload);
  cold().held.emplace(type, std::move(bytes.data), bytes.size);
}

bool Session::pass_rates(const codec::Event& event) {
  if (event.kind != codec::Event::Kind::message) {
    if (control_bucket_.take(1, last_received_)) return true;
    refuse(Refusal::control_rate, codec::close_code::policy_violation, "control frame rate exceeded",
           CloseCause::limit);
    return false;
  }
  if (config().message_rate == 0 || cold_->message_bucket.take(1, last_received_)) return true;
  refuse(Refusal::message_rate, codec::close_code::policy_violation, "message rate exceeded", CloseCause::limit);
  return false;
}

void Session::on_ping(std::span<const std::byte> payload) {
  if (transport_->outbox().controls() < kMaxQueuedControls) return append_control(codec::Opcode::pong, payload);
  Cold& rare = cold();
  rare.pong_waits = true;
  rare.pong_size = static_cast<std::uint8_t>(payload.size());
  std::copy(payload.begin(), payload.end(), rare.pong.begin());
}

void Session::on_close_frame(std::span<const std::byte> payload) {
  const auto close = codec::read_close_payload(payload);
  if (!close) return fail(close.error());
  const bool ours_went_first = state_ == State::closing;
  if (!ours_went_first) {
    append_close(close->code, {});
  }
  finish(close->code, close->reason, ours_went_first ? close_cause_ : CloseCause::peer, true);
}

void Session::fail(codec::Violation violation) {
  const codec::ViolationInfo& rule = codec::info(violation);
  context_.counters.violations[static_cast<std::size_t>(violation)].add();
  log(LogLevel::warning, rule.name, rule.reason);
  const bool limit = violation == codec::Violation::message_too_large ||
                     violation == codec::Violation::too_many_fragments ||
                     violation == codec::Violation::inflated_too_large;
  fail_with(rule.close_code, rule.reason, limit ? CloseCause::limit : CloseCause::violation);
}

void Session::refuse(Refusal refusal, std::uint16_t code, std::string_view reason, CloseCause cause) {
  context_.counters.refusals[static_cast<std::size_t>(refusal)].add();
  log(LogLevel::warning, to_string(refusal), reason);
  fail_with(code, reason, cause);
}

void Session::fail_with(std::uint16_t code, std::string_view reason, CloseCause cause) {
  if (state_ == State::ended) return;
  if (transport_ && state_ == State::open) {
    transport_->outbox().drop_unbegun(transport_->in_flight());
    append_close(code, reason);
  }
  finish(code, reason, cause, false);
}

void Session::on_output_progress() {
  if (cold_ && cold_->pong_waits && transport_->outbox().controls() < kMaxQueuedControls && state_ == State::open) {
    cold_->pong_waits = false;
    append_control(codec::Opcode::pong, {cold_->pong.data(), cold_->pong_size});
  }
  if (outbox_above_half()) return;
  if (blocked_on_output_) {
    blocked_on_output_ = false;
    if (may_take_input()) transport_->resume();
  }
  const bool tell_route = was_above_half_ && route_->drained;
  was_above_half_ = false;
  if (!tell_route && !(cold_ && cold_->drained)) return;
  serve();
  resume_drained();
  if (tell_route && state_ == State::open) guarded([this] { route_->drained(*this); });
  context_.reactor.rest();  // others' output follows
}

// ---- time

Time Session::on_deadline(Time time) {
  if (state_ == State::ended) return Time::max();
  if (state_ == State::closing) {
    if (time < deadline_) return deadline_;
    cut(Refusal::close_timeout, close_code_, "the peer did not answer Close");
    return Time::max();
  }
  if (time >= deadline_) {
    refuse(Refusal::message_timeout, codec::close_code::policy_violation, "message took too long", CloseCause::timeout);
    return Time::max();
  }
  Time next = deadline_;
  // While this side does not read, silence says nothing about the peer.
  if (!may_take_input() || blocked_on_output_ || transport_->held_back()) last_received_ = time;
  if (config().read_timeout != Time::zero()) {
    const Time limit = last_received_ + config().read_timeout;
    if (time >= limit) {
      cut(Refusal::read_timeout, codec::close_code::abnormal, "nothing received");
      return Time::max();
    }
    next = std::min(next, limit);
  }
  if (config().ping_interval != Time::zero()) {
    const Time limit = last_received_ + config().ping_interval;
    if (time >= limit && !pinged_) {
      pinged_ = true;
      append_control(codec::Opcode::ping, {});
    }
    next = std::min(next, pinged_ ? time + config().ping_interval : limit);
  }
  return next;
}

void Session::cut(Refusal refusal, std::uint16_t code, std::string_view detail) {
  context_.counters.refusals[static_cast<std::size_t>(refusal)].add();
  log(LogLevel::info, to_string(refusal), detail);
  Transport* transport = transport_;
  finish(code, {}, CloseCause::timeout, false);
  transport->abort(End::local);
}

void Session::log(LogLevel level, std::string_view rule, std::string_view detail) {
  context_.log.event(level, now(), rule, transport_ ? &transport_->peer() : nullptr, detail);
}

void Session::check_invariants() const {
  assert(!waiter_ || (handler_begun_ && !message_ready_));
  assert(!context_.in_hand.source && !context_.opening.session);  // between turns no handler runs
  assert(state_ != State::ended || !waiter_);
  if (state_ != State::ended) decoder_.check_invariants();  // one that threw is only good for being destroyed
}

}  // namespace brume::connection

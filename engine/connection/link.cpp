#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>

namespace brume::connection {

struct Link::Spill {
  std::uint32_t capacity;  // bytes of the whole block
  std::uint32_t begin;
  std::uint32_t end;

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this) + kHeaderSize; }
  std::span<std::byte> content() { return {bytes() + begin, end - begin}; }
  static constexpr std::size_t kHeaderSize = 16;
};

// See session.cpp. In words: 5 of the alarm, the marks and the write time-out; 2 of context and outbox; 3 of protocol,
// spill and deadline; 1 of the send under way; 3.5 of socket and peer; 0.5 of flags. The slab adds one, and the whole
// is two cache lines.
static_assert(sizeof(Link) <= 15 * sizeof(std::uint64_t));

namespace {
// Set aside without asking the socket to stop; above it TCP holds the peer.
constexpr std::size_t kSpillBeforeStop = 16 * 1024;
}  // namespace

Link::Link(CoreContext& context, io::SocketId socket, const io::Address& peer)
    : Transport(context), socket_(socket), peer_(peer) {
  context.reactor.admit();
}

Link::~Link() {
  assert(state_ == State::closed && !receiving_ && in_flight_ == 0);
  free_spill();
  context_.reactor.dismiss();
}

void Link::start(std::chrono::milliseconds write_timeout, bool admitted, bool unnamed) {
  set_write_timeout(write_timeout);
  admitted_ = admitted;
  unnamed_ = unnamed;
  context_.counters.sockets.add();
  start_receive();
}

bool Link::rename_peer(const io::Address& peer) {
  assert(unnamed_);
  peer_ = peer;
  if (!admitted_) return false;
  unnamed_ = !context_.doorkeeper.enter_address(peer);
  return !unnamed_;
}

void Link::start_receive() {
  if (receiving_ || input_ended_) return;
  receiving_ = true;
  stopping_receive_ = false;
  context_.reactor.io().receive(socket_, token());
}

void Link::stop_receive() {
  if (!receiving_ || stopping_receive_) return;
  stopping_receive_ = true;
  context_.reactor.io().stop_receive(socket_, token());
}

void Link::on_received(std::span<std::byte> bytes) {
  context_.counters.bytes_received.add(bytes.size());
  if (state_ != State::open) return;  // ending: the rest is dropped unparsed
  offer(bytes);
}

void Link::offer(std::span<std::byte> bytes) {
  if (takes_input() && !spill_) bytes = feed(bytes);
  if (state_ != State::open) return free_spill();
  if (bytes.empty()) return;
  try {
    set_aside(bytes);
  } catch (const std::bad_alloc&) {
    return abort(End::memory);
  }
  // A protocol that left bytes without pausing waits for more of them; they are offered again together.
  if (!takes_input() && spill_->content().size() > kSpillBeforeStop) stop_receive();
  if (takes_input()) context_.reactor.mark_ready(*this);
}

template <class F>
void Link::guarded(F&& call) {
  try {
    call();
  } catch (...) {
    protocol_->on_exception(std::current_exception());
  }
}

std::span<std::byte> Link::feed(std::span<std::byte> bytes) {
  offering_ = true;
  context_.last_served = token();
  while (!bytes.empty() && state_ == State::open && takes_input()) {
    Protocol* protocol = protocol_;
    std::size_t taken = 0;
    guarded([&] { taken = protocol->on_input(bytes); });
    bytes = bytes.subspan(taken);
    if (taken == 0 && protocol == protocol_) break;
  }
  offering_ = false;
  return bytes;
}

void Link::set_aside(std::span<const std::byte> bytes) {
  const std::size_t used = spill_ ? spill_->content().size() : 0;
  if (!spill_ || spill_->end + Spill::kHeaderSize + bytes.size() > spill_->capacity) {
    const std::size_t wanted = Spill::kHeaderSize + used + bytes.size();
    const core::Block block =
        context_.reactor.blocks().take(std::max(wanted, spill_ ? 2 * used : protocol_->read_buffer_size()));
    auto* grown = new (block.data) Spill{block.size, 0, static_cast<std::uint32_t>(used)};
    if (used != 0) std::memcpy(grown->bytes(), spill_->content().data(), used);
    free_spill();
    spill_ = grown;
  }
  std::memcpy(spill_->bytes() + spill_->end, bytes.data(), bytes.size());
  spill_->end += static_cast<std::uint32_t>(bytes.size());
}

void Link::free_spill() {
  if (!spill_) return;
  Spill* spill = std::exchange(spill_, nullptr);
  context_.reactor.blocks().give_back({reinterpret_cast<std::byte*>(spill), spill->capacity});
}

void Link::resume() {
  if (!paused_) return;
  paused_ = false;
  if (!offering_ && !held_back_) context_.reactor.mark_ready(*this);
}

bool Link::hold_back() {
  if (state_ != State::open || held_back_) return false;
  held_back_ = true;
  stop_receive();
  return true;
}

void Link::let_go() {
  if (!held_back_) return;
  held_back_ = false;
  if (!paused_) context_.reactor.mark_ready(*this);
}

void Link::run_ready() {
  if (state_ != State::open || !takes_input()) return;
  if (spill_) {
    const std::size_t before = spill_->content().size();
    const std::size_t left = feed(spill_->content()).size();
    if (state_ != State::open) return free_spill();
    if (left == 0) {
      free_spill();
    } else {
      spill_->begin += static_cast<std::uint32_t>(before - left);
      if (!takes_input()) return;
    }
  }
  if (input_ended_) return tell_end(End::fin);
  start_receive();
}

void Link::on_receive_ended(int error) {
  receiving_ = false;
  stopping_receive_ = false;
  if (state_ == State::aborting) return close_when_idle();
  if (error == ECANCELED) {
    if (state_ == State::ending || takes_input()) start_receive();
    return;
  }
  if (error != 0) return abort(End::reset);
  input_ended_ = true;
  if (state_ == State::ending) return try_finish();
  if (takes_input() || !spill_) return tell_end(End::fin);
  // What is set aside may still be asked for, but the peer is gone: not for longer than a write may stall.
  deadline_ = context_.reactor.now() + write_timeout_;
  wake_by(deadline_);
}

void Link::tell_end(End end) {
  if (end_told_) return;
  end_told_ = true;
  if (!protocol_) return;
  guarded([&] { protocol_->on_end(end); });
}

void Link::request_flush() {
  context_.reactor.mark_flush(*this);
}

void Link::flush() {
  if (in_flight_ != 0 || state_ == State::aborting || state_ == State::closed) return;
  if (outbox_.empty()) return try_finish();
  std::array<iovec, io::Io::kMaxSegments> segments;
  const std::size_t count = outbox_.gather(segments);
  for (std::size_t i = 0; i < count; i++) in_flight_ += static_cast<std::uint32_t>(segments[i].iov_len);
  const Time now = context_.reactor.now();
  // Rounded up, so that the peer never has less than its time.
  output_since_ms_ = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(now).count());
  const std::int32_t result =
      context_.reactor.io().send(socket_, token(), std::span<const iovec>(segments.data(), count));
  if (result == io::Io::kPending) {
    if (write_timeout_ != Time::zero()) wake_by(now + write_timeout_);
    return;
  }
  on_sent(result);
}

void Link::on_sent(std::int32_t result) {
  in_flight_ = 0;
  if (state_ == State::aborting) return close_when_idle();
  if (result < 0) return abort(End::reset);
  output_moved(static_cast<std::size_t>(result));
}

void Link::output_moved(std::size_t size) {
  context_.counters.bytes_sent.add(size);
  outbox_.consume(size);
  if (!outbox_.empty()) request_flush();
  if (state_ == State::open && protocol_) guarded([this] { protocol_->on_output_progress(); });
  if (state_ == State::ending) try_finish();
}

void Link::end(Time deadline) {
  if (state_ != State::open) return;
  state_ = State::ending;
  deadline_ = deadline;
  if (!offering_) free_spill();
  wake_by(deadline);
  if (!input_ended_) start_receive();
  request_flush();
}

void Link::try_finish() {
  if (state_ != State::ending || !outbox_.empty() || in_flight_ != 0) return;
  if (!fin_sent_ && !input_ended_ && !peer_ends_first_) {
    fin_sent_ = true;
    context_.reactor.io().shutdown_write(socket_);
  }
  // The peer's FIN came after ours could be read, or before: nothing is left that a reset could eat.
  if (input_ended_) {
    state_ = State::aborting;
    close_when_idle();
  }
}

void Link::abort(End end) {
  if (state_ == State::aborting || state_ == State::closed) return;
  const bool was_open = state_ == State::open;
  state_ = State::aborting;
  abort_close_ = end != End::fin;
  if (!offering_) free_spill();
  if (receiving_ || in_flight_ != 0) context_.reactor.io().cancel(socket_, token());
  if (was_open) tell_end(end);
  close_when_idle();
}

void Link::close_when_idle() {
  if (receiving_ || in_flight_ != 0 || state_ == State::closed) return;
  state_ = State::closed;
  context_.reactor.timers().cancel(*this);
  context_.reactor.io().close(socket_, abort_close_);
  context_.reactor.mark_reap(*this);
}

void Link::reap() {
  outbox_.clear();
  context_.counters.sockets.sub();
  if (admitted_) context_.doorkeeper.leave(unnamed_ ? io::Address{} : peer_);
  if (protocol_) std::exchange(protocol_, nullptr)->on_detached();
  const io::Token name = token();
  context_.links.erase(name.slot, name.generation);
}

void Link::wake_by(Time deadline) {
  if (state_ == State::closed || deadline == Time::max()) return;
  if (!armed() || deadline < Alarm::deadline()) context_.reactor.arm(*this, deadline);
}

Time Link::stalled_at(Time now) const {
  if (in_flight_ == 0 || write_timeout_ == Time::zero()) return Time::max();
  const auto now_ms = std::chrono::floor<std::chrono::milliseconds>(now);
  // Negative within the millisecond the send began in.
  const auto passed = static_cast<std::int32_t>(static_cast<std::uint32_t>(now_ms.count()) - output_since_ms_);
  return now_ms + std::chrono::milliseconds(write_timeout_) - std::chrono::milliseconds(passed);
}

void Link::fire() {
  const Time now = context_.reactor.now();
  if (state_ == State::ending && now >= deadline_) return abort(End::local);
  if (now >= stalled_at(now)) {
    context_.counters.refusals[static_cast<std::size_t>(Refusal::write_timeout)].add();
    context_.log.event(LogLevel::warning, now, "write_timeout", &peer_, "no byte taken while output waited");
    return abort(End::write_timeout);
  }
  if (state_ == State::open && input_ended_ && !end_told_ && now >= deadline_) {
    free_spill();
    tell_end(End::fin);
    if (aborting()) return;
  }
  // Once the end was told its deadline is nobody's, but the protocol may go on, and has times of its own.
  Time next = state_ == State::ending || (input_ended_ && !end_told_) ? deadline_ : Time::max();
  next = std::min(next, stalled_at(now));
  if (state_ == State::open && protocol_) guarded([&] { next = std::min(next, protocol_->on_deadline(now)); });
  wake_by(next);
}

void Link::on_stop() {
  if (state_ == State::open && protocol_) guarded([this] { protocol_->on_stop(); });
}

std::size_t Link::held_bytes() const {
  return outbox_.size() + (spill_ ? spill_->capacity : 0) + (protocol_ ? protocol_->held_bytes() : 0);
}

void Link::check_invariants() const {
  outbox_.check_invariants();
  assert(in_flight_ <= outbox_.size());
  assert(state_ == State::open || state_ == State::ending || armed() || receiving_ || in_flight_ != 0 ||
         state_ == State::closed);
  if (protocol_) protocol_->check_invariants();
}

}  // namespace brume::connection

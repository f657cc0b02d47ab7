// What the layer above asks for; what it is told is in sim_io_completions.cpp.
#include <algorithm>
#include <cerrno>

#include <brume/engine/sim/sim_io.h>

namespace brume::sim {
namespace {

using namespace std::chrono_literals;

constexpr io::Time kMaxLateness = 3ms;       // of a late completion or wake
constexpr std::uint64_t kReorderReach = 64;  // completions that one may overtake
constexpr io::Time kSpinCost = 1us;          // what looking again without waiting takes

std::size_t total_size(std::span<const iovec> segments) {
  std::size_t size = 0;
  for (const iovec& segment : segments) size += segment.iov_len;
  return size;
}

}  // namespace

SimIo::SimIo(SimContext& context, SimNetwork& network, SimIoHome& home, std::size_t core, std::size_t max_sockets)
    : context_(context), network_(network), home_(home), core_(core), max_sockets_(max_sockets) {}

SimIo::~SimIo() {
  if (operations_ != 0) violation("~Io", "no operation may be in flight");
  if (open_sockets() != 0) violation("~Io", "every socket has to be closed before");
  for (const HandedOver& given : handed_over_) network_.close(given.end, true);
  for (const Listener& listener : listeners_)
    if (!listener.closed) network_.close_listener(listener.handle);
  home_.io_is_gone(*this);
}

std::string SimIo::describe() const {
  std::string text = "simulated, seed ";
  text += std::to_string(context_.seed());
  return text;
}

void SimIo::violation(const char* call, const char* rule) const {
  context_.fail(std::string("contract of Io broken in ") + call + "() on core " + std::to_string(core_) + ": " + rule);
}

SimIo::Socket& SimIo::at(io::SocketId socket, const char* call) {
  if (socket >= sockets_.size() || sockets_[socket].end == kNoEnd) violation(call, "not an open socket of this core");
  acted_ = true;
  return sockets_[socket];
}

SimIo::Listener* SimIo::find(io::ListenerHandle listener) {
  acted_ = true;
  for (Listener& l : listeners_)
    if (l.handle == listener) return l.closed ? nullptr : &l;
  violation("a listener's call", "not a listener of this core");
}

// --- completions on their way

void SimIo::complete(Op op, std::uint32_t index, io::Time delay) {
  if (context_.strikes(FaultKind::late_completion)) delay += context_.duration(1us, kMaxLateness);
  std::uint64_t place = sequence_++ + kReorderReach;
  if (context_.strikes(FaultKind::reordered)) place -= context_.random.below(kReorderReach);
  completions_.push(context_.now() + delay, place, {index, op});
}

void SimIo::complete_receive(io::SocketId socket) {
  Socket& s = sockets_[socket];
  if (!s.receiving || s.receive_queued) return;
  s.receive_queued = true;
  complete(Op::receive, socket);
}

void SimIo::complete_send(io::SocketId socket, io::Time delay) {
  Socket& s = sockets_[socket];
  if (!s.sending || s.send_queued) return;
  s.send_queued = true;
  complete(Op::send, socket, delay);
}

void SimIo::complete_accept(Listener& listener) {
  if (!listener.armed || listener.queued) return;
  listener.queued = true;
  complete(Op::accept, static_cast<std::uint32_t>(&listener - listeners_.data()));
}

void SimIo::on_readable(std::uint32_t key) {
  // What arrives, a reset even, says that it is connected.
  if (!connects_.empty()) on_connected(key, 0);
  complete_receive(key);
}

void SimIo::on_writable(std::uint32_t key) {
  complete_send(key);
}

void SimIo::on_backlog(io::ListenerHandle listener) {
  for (Listener& l : listeners_)
    if (l.handle == listener) complete_accept(l);
}

// --- listeners

void SimIo::add_listener(io::ListenerHandle listener) {
  if (!network_.is_listening(listener)) violation("add_listener", "the listener is closed");
  for (const Listener& l : listeners_)
    if (l.handle == listener) violation("add_listener", "the listener was added before");
  acted_ = true;
  network_.set_owner(listener, this);
  listeners_.push_back({listener, true, false, false, false});
  arm(listeners_.back());
}

void SimIo::arm(Listener& listener) {
  listener.wanted = true;
  if (!listener.armed) {
    listener.armed = true;
    ++operations_;
  }
  if (network_.backlog_size(listener.handle) != 0) complete_accept(listener);
}

void SimIo::pause_accept(io::ListenerHandle listener) {
  Listener* const l = find(listener);
  if (!l) return;
  l->wanted = false;
  complete_accept(*l);  // the end of the accept in flight
}

void SimIo::resume_accept(io::ListenerHandle listener) {
  if (Listener* const l = find(listener)) arm(*l);
}

void SimIo::close_listener(io::ListenerHandle listener) {
  Listener* const l = find(listener);
  if (!l) return;
  network_.close_listener(listener);
  l->wanted = false;
  l->closed = true;
  complete_accept(*l);
}

bool SimIo::refuse_one(io::ListenerHandle listener) {
  if (!find(listener) || network_.backlog_size(listener) == 0 || context_.strikes(FaultKind::no_reserve)) return false;
  network_.close(network_.accept(listener), false);
  return true;
}

// --- sockets

io::SocketId SimIo::open(EndId end) {
  if (free_.empty()) {
    free_.push_back(static_cast<io::SocketId>(sockets_.size()));
    sockets_.emplace_back();
  }
  const io::SocketId socket = free_.back();
  free_.pop_back();
  sockets_[socket] = Socket{};
  sockets_[socket].end = end;
  sockets_[socket].fresh = true;
  network_.set_owner(end, this, socket);
  return socket;
}

void SimIo::may_break(io::SocketId socket) {
  if (!context_.strikes(FaultKind::reset)) return;
  const bool at_once = context_.random.below(2) == 0;
  network_.break_connection(sockets_[socket].end, at_once);
  if (!at_once) return;  // the operations in flight end when the news arrives
  complete_receive(socket);
  complete_send(socket);
}

void SimIo::receive(io::SocketId socket, io::Token token) {
  Socket& s = at(socket, "receive");
  if (s.receiving) violation("receive", "a receive is under way for this socket");
  if (s.sending && s.send_token != token) violation("receive", "the send has another token");
  s.receiving = true;
  s.receive_stopped = false;
  s.fresh = false;
  s.receive_token = token;
  ++operations_;
  may_break(socket);
  if (network_.is_readable(s.end)) complete_receive(socket);
}

void SimIo::stop_receive(io::SocketId socket, io::Token token) {
  Socket& s = at(socket, "stop_receive");
  if (!s.receiving) return;
  if (s.receive_token != token) violation("stop_receive", "the receive has another token");
  s.receive_stopped = true;
  complete_receive(socket);
}

std::int32_t SimIo::take_bytes(EndId end, std::span<const iovec> segments) {
  std::size_t limit = std::min({total_size(segments), network_.room(end), std::size_t{INT32_MAX}});
  if (limit > 1 && context_.strikes(FaultKind::short_send))
    limit = context_.random.below(4) == 0 ? 1 : 1 + context_.random.below(static_cast<std::uint32_t>(limit - 1));
  return static_cast<std::int32_t>(network_.write(end, segments, limit));
}

std::int32_t SimIo::send(io::SocketId socket, io::Token token, std::span<const iovec> segments) {
  Socket& s = at(socket, "send");
  if (s.sending) violation("send", "a send is under way for this socket");
  if (s.receiving && s.receive_token != token) violation("send", "the receive has another token");
  if (segments.empty() || segments.size() > kMaxSegments) violation("send", "1 to kMaxSegments segments");
  for (const iovec& segment : segments)
    if (segment.iov_len == 0) violation("send", "no segment may be empty");

  may_break(socket);
  const bool later = context_.strikes(FaultKind::pending_send);
  const int error = network_.take_write_error(s.end);
  const bool fits = error == 0 && network_.room(s.end) != 0;
  if (!later && error != 0) return -error;
  if (!later && fits) return take_bytes(s.end, segments);

  s.sending = true;
  s.send_cancelled = false;
  s.send_result = -error;
  s.send_token = token;
  s.segment_count = static_cast<std::uint8_t>(segments.size());
  std::ranges::copy(segments, s.segments.begin());
  s.checksum = 0;
  for (const iovec& segment : segments) s.checksum = hash_bytes(segment.iov_base, segment.iov_len, s.checksum);
  ++operations_;
  if (fits && context_.strikes(FaultKind::late_send)) {
    s.send_result = take_bytes(s.end, segments);
    complete_send(socket, context_.duration(0us, kMaxLateness));
  } else if (fits || error != 0) {
    complete_send(socket);
  } else {
    network_.want_room(s.end);
  }
  return kPending;
}

void SimIo::cancel(io::SocketId socket, io::Token token) {
  Socket& s = at(socket, "cancel");
  if (s.receiving) {
    if (s.receive_token != token) violation("cancel", "the receive has another token");
    s.receive_stopped = true;
    complete_receive(socket);
  }
  if (s.sending) {
    if (s.send_token != token) violation("cancel", "the send has another token");
    s.send_cancelled = true;
    complete_send(socket);
  }
}

void SimIo::shutdown_write(io::SocketId socket) {
  Socket& s = at(socket, "shutdown_write");
  network_.shutdown_write(s.end);
  complete_send(socket);  // a send that still waits for room will get EPIPE
}

void SimIo::close(io::SocketId socket, bool abort) {
  Socket& s = at(socket, "close");
  if (s.receiving) violation("close", "a receive is under way for this socket");
  if (s.sending) violation("close", "a send is under way for this socket");
  network_.close(s.end, abort);
  s.end = kNoEnd;
  free_.push_back(socket);  // the kernel, too, gives a slot out again before it tells of the close
  ++operations_;
  ++closes_;
  complete(Op::close, socket);
}

void SimIo::hand_over(io::SocketId socket, io::ListenerHandle listener, const io::Address& peer, io::Io& target) {
  Socket& s = at(socket, "hand_over");
  if (!s.fresh || s.receiving || s.sending) violation("hand_over", "only a fresh socket may be handed over");
  auto* const other = dynamic_cast<SimIo*>(&target);
  if (!other || other == this) violation("hand_over", "the target has to be another core's Io of the same kind");
  const EndId end = s.end;
  s.end = kNoEnd;
  free_.push_back(socket);
  network_.set_owner(end, nullptr, 0);
  other->handed_over_.push_back({listener, end, peer});
  other->complete(Op::hand_over, 0);
}

// --- turns and sleep

void SimIo::wake() {
  // Release: pairs with the exchange in notice_wake(), for threads that the simulation does not know of.
  wake_asked_.store(true, std::memory_order_release);
}

void SimIo::notice_wake() {
  if (!wake_asked_.load(std::memory_order_relaxed)) return;
  wake_asked_.exchange(false, std::memory_order_acquire);  // pairs with the store in wake()
  io::Time due = context_.now();
  if (context_.strikes(FaultKind::late_wake)) due += context_.duration(1us, kMaxLateness);
  wake_due_ = std::min(wake_due_, due);
}

void SimIo::begin_turn() {
  polls_in_turn_ = 0;
}

std::size_t SimIo::poll(io::Events& events, io::Time timeout) {
  if (polling_) violation("poll", "not from inside poll()");
  polling_ = true;
  acted_ = false;
  // Only as many as there are now: what handlers bring about waits for the next poll.
  std::size_t left = completions_.size();
  if (context_.strikes(FaultKind::short_batch)) left = std::min<std::size_t>(left, 1 + context_.random.below(4));
  std::size_t delivered = 0;
  for (; left != 0 && completions_.next_due() <= now(); --left) {
    delivered += deliver(completions_.pop(), events);
    acted_ = true;  // also where only this Io had to know
  }
  if (wake_due_ <= now()) {
    wake_due_ = kNever;
    acted_ = true;
  }
  polling_ = false;

  timeout_due_ = after(now(), timeout);
  // An owner that looks again and again without waiting has to see time pass.
  next_turn_ = timeout == io::Time::zero() ? now() + kSpinCost : kNever;
  if (++polls_in_turn_ > 1 && !acted_) context_.clock.advance_to(now() + kSpinCost);
  return delivered;
}

io::Time SimIo::work_due() const {
  // After anything happened the owner gets another turn: how long it means to sleep now, only its next poll tells.
  if (acted_) return io::Time::zero();
  return std::min({completions_.next_due(), wake_due_, next_turn_});
}

void SimIo::check_invariants() const {
  std::size_t operations = closes_;
  for (const Socket& s : sockets_) {
    if (s.end == kNoEnd) continue;
    operations += (s.receiving ? 1u : 0u) + (s.sending ? 1u : 0u);
    if (s.receiving && !s.receive_queued && (s.receive_stopped || network_.is_readable(s.end)))
      context_.fail("a receive that has something to tell is not going to");
    if (s.sending && !s.send_queued && (s.send_cancelled || s.send_result != 0 || network_.has_write_error(s.end)))
      context_.fail("a send that has something to tell is not going to");
  }
  for (const Listener& l : listeners_) {
    operations += l.armed ? 1u : 0u;
    if (!l.closed && l.armed && !l.queued && (!l.wanted || network_.backlog_size(l.handle) != 0))
      context_.fail("an accept that has something to tell is not going to");
  }
  for (const Connect& c : connects_) operations += c.used ? 1u : 0u;
  if (operations != operations_) context_.fail("operations in flight are counted wrong");
}

}  // namespace brume::sim

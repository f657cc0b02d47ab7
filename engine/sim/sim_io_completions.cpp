// What the layer above is told inside poll(); what it asks for is in sim_io.cpp.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include <brume/engine/sim/sim_io.h>

namespace brume::sim {
namespace {

using namespace std::chrono_literals;

constexpr io::Time kMaxReceivePause = 5ms;
constexpr std::size_t kMaxReceive = 256 * 1024;  // bytes of one on_received()
constexpr std::byte kStale{0xDD};                // what a view reads that was kept too long

}  // namespace

std::size_t SimIo::deliver(const Completion& completion, io::Events& events) {
  switch (completion.op) {
    case Op::accept:
      return deliver_accept(listeners_[completion.index], events);
    case Op::hand_over:
      return deliver_handed_over(events);
    case Op::receive:
      return deliver_receive(completion.index, events);
    case Op::send:
      return deliver_send(completion.index, events);
    case Op::connect:
      return deliver_connect(completion.index, events);
    case Op::close:
      --operations_;
      --closes_;
      return 0;
  }
  return 0;
}

// --- receiving

std::size_t SimIo::deliver_receive(io::SocketId socket, io::Events& events) {
  Socket& s = sockets_[socket];
  s.receive_queued = false;
  if (context_.strikes(FaultKind::receive_pause)) {
    s.receive_queued = true;
    complete(Op::receive, socket, context_.duration(10us, kMaxReceivePause));
    return 0;
  }
  // Once cancelled it may still have come to something first; then that is told, and the end follows.
  const bool cancelled =
      s.receive_stopped && (!network_.is_readable(s.end) || !context_.strikes(FaultKind::cancel_lost));
  if (cancelled) return end_receive(socket, ECANCELED, events);
  if (!network_.unread(s.end).empty()) return deliver_bytes(socket, events);
  const auto error = network_.take_end(s.end);
  return error ? end_receive(socket, *error, events) : 0;
}

std::size_t SimIo::deliver_bytes(io::SocketId socket, io::Events& events) {
  const EndId end = sockets_[socket].end;
  const auto unread = network_.unread(end);
  std::size_t size = std::min(unread.size(), kMaxReceive);
  if (size > 1 && context_.strikes(FaultKind::short_read))
    size = context_.random.below(3) == 0 ? 1 : 1 + context_.random.below(static_cast<std::uint32_t>(size - 1));

  // A block of exactly this size that goes right after the call: what reads past its end, or later, is found out.
  const auto block = std::make_unique_for_overwrite<std::byte[]>(size);
  std::memcpy(block.get(), unread.data(), size);
  network_.consume(end, size);
  context_.note(Step::received, core_ << 32 | socket, hash_bytes(block.get(), size));
  events.on_received(sockets_[socket].receive_token, {block.get(), size});
  std::fill_n(block.get(), size, kStale);

  const Socket& s = sockets_[socket];
  if (s.receive_stopped || network_.is_readable(s.end)) complete_receive(socket);
  return 1;
}

std::size_t SimIo::end_receive(io::SocketId socket, int error, io::Events& events) {
  Socket& s = sockets_[socket];
  s.receiving = false;
  --operations_;
  context_.note(Step::receive_ended, core_ << 32 | socket, static_cast<std::uint64_t>(error));
  events.on_receive_ended(s.receive_token, error);
  return 1;
}

// --- sending

void SimIo::check_unchanged(const Socket& socket) const {
  std::uint64_t checksum = 0;
  for (std::size_t i = 0; i < socket.segment_count; ++i)
    checksum = hash_bytes(socket.segments[i].iov_base, socket.segments[i].iov_len, checksum);
  if (checksum != socket.checksum) violation("send", "the bytes were changed before on_sent()");
}

std::size_t SimIo::deliver_send(io::SocketId socket, io::Events& events) {
  Socket& s = sockets_[socket];
  s.send_queued = false;
  check_unchanged(s);
  std::int32_t result = s.send_result;
  if (result == 0 && s.send_cancelled && !context_.strikes(FaultKind::cancel_lost)) result = -ECANCELED;
  if (result == 0) result = -network_.take_write_error(s.end);
  if (result == 0 && network_.room(s.end) != 0)
    result = take_bytes(s.end, std::span(s.segments).first(s.segment_count));
  if (result == 0 && s.send_cancelled) result = -ECANCELED;
  if (result == 0) {
    network_.want_room(s.end);
    return 0;
  }
  s.sending = false;
  --operations_;
  context_.note(Step::sent, core_ << 32 | socket, static_cast<std::uint64_t>(result));
  events.on_sent(s.send_token, result);
  return 1;
}

// --- accepting

std::size_t SimIo::deliver_accept(Listener& listener, io::Events& events) {
  listener.queued = false;
  const auto index = &listener - listeners_.data();
  const io::ListenerHandle handle = listener.handle;
  const bool waiting = !listener.closed && network_.backlog_size(handle) != 0;
  const bool late = !listener.wanted && waiting && has_room() && context_.strikes(FaultKind::late_accept);
  if (!listener.wanted && !late) {
    listener.armed = false;
    --operations_;
    return 0;
  }
  if (!waiting) return 0;
  const bool failed = !late && context_.strikes(FaultKind::accept_failed);
  if (failed || !has_room()) {
    constexpr std::array kErrors{EMFILE, ENFILE, ENOBUFS, ENOMEM};
    const int error = failed ? kErrors[context_.random.below(kErrors.size())] : ENFILE;
    listener.wanted = false;
    complete_accept(listener);  // other accepts in flight end later, and may still come to something
    context_.note(Step::accept_failed, core_ << 32, static_cast<std::uint64_t>(error));
    events.on_accept_failed(handle, error);
    return 1;
  }
  const EndId end = network_.accept(handle);
  const std::size_t delivered = announce(handle, end, network_.client_address(end), events);
  Listener& l = listeners_[static_cast<std::size_t>(index)];  // the call may have added another
  if (!l.wanted || (!l.closed && network_.backlog_size(handle) != 0)) complete_accept(l);
  return delivered;
}

std::size_t SimIo::announce(io::ListenerHandle listener, EndId end, const io::Address& peer, io::Events& events) {
  const io::SocketId socket = open(end);
  context_.note(Step::accepted, core_ << 32 | socket, peer.port);
  events.on_accepted(listener, socket, peer);
  return 1;
}

std::size_t SimIo::deliver_handed_over(io::Events& events) {
  const HandedOver given = handed_over_.front();
  handed_over_.erase(handed_over_.begin());
  if (!has_room() || context_.strikes(FaultKind::hand_over_lost)) {
    network_.close(given.end, false);
    return 0;
  }
  return announce(given.listener, given.end, given.peer, events);
}

}  // namespace brume::sim

// The accepting half of UringIo. Each accept in flight has a peer address of its own, which a multishot accept could
// not have: a direct descriptor cannot be asked for it later.
#include <algorithm>
#include <cassert>
#include <cerrno>

#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/socket_address.h>
#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io {

UringIo::Listener* UringIo::find(ListenerHandle listener) {
  const auto found =
      std::ranges::find_if(listeners_, [listener](const auto& l) { return l && l->handle == listener && !l->closing; });
  return found == listeners_.end() ? nullptr : found->get();
}

void UringIo::add_listener(ListenerHandle handle) {
  auto place = std::ranges::find_if(listeners_, [](const auto& l) { return !l; });
  if (place == listeners_.end()) place = listeners_.insert(place, nullptr);
  *place = std::make_unique<Listener>();
  Listener& listener = **place;
  listener.handle = handle;
  if (listener.memory.allocate(kAcceptsInFlight * sizeof(AcceptRecord)) != 0) {
    listener.paused = true;  // as good as none
    return;
  }
  listener.records = static_cast<AcceptRecord*>(listener.memory.data());
  arm_accepts(static_cast<std::size_t>(place - listeners_.begin()));
}

void UringIo::arm_accepts(std::size_t index) {
  for (std::size_t record = 0; record < kAcceptsInFlight; record++) {
    if (!listeners_[index]->armed[record]) arm_accept(index, record);
  }
}

void UringIo::arm_accept(std::size_t index, std::size_t record) {
  Listener& listener = *listeners_[index];
  listener.armed.set(record);
  AcceptRecord& memory = listener.records[record];
  memory.peer_size = sizeof memory.peer;
  io_uring_sqe& sqe = ring_.entry();
  uring::prep_accept_direct(sqe, listener.handle, reinterpret_cast<sockaddr*>(&memory.peer), &memory.peer_size);
  track(sqe, {UringOp::accept, static_cast<std::uint32_t>(index * kAcceptsInFlight + record)});
}

void UringIo::cancel_accepts(const Listener& listener) {
  if (listener.armed.none()) return;
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_cancel_fd(&sqe, listener.handle, IORING_ASYNC_CANCEL_ALL);
  track(sqe, {UringOp::cancel});
}

void UringIo::pause_accept(ListenerHandle handle) {
  Listener* const listener = find(handle);
  if (!listener || listener->paused) return;
  listener->paused = true;
  cancel_accepts(*listener);
}

void UringIo::resume_accept(ListenerHandle handle) {
  Listener* const listener = find(handle);
  if (!listener || !listener->paused || !listener->records) return;
  listener->paused = false;
  const auto place = std::ranges::find_if(listeners_, [listener](const auto& l) { return l.get() == listener; });
  // Those still being cancelled are armed again when they have ended.
  arm_accepts(static_cast<std::size_t>(place - listeners_.begin()));
}

void UringIo::close_listener(ListenerHandle handle) {
  Listener* const listener = find(handle);
  if (!listener) return;
  cancel_accepts(*listener);
  listener->closing = true;
  const auto place = std::ranges::find_if(listeners_, [listener](const auto& l) { return l.get() == listener; });
  finish_close(static_cast<std::size_t>(place - listeners_.begin()));
}

// The accepts hold on to the listener: it is closed after the last of them.
void UringIo::finish_close(std::size_t index) {
  const Listener& listener = *listeners_[index];
  if (!listener.closing || listener.armed.any()) return;
  ::close(listener.handle);
  listeners_[index].reset();
}

bool UringIo::refuse_one(ListenerHandle listener) {
  return reserve_.refuse_one(listener);
}

void UringIo::on_accept(Events& events, const UringTag& tag, const UringCompletion& completion) {
  const std::size_t index = tag.slot / kAcceptsInFlight;
  const std::size_t record = tag.slot % kAcceptsInFlight;
  Listener& listener = *listeners_[index];
  assert(listener.armed[record]);
  operations_--;
  listener.armed.reset(record);
  const ListenerHandle handle = listener.handle;
  const bool closing = listener.closing;
  if (completion.result >= 0) {
    const auto socket = static_cast<SocketId>(completion.result);
    const Address peer = from_socket_address(listener.records[record].peer, listener.records[record].peer_size);
    adopt(socket);
    if (closing) {
      close(socket, true);
      return finish_close(index);
    }
    if (!listener.paused) arm_accept(index, record);
    delivered_++;
    return events.on_accepted(handle, socket, peer);
  }
  if (closing) return finish_close(index);
  if (listener.paused) return;
  const int error = -completion.result;
  if (classify_accept_failure(error) != AcceptFailure::process) return arm_accept(index, record);
  pause_accept(handle);
  delivered_++;
  events.on_accept_failed(handle, error);
}

}  // namespace brume::io

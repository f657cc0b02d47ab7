// The accepting half of EpollIo, and sockets on their way from core to core. Listeners are level-triggered, so that
// what one poll() leaves waiting comes up again.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>

#include <brume/engine/io/epoll_io.h>
#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/socket_address.h>

namespace brume::io {

EpollIo::Listener* EpollIo::find(ListenerHandle listener) {
  const auto found = std::ranges::find(listeners_, listener, &Listener::handle);
  return found == listeners_.end() ? nullptr : &*found;
}

void EpollIo::watch(ListenerHandle listener) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag(Watched::listener, static_cast<std::uint32_t>(listener));
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener, &event);
  operations_++;
}

void EpollIo::unwatch(ListenerHandle listener) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener, nullptr);
  operations_--;
}

void EpollIo::add_listener(ListenerHandle listener) {
  listeners_.push_back({listener, false});
  watch(listener);
}

void EpollIo::pause_accept(ListenerHandle handle) {
  Listener* const listener = find(handle);
  if (!listener || listener->paused) return;
  listener->paused = true;
  unwatch(handle);
}

void EpollIo::resume_accept(ListenerHandle handle) {
  Listener* const listener = find(handle);
  if (!listener || !listener->paused) return;
  listener->paused = false;
  watch(handle);
}

void EpollIo::close_listener(ListenerHandle handle) {
  if (!find(handle)) return;
  pause_accept(handle);
  std::erase_if(listeners_, [handle](const Listener& listener) { return listener.handle == handle; });
  ::close(handle);
}

bool EpollIo::refuse_one(ListenerHandle listener) {
  return reserve_.refuse_one(listener);
}

// Closes the descriptor where there is no memory for it.
SocketId EpollIo::try_adopt(int descriptor) {
  try {
    return adopt(descriptor);
  } catch (const std::bad_alloc&) {
    ::close(descriptor);
    return kNoSocket;
  }
}

void EpollIo::accept_some(Events& events, ListenerHandle handle) {
  for (int i = 0; i < kAcceptsPerPoll; i++) {
    // Looked up each time: the handler may have paused or closed it.
    const Listener* const listener = find(handle);
    if (!listener || listener->paused) return;
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    const int accepted = accept4(handle, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      delivered_++;
      const SocketId socket = try_adopt(accepted);
      if (socket == kNoSocket) {
        pause_accept(handle);
        return events.on_accept_failed(handle, ENOMEM);
      }
      events.on_accepted(handle, socket, from_socket_address(peer.storage, peer.size));
      continue;
    }
    const int error = errno;
    switch (classify_accept_failure(error)) {
      case AcceptFailure::none:
        return;
      case AcceptFailure::one_peer:
        continue;
      case AcceptFailure::process:
        pause_accept(handle);
        delivered_++;
        return events.on_accept_failed(handle, error);
    }
  }
}

// ---- from core to core

void EpollIo::hand_over(SocketId socket, ListenerHandle listener, const Address& peer, Io& target) {
  assert(entry(socket).open && !entry(socket).registered);
  if (target.name() != kName) return close(socket, false);
  WaitingHandOver waiting{{listener, peer, release(socket)}, static_cast<EpollIo&>(target).door_};
  if (try_hand_over(waiting)) return;
  const int descriptor = waiting.record.descriptor;
  try {
    waiting_hand_overs_.push_back(std::move(waiting));
  } catch (const std::bad_alloc&) {
    ::close(descriptor);
  }
}

// False where it has to wait.
bool EpollIo::try_hand_over(const WaitingHandOver& waiting) {
  Door& target = *waiting.target;
  if (target.state.load(std::memory_order_acquire) == Door::State::closed) {
    ::close(waiting.record.descriptor);
    return true;
  }
  if (!target.inbox.put(waiting.record)) return false;
  target.wake.ring();
  return true;
}

void EpollIo::take_hand_overs(Events& events) {
  door_->inbox.take_all([&](const HandOverInbox::Record& record) {
    const SocketId socket = try_adopt(record.descriptor);
    if (socket == kNoSocket) return;
    delivered_++;
    events.on_accepted(record.listener, socket, record.peer);
  });
}

}  // namespace brume::io

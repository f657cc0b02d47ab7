// The sending half of EpollIo: at once where the socket has room, else remembered until an edge says that it has.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <netinet/in.h>
#include <new>

#include <brume/engine/io/epoll_io.h>

namespace brume::io {

namespace {

constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT;

// Bytes taken or a negative errno; -EAGAIN where there is no room.
std::int32_t send_now(int descriptor, std::span<const iovec> segments) {
  for (;;) {
    ssize_t count = 0;
    if (segments.size() == 1) {
      count = ::send(descriptor, segments[0].iov_base, segments[0].iov_len, kFlags);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(segments.data());
      message.msg_iovlen = segments.size();
      count = sendmsg(descriptor, &message, kFlags);
    }
    if (count >= 0) return static_cast<std::int32_t>(count);  // the kernel takes less than 2 GiB in one call
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

std::int32_t EpollIo::send(SocketId socket, Token token, std::span<const iovec> segments) {
  assert(!segments.empty() && segments.size() <= kMaxSegments);
  assert(entry(socket).open && entry(socket).send_slot_or_next == kNoSend);
  const std::int32_t result = send_now(descriptor_of(socket), segments);
  if (result != -EAGAIN) return result;
  // Registered after the attempt: if room came in between, the registration itself is an edge.
  if (const int error = ensure_registered(socket)) return -error;
  if (free_send_ == kNoSend) {
    free_send_ = static_cast<std::uint32_t>(waiting_sends_.size());
    try {
      waiting_sends_.emplace_back();
    } catch (const std::bad_alloc&) {
      free_send_ = kNoSend;
      return -ENOMEM;
    }
  }
  Socket& s = entry(socket);
  assert(!s.receiving || s.token == token);
  s.token = token;
  s.send_slot_or_next = free_send_;
  WaitingSend& waiting = waiting_sends_[s.send_slot_or_next];
  free_send_ = waiting.next_free;
  std::ranges::copy(segments, waiting.segments.begin());
  waiting.count = segments.size();
  operations_++;
  return kPending;
}

void EpollIo::retry_send(Events& events, SocketId socket) {
  const Socket& s = entry(socket);
  if (s.send_slot_or_next == kNoSend || s.send_cancelled) return;
  const WaitingSend& waiting = waiting_sends_[s.send_slot_or_next];
  const std::int32_t result = send_now(descriptor_of(socket), std::span(waiting.segments).first(waiting.count));
  if (result != -EAGAIN) end_send(events, socket, result);
}

void EpollIo::end_send(Events& events, SocketId socket, std::int32_t result) {
  Socket& s = entry(socket);
  waiting_sends_[s.send_slot_or_next].next_free = free_send_;
  free_send_ = s.send_slot_or_next;
  s.send_slot_or_next = kNoSend;
  s.send_cancelled = false;
  operations_--;
  delivered_++;
  events.on_sent(s.token, result);
}

}  // namespace brume::io

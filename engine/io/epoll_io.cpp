#include <algorithm>
#include <cassert>
#include <cerrno>
#include <ctime>
#include <netinet/in.h>

#include <brume/engine/io/epoll_io.h>
#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/poison.h>

namespace brume::io {

std::expected<std::unique_ptr<EpollIo>, SystemError> EpollIo::create(std::size_t receive_bytes) {
  std::unique_ptr<EpollIo> io(new EpollIo);
  if (const int error = io->open(std::clamp(receive_bytes, kMinReceiveBytes, kMaxReceiveBytes)))
    return std::unexpected(system_error(error, "epoll"));
  return io;
}

int EpollIo::open(std::size_t receive_bytes) {
  epoll_ = OwnedDescriptor(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return errno;
  door_ = std::make_shared<Door>();
  if (const int error = door_->wake.open()) return error;
  door_->state.store(Door::State::open, std::memory_order_release);
  if (const int error = buffer_.allocate(receive_bytes)) return error;
  poison(buffer_.data(), buffer_.size_bytes());
  edges_.resize(kEventsPerPoll);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = tag(Watched::wake, 0);
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, door_->wake.descriptor(), &event) == 0 ? 0 : errno;
}

EpollIo::~EpollIo() {
  if (buffer_.data()) unpoison(buffer_.data(), buffer_.size_bytes());
  if (door_) door_->state.store(Door::State::closed, std::memory_order_release);
  for (const WaitingHandOver& waiting : waiting_hand_overs_) ::close(waiting.record.descriptor);
  for (SocketId socket = 0; socket < used_sockets_; socket++) {
    if (entry(socket).open) ::close(descriptor_of(socket));
  }
  for (const Listener& listener : listeners_) ::close(listener.handle);
}

std::string EpollIo::describe() const {
  return "epoll: edge-triggered, one receive buffer of " + std::to_string(buffer_.size_bytes()) + " bytes";
}

Time EpollIo::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

// ---- sockets

SocketId EpollIo::adopt(int descriptor) {
  SocketId socket = free_socket_;
  if (socket != kNoSocket) {
    free_socket_ = entry(socket).send_slot_or_next;
  } else {
    if (used_sockets_ == chunks_.size() * kSocketsPerChunk) {
      const std::size_t size = (chunks_.size() + 1) * kSocketsPerChunk;
      // Each is queued once at most: queueing never fails.
      ready_.reserve(size);
      serving_.reserve(size);
      chunks_.push_back(std::make_unique<Socket[]>(kSocketsPerChunk));
    }
    socket = used_sockets_++;
  }
  Socket& s = entry(socket);
  assert(!s.open);
  const std::uint32_t use = (s.use + 1) & kUseMask;
  s = Socket{};
  s.descriptor = descriptor;
  s.use = use;
  s.open = true;
  return socket;
}

int EpollIo::release(SocketId socket) {
  Socket& s = entry(socket);
  assert(s.open && !s.receiving && s.send_slot_or_next == kNoSend);
  s.open = false;
  s.send_slot_or_next = free_socket_;
  free_socket_ = socket;
  return s.descriptor;
}

int EpollIo::ensure_registered(SocketId socket) {
  Socket& s = entry(socket);
  if (s.registered) return 0;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = tag(Watched::socket, socket, s.use);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor_of(socket), &event) != 0) return errno;
  s.registered = true;
  return 0;
}

void EpollIo::queue(SocketId socket) {
  Socket& s = entry(socket);
  if (s.queued) return;
  s.queued = true;
  assert(ready_.size() < ready_.capacity());
  ready_.push_back({socket, s.use});
}

void EpollIo::receive(SocketId socket, Token token) {
  Socket& s = entry(socket);
  assert(s.open && !s.receiving);
  s.receiving = true;
  assert(s.send_slot_or_next == kNoSend || s.token == token);
  s.token = token;
  s.receive_error = static_cast<std::int16_t>(ensure_registered(socket));
  operations_++;
  if (s.readable || s.receive_error != 0) queue(socket);
}

void EpollIo::stop_receive(SocketId socket, Token) {
  Socket& s = entry(socket);
  if (!s.receiving || s.receive_error != 0) return;
  s.receive_error = ECANCELED;
  queue(socket);
}

void EpollIo::cancel(SocketId socket, Token token) {
  stop_receive(socket, token);
  Socket& s = entry(socket);
  if (s.send_slot_or_next == kNoSend) return;
  s.send_cancelled = true;
  queue(socket);
}

void EpollIo::shutdown_write(SocketId socket) {
  ::shutdown(descriptor_of(socket), SHUT_WR);
}

void EpollIo::close(SocketId socket, bool abort) {
  const int descriptor = release(socket);
  if (abort) {
    const linger reset{.l_onoff = 1, .l_linger = 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  }
  ::close(descriptor);
}

// ---- the wait and what comes of it

std::size_t EpollIo::poll(Events& events, Time timeout) {
  delivered_ = 0;
  if (!waiting_hand_overs_.empty()) {
    std::erase_if(waiting_hand_overs_, try_hand_over);
    if (!waiting_hand_overs_.empty() && (timeout < Time::zero() || timeout > kHandOverRetry)) timeout = kHandOverRetry;
  }
  const bool sleeps = ready_.empty() && (connects_.empty() || !any_connect_done());
  const int count = wait(sleeps ? timeout : Time::zero());
  // What becomes ready from here on waits for the next poll(): a socket that always has more must not hold this one.
  serving_.swap(ready_);
  for (int i = 0; i < count; i++) on_ready(events, edges_[static_cast<std::size_t>(i)]);
  for (const Ready ready : serving_) serve(events, ready);
  serving_.clear();
  if (!connects_.empty()) tell_connects(events);
  return delivered_;
}

int EpollIo::wait(Time timeout) {
  const int capacity = static_cast<int>(edges_.size());
  if (nanosecond_wait_ && timeout > Time::zero()) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    const timespec limit{.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
    const int count = epoll_pwait2(epoll_.get(), edges_.data(), capacity, &limit, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    nanosecond_wait_ = false;
  }
  int timeout_ms = -1;
  if (timeout >= Time::zero()) {
    constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);
    timeout_ms = static_cast<int>(std::min(std::chrono::ceil<std::chrono::milliseconds>(timeout), kLongest).count());
  }
  return epoll_wait(epoll_.get(), edges_.data(), capacity, timeout_ms);
}

void EpollIo::on_ready(Events& events, const epoll_event& event) {
  const auto number = static_cast<std::uint32_t>(event.data.u64);
  switch (static_cast<Watched>(event.data.u64 >> kWatchedShift)) {
    case Watched::wake:
      door_->wake.clear();
      return take_hand_overs(events);
    case Watched::listener:
      return accept_some(events, static_cast<ListenerHandle>(number));
    case Watched::socket:
      break;
  }
  const SocketId socket = number;
  const auto use = static_cast<std::uint32_t>(event.data.u64 >> kUseShift) & kUseMask;
  if (!still(socket, use)) return;
  if (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) entry(socket).ending = true;
  if (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) entry(socket).readable = true;
  if (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
    if (entry(socket).connecting) [[unlikely]]
      return on_connect_ready(socket);
    retry_send(events, socket);
    if (!still(socket, use)) return;
  }
  // A queued one is read when its turn in the queue comes, so no socket is read twice in one poll().
  const Socket& s = entry(socket);
  if (s.readable && s.receiving && !s.queued) read_once(events, socket);
}

void EpollIo::serve(Events& events, Ready ready) {
  if (!still(ready.socket, ready.use)) return;
  entry(ready.socket).queued = false;
  if (entry(ready.socket).send_cancelled) {
    end_send(events, ready.socket, -ECANCELED);
    if (!still(ready.socket, ready.use)) return;
  }
  const Socket& s = entry(ready.socket);
  if (!s.receiving) return;
  if (s.receive_error != 0) return end_receive(events, ready.socket, s.receive_error);
  if (s.readable) read_once(events, ready.socket);
}

void EpollIo::read_once(Events& events, SocketId socket) {
  const std::uint32_t use = entry(socket).use;
  if (entry(socket).receive_error != 0) return;  // stopped within this very poll(): its end is queued
  unpoison(buffer_.data(), buffer_.size_bytes());
  const ssize_t count = recv(descriptor_of(socket), buffer_.data(), buffer_.size_bytes(), 0);
  const int error = errno;
  if (count <= 0) {
    poison(buffer_.data(), buffer_.size_bytes());
    if (count == 0) return end_receive(events, socket, 0);
    if (error == EINTR) return queue(socket);
    if (error != EAGAIN) return end_receive(events, socket, error);
    entry(socket).readable = false;
    return;
  }
  const auto size = static_cast<std::size_t>(count);
  poison(static_cast<std::byte*>(buffer_.data()) + size, buffer_.size_bytes() - size);
  delivered_++;
  events.on_received(entry(socket).token, {static_cast<std::byte*>(buffer_.data()), size});
  poison(buffer_.data(), buffer_.size_bytes());
  if (!still(socket, use)) return;
  Socket& s = entry(socket);
  // Less than the buffer holds: the socket is empty, and what arrives from now on is a new edge. Only an end has its
  // edge behind us already.
  if (size < buffer_.size_bytes() && !s.ending) s.readable = false;
  if (s.readable && s.receiving) queue(socket);
}

void EpollIo::end_receive(Events& events, SocketId socket, int error) {
  Socket& s = entry(socket);
  s.receiving = false;
  s.receive_error = 0;
  operations_--;
  delivered_++;
  events.on_receive_ended(s.token, error);
}

void EpollIo::check_invariants() const {
  std::size_t operations = 0;
  std::size_t free = 0;
  for (SocketId socket = 0; socket < used_sockets_; socket++) {
    const Socket& s = entry(socket);
    if (!s.open) {
      assert(!s.receiving);
      free++;
      continue;
    }
    assert(!s.receiving || s.registered || s.receive_error != 0);
    assert(s.receiving || s.receive_error == 0);
    assert(s.send_slot_or_next != kNoSend || !s.send_cancelled);
    assert(s.send_slot_or_next == kNoSend || s.send_slot_or_next < waiting_sends_.size());
    operations += std::size_t{s.receiving} + std::size_t{s.send_slot_or_next != kNoSend};
  }
  for (SocketId socket = free_socket_; socket != kNoSocket; socket = entry(socket).send_slot_or_next) {
    assert(!entry(socket).open);
    free--;
  }
  assert(free == 0);
  operations += connects_.size();
  for (const Listener& listener : listeners_) operations += std::size_t{!listener.paused};
  assert(operations == operations_);
}

}  // namespace brume::io

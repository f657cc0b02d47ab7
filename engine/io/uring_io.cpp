#include <algorithm>
#include <cassert>
#include <cerrno>
#include <new>
#include <poll.h>
#include <sys/resource.h>

#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io {

static_assert(UringIo::kMaxTable <= UringTag::kMaxSlots);

namespace {

// Lives as long as the program: the kernel reads it when the operation runs.
constexpr linger kReset{.l_onoff = 1, .l_linger = 0};

std::size_t descriptor_limit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

}  // namespace

std::expected<std::unique_ptr<UringIo>, SystemError> UringIo::create(const UringOptions& options,
                                                                     const UringFeatures& features) {
  std::unique_ptr<UringIo> io(new UringIo);
  io->features_ = features;
  if (const int error = io->open(options)) {
    SystemError failure = system_error(error, "io_uring");
    failure.kind = SystemError::Kind::io_unavailable;
    return std::unexpected(std::move(failure));
  }
  return io;
}

int UringIo::open(const UringOptions& options) {
  if (const int error = ring_.open({options.entries, options.completions, features_.deferred})) return error;
  door_ = std::make_shared<Door>();
  door_->ring = ring_.descriptor();
  if (const int error = door_->wake.open()) return error;
  const std::size_t wanted = (options.max_sockets == 0 ? kDefaultSockets : options.max_sockets) + kTableMargin;
  const std::size_t slots = std::min({wanted, descriptor_limit(), kMaxTable});
  if (const int error = io_uring_register_files_sparse(ring_.raw(), static_cast<unsigned>(slots))) return -error;
  if (const int error = table_.allocate(slots * sizeof(Socket))) return error;
  sockets_ = {static_cast<Socket*>(table_.data()), slots};
  starved_.reserve(slots);  // untouched while nobody starves
  return pool_.open(ring_.raw(), options.receive_pool_size, features_.incremental);
}

std::string UringIo::describe() const {
  std::string text = "io_uring: " + std::to_string(sockets_.size()) + " direct descriptors (" +
                     std::to_string(table_.size_bytes()) + " bytes), " + std::to_string(pool_.buffer_count()) +
                     " receive buffers of " + std::to_string(pool_.buffer_size_bytes()) + " bytes";
  text += features_.incremental ? " used a part at a time" : " used whole";
  if (features_.deferred) text += ", deferred task run";
  return text;
}

Time UringIo::now() const {
  return std::chrono::steady_clock::now().time_since_epoch();
}

// ---- operations

void UringIo::track(io_uring_sqe& sqe, const UringTag& tag) {
  operations_++;
  sqe.user_data = tag.pack();
}

void UringIo::adopt(SocketId socket) {
  // The slot may still wait for its last close's completion: the kernel gives a slot out before it tells of that.
  Socket& s = sockets_[socket];
  assert(!s.open);
  const std::uint32_t use = s.use + 1;
  s = Socket{};
  s.use = use;
  s.open = true;
}

void UringIo::receive(SocketId socket, Token token) {
  Socket& s = sockets_[socket];
  assert(s.open && !s.receiving && !s.closing);
  s.receiving = true;
  s.stopping = false;
  assert(!s.sending || s.token == token);
  s.token = token;
  operations_++;
  arm_receive(socket);
}

void UringIo::arm_receive(SocketId socket) {
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_recv(&sqe, static_cast<int>(socket), nullptr, 0, 0);
  sqe.ioprio |= IORING_RECV_MULTISHOT;
  sqe.flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
  sqe.buf_group = ReceivePool::kGroup;
  sqe.user_data = tag(UringOp::receive, socket).pack();
}

void UringIo::stop_receive(SocketId socket, Token) {
  Socket& s = sockets_[socket];
  if (!s.receiving || s.stopping) return;
  s.stopping = true;
  if (s.starved) return;  // nothing to cancel: feed_starved() ends it in this very poll()
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_cancel64(&sqe, tag(UringOp::receive, socket).pack(), 0);
  track(sqe, {UringOp::cancel});
}

std::int32_t UringIo::send(SocketId socket, Token token, std::span<const iovec> segments) {
  assert(!segments.empty() && segments.size() <= kMaxSegments);
  Socket& s = sockets_[socket];
  assert(s.open && !s.sending && !s.closing);
  s.sending = true;
  assert(!s.receiving || s.token == token);
  s.token = token;
  msghdr* const message = segments.size() == 1 ? nullptr : keep_message(segments);
  io_uring_sqe& sqe = ring_.entry();
  if (!message)  // one segment, or no memory to send more than the first
    io_uring_prep_send(&sqe, static_cast<int>(socket), segments[0].iov_base, segments[0].iov_len, MSG_NOSIGNAL);
  else
    io_uring_prep_sendmsg(&sqe, static_cast<int>(socket), message, MSG_NOSIGNAL);
  sqe.flags |= IOSQE_FIXED_FILE;
  track(sqe, tag(UringOp::send, socket));
  return kPending;
}

msghdr* UringIo::keep_message(std::span<const iovec> segments) {
  if (messages_used_ == messages_.size()) {
    try {
      messages_.emplace_back();
    } catch (const std::bad_alloc&) {
      return nullptr;
    }
  }
  Message& message = messages_[messages_used_++];
  std::ranges::copy(segments, message.segments.begin());
  message.header = {};
  message.header.msg_iov = message.segments.data();
  message.header.msg_iovlen = segments.size();
  return &message.header;
}

void UringIo::cancel(SocketId socket, Token) {
  Socket& s = sockets_[socket];
  const bool receive_in_kernel = s.receiving && !s.starved;
  if (s.receiving) s.stopping = true;
  if (!receive_in_kernel && !s.sending) return;
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_cancel_fd(&sqe, static_cast<int>(socket), IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL);
  track(sqe, {UringOp::cancel});
}

void UringIo::shutdown_write(SocketId socket) {
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_shutdown(&sqe, static_cast<int>(socket), SHUT_WR);
  sqe.flags |= IOSQE_FIXED_FILE;
  track(sqe, tag(UringOp::shutdown, socket));
  // It always runs on a worker thread of the kernel, which looks the slot up when it gets to it.
  sockets_[socket].before_close++;
}

void UringIo::close(SocketId socket, bool abort) {
  Socket& s = sockets_[socket];
  assert(s.open && !s.receiving && !s.sending && !s.closing);
  s.closing = true;
  if (abort && features_.set_option) {
    io_uring_sqe& sqe = ring_.entry();
    uring::prep_set_option(sqe, static_cast<int>(socket), SOL_SOCKET, SO_LINGER, &kReset, sizeof kReset);
    sqe.flags |= IOSQE_FIXED_FILE;
    track(sqe, tag(UringOp::linger, socket));
    s.before_close++;
  }
  if (s.before_close == 0) submit_close(socket);
}

void UringIo::submit_close(SocketId socket) {
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_close_direct(&sqe, socket);
  track(sqe, tag(UringOp::close, socket));
  sockets_[socket].open = false;
}

void UringIo::watch_wake() {
  watching_ = true;
  door_->state.store(Door::State::open, std::memory_order_release);
  io_uring_sqe& sqe = ring_.entry();
  io_uring_prep_poll_multishot(&sqe, door_->wake.descriptor(), POLLIN);
  sqe.user_data = UringTag{UringOp::wake}.pack();
}

// ---- the turn

std::size_t UringIo::poll(Events& events, Time timeout) {
  if (!watching_) watch_wake();
  delivered_ = 0;
  if (!waiting_hand_overs_.empty()) {
    std::erase_if(waiting_hand_overs_, [this](std::uint32_t index) { return try_hand_over(index); });
    if (!waiting_hand_overs_.empty() && (timeout < Time::zero() || timeout > kHandOverRetry)) timeout = kHandOverRetry;
  }
  const int error = ring_.enter(timeout);
  if (ring_.all_submitted()) messages_used_ = 0;
  // Only what is there now: what handlers bring about waits for the next turn.
  UringCompletion completion;
  for (unsigned left = ring_.ready(); left != 0 && ring_.take(completion); left--) handle(events, completion);
  feed_starved(events);
  if (error == -EBADR) recover_lost_completions(events);
  return delivered_;
}

void UringIo::check_invariants() const {
  assert(messages_used_ <= messages_.size());
  pool_.check_invariants();
  std::size_t operations = 0;
  for ([[maybe_unused]] const Socket& s : sockets_) {
    assert(s.open || (!s.receiving && !s.sending));
    assert(s.receiving || (!s.stopping && !s.starved));
    operations += std::size_t{s.receiving} + std::size_t{s.sending} + s.before_close;
  }
  for (const Connect& c : connects_) operations += std::size_t{c.used};
  for (const auto& listener : listeners_) operations += listener ? listener->armed.count() : 0;
  assert(operations <= operations_);  // the rest: cancels, closes, hand-overs
}

}  // namespace brume::io

#include <cerrno>
#include <sys/syscall.h>
#include <unistd.h>

#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_ring.h>

namespace brume::io {

namespace {

// shutdown() always goes to a worker thread of the kernel: a few are enough, and none may multiply.
constexpr unsigned kBoundWorkers = 1;
constexpr unsigned kUnboundWorkers = 2;

int thread_id() {
  return static_cast<int>(syscall(SYS_gettid));
}

}  // namespace

int UringRing::open(const Options& options) {
  io_uring_params params{};
  // SUBMIT_ALL: one bad entry must not hold up those behind it. CLAMP: a smaller ring is better than none.
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CLAMP;
  // The thread that opens it is not the one that will use it: R_DISABLED lets attach() decide who that is.
  if (options.deferred)
    params.flags |= IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_R_DISABLED;
  else
    params.flags |= IORING_SETUP_COOP_TASKRUN;
  params.cq_entries = options.completions;
  if (const int error = io_uring_queue_init_params(options.entries, &ring_, &params)) return -error;
  open_ = true;
  deferred_ = options.deferred;
  constexpr unsigned kNeeded = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG | IORING_FEAT_SUBMIT_STABLE;
  return (ring_.features & kNeeded) == kNeeded ? 0 : ENOSYS;
}

UringRing::~UringRing() {
  if (!open_) return;
  // Another thread's registration would name a ring of this thread here, if it names anything.
  if (attached_ && owner_ != thread_id()) ring_.int_flags &= static_cast<__u8>(~uring::kRegisteredRing);
  io_uring_queue_exit(&ring_);
}

bool UringRing::usable_from_this_thread() const {
  return !attached_ || !deferred_ || owner_ == thread_id();
}

void UringRing::attach() {
  attached_ = true;
  owner_ = thread_id();
  if (deferred_) uring::enable_ring(&ring_);
  io_uring_register_ring_fd(&ring_);  // only saves time: a refusal changes nothing
  unsigned workers[2] = {kBoundWorkers, kUnboundWorkers};
  io_uring_register_iowq_max_workers(&ring_, workers);
}

io_uring_sqe& UringRing::entry() {
  if (backlog_.empty()) {
    if (io_uring_sqe* sqe = io_uring_get_sqe(&ring_)) return *sqe;
    if (attached_ && io_uring_submit(&ring_) > 0) {
      if (io_uring_sqe* sqe = io_uring_get_sqe(&ring_)) return *sqe;
    }
  }
  return backlog_.emplace_back();
}

void UringRing::refill() {
  while (!backlog_.empty()) {
    io_uring_sqe* const sqe = io_uring_get_sqe(&ring_);
    if (!sqe) return;
    *sqe = backlog_.front();
    backlog_.pop_front();
  }
}

int UringRing::enter(Time timeout) {
  if (!attached_) attach();
  refill();
  if (!backlog_.empty()) timeout = Time::zero();
  int result = 0;
  if (timeout == Time::zero()) {
    result = io_uring_submit_and_get_events(&ring_);
  } else if (timeout < Time::zero()) {
    result = io_uring_submit_and_wait(&ring_, 1);
  } else {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
    __kernel_timespec limit{.tv_sec = seconds.count(), .tv_nsec = (timeout - seconds).count()};
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
  }
  if (IO_URING_READ_ONCE(*ring_.sq.kflags) & IORING_SQ_CQ_OVERFLOW) overflows_++;
  return result < 0 ? result : 0;
}

}  // namespace brume::io

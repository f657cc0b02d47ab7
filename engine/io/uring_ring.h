// uring_ring.h: one io_uring: its set-up, its queue of entries that never refuses one, and its completions.
//
// Made on any thread; from the first enter() on it belongs to the thread that called it (the kernel insists, where task
// work is deferred). Destroyed on any thread.
#pragma once

#include <cstdint>
#include <deque>

#include <liburing.h>

#include <brume/engine/io/io.h>

namespace brume::io {

struct UringCompletion {
  std::uint64_t user_data;
  std::int32_t result;
  std::uint32_t flags;
};

class UringRing {
 public:
  struct Options {
    unsigned entries = 1024;
    unsigned completions = 16384;
    bool deferred = true;  // SINGLE_ISSUER and DEFER_TASKRUN; else neither
  };

  UringRing() = default;
  UringRing(const UringRing&) = delete;
  UringRing& operator=(const UringRing&) = delete;
  ~UringRing();

  // 0 or a positive errno. Once.
  int open(const Options& options);

  // For registrations alone.
  io_uring* raw() { return &ring_; }
  int descriptor() const { return ring_.ring_fd; }

  // A fresh entry, to be filled before the next call. Where the kernel's queue is full the queued ones are submitted,
  // and where it takes none the entry waits in user space; their order holds. (Chains of links could be torn apart by
  // that: there are none here.)
  io_uring_sqe& entry();
  // Nothing is queued that the kernel has not taken.
  bool all_submitted() const { return backlog_.empty() && io_uring_sq_ready(&ring_) == 0; }

  // Submits and waits for a completion at most `timeout` (negative: for ever; zero: not at all, but lets the kernel run
  // what it deferred). One system call. 0 or a negative errno; -EBADR: completions were lost.
  int enter(Time timeout);
  unsigned ready() const { return io_uring_cq_ready(&ring_); }
  // Takes the oldest completion off the queue; false where there is none.
  bool take(UringCompletion& completion) {
    const unsigned head = *ring_.cq.khead;
    if (head == io_uring_smp_load_acquire(ring_.cq.ktail)) return false;
    const io_uring_cqe& cqe = ring_.cq.cqes[head & ring_.cq.ring_mask];
    completion = {cqe.user_data, cqe.res, cqe.flags};
    io_uring_smp_store_release(ring_.cq.khead, head + 1);
    return true;
  }

  // Enters the kernel may still be asked from here: the ring has no owner yet, or this thread is it.
  bool usable_from_this_thread() const;
  // Times the completion queue was found overflown (nothing is lost by that, but it is too small).
  std::uint64_t overflows() const { return overflows_; }

 private:
  void attach();
  void refill();

  io_uring ring_{};
  bool open_ = false;
  bool attached_ = false;
  bool deferred_ = false;
  int owner_ = 0;  // thread id
  std::deque<io_uring_sqe> backlog_;
  std::uint64_t overflows_ = 0;
};

}  // namespace brume::io

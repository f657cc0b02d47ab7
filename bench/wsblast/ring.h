// ring.h: the generator's io_uring: multishot receives into one small pool, sends, and one system call a turn.
//
// One thread. Owns the ring and the pool; descriptors stay the caller's. A failure to set up throws.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <liburing.h>

#include <brume/bench/limits/uring_incremental.h>

namespace wsblast {

class Ring {
 public:
  // Connections are named by their index in `descriptors` from here on.
  explicit Ring(const std::vector<int>& descriptors);
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  // Receives until the connection ends.
  void receive(std::uint32_t connection);

  // Sends all of `bytes`, which must stay until on_sent. One at a time for each connection, or order is lost.
  void send(std::uint32_t connection, std::span<const std::byte> bytes);

  // Submits, waits for something to happen or the time-out, and tells the handler what happened:
  //   begin_turn(), received(connection, bytes), sent(connection, result), ended(connection)
  template <typename Handler>
  void turn(Handler& handler) {
    __kernel_timespec time_out{0, kTurnTimeOutNs};
    io_uring_cqe* first = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &time_out, nullptr);
    handler.begin_turn();
    unsigned head = 0;
    unsigned seen = 0;
    io_uring_cqe* completion = nullptr;
    io_uring_for_each_cqe(&ring_, head, completion) {
      ++seen;
      const auto connection = static_cast<std::uint32_t>(completion->user_data >> 1);
      if ((completion->user_data & kSendTag) != 0) {
        handler.sent(connection, completion->res);
      } else {
        take_received(connection, *completion, handler);
      }
    }
    io_uring_cq_advance(&ring_, seen);
  }

 private:
  static constexpr long kTurnTimeOutNs = 100'000'000;
  static constexpr std::uint64_t kSendTag = 1;
  static constexpr std::uint16_t kGroup = 1;

  struct FreeLater {
    void operator()(void* memory) const { std::free(memory); }
  };
  using Pages = std::unique_ptr<std::byte, FreeLater>;

  static Pages allocate_pages(std::size_t size);
  bool try_pool(std::uint32_t buffers, std::size_t buffer_size, bool incremental);
  void give_back(std::uint16_t id);
  io_uring_sqe* next_entry();

  template <typename Handler>
  void take_received(std::uint32_t connection, const io_uring_cqe& completion, Handler& handler) {
    if ((completion.flags & IORING_CQE_F_BUFFER) != 0) {
      const auto id = static_cast<std::uint16_t>(completion.flags >> IORING_CQE_BUFFER_SHIFT);
      const auto size = static_cast<std::size_t>(completion.res > 0 ? completion.res : 0);
      if (size > 0) handler.received(connection, {pool_.get() + id * buffer_size_ + offsets_[id], size});
      offsets_[id] += static_cast<std::uint32_t>(size);
      if (!incremental_ || (completion.flags & limits::kCompletionBufferMore) == 0) give_back(id);
    }
    if ((completion.flags & IORING_CQE_F_MORE) != 0) return;
    if (completion.res > 0 || completion.res == -ENOBUFS) {
      receive(connection);
    } else {
      handler.ended(connection);
    }
  }

  io_uring ring_{};
  Pages buffer_ring_memory_;
  Pages pool_;
  std::size_t buffer_size_ = 0;
  std::uint32_t buffer_count_ = 0;
  bool incremental_ = false;
  std::vector<std::uint32_t> offsets_;  // bytes used of each buffer
};

}  // namespace wsblast

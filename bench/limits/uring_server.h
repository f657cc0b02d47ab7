// uring_server.h: what the limit programs on io_uring share: multishot accept and receive on direct descriptors into a
// small ring of buffers, and the loop that hands out what is done. Kernel 6.12 and up.
//
// One thread. Lives as long as the program.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <brume/bench/limits/uring_incremental.h>
#include <brume/bench/limits/uring_pool.h>

namespace limits {

// `Server` is derived from this and has: accepted(slot), received(slot, bytes, buffer), which releases `buffer` to
// pool() once it needs `bytes` no more, ended(slot), sent(slot), turn_done().
template <typename Server>
class UringServer {
 public:
  UringServer(int listener, unsigned buffers, std::size_t buffer_bytes) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletions;
    check(io_uring_queue_init_params(kSubmissions, &ring_, &params), "io_uring");
    check(io_uring_register_ring_fd(&ring_), "ring descriptor");
    check(io_uring_register_files_sparse(&ring_, kConnections), "direct descriptors");
    pool_ = std::make_unique<Pool>(ring_, buffers, buffer_bytes);
    io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept_direct(entry, listener, nullptr, nullptr, 0);
    entry->user_data = tag(0, Kind::accept);
  }

  [[noreturn]] void run() {
    for (;;) {
      io_uring_submit_and_wait(&ring_, 1);
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_cqe* completion = nullptr;
      io_uring_for_each_cqe(&ring_, head, completion) {
        ++seen;
        handle(*completion);
      }
      io_uring_cq_advance(&ring_, seen);
      server().turn_done();
    }
  }

 protected:
  // One at a time for each slot, so that they stay in order; `bytes` stay until sent().
  void send(unsigned slot, std::span<const char> bytes) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, static_cast<int>(slot), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = tag(slot, Kind::send);
  }

  void free_slot(unsigned slot) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_close_direct(entry, slot);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = tag(slot, Kind::accept);
  }

  Pool& pool() { return *pool_; }

 private:
  static constexpr unsigned kSubmissions = 4096;
  static constexpr unsigned kCompletions = 32768;
  static constexpr unsigned kConnections = 16384;

  enum class Kind : std::uint64_t { accept, receive, send };

  static std::uint64_t tag(unsigned slot, Kind kind) {
    return std::uint64_t{slot} << 2 | static_cast<std::uint64_t>(kind);
  }

  Server& server() { return static_cast<Server&>(*this); }

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  void receive(unsigned slot) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_recv(entry, static_cast<int>(slot), nullptr, 0, 0);
    entry->ioprio |= IORING_RECV_MULTISHOT;
    entry->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    entry->buf_group = kGroup;
    entry->user_data = tag(slot, Kind::receive);
  }

  void handle(const io_uring_cqe& completion) {
    const auto slot = static_cast<unsigned>(completion.user_data >> 2);
    switch (static_cast<Kind>(completion.user_data & 3)) {
      case Kind::accept:
        if (completion.res < 0) break;
        server().accepted(static_cast<unsigned>(completion.res));
        receive(static_cast<unsigned>(completion.res));
        break;
      case Kind::receive:
        take_received(slot, completion);
        break;
      case Kind::send:
        server().sent(slot);
        break;
    }
  }

  void take_received(unsigned slot, const io_uring_cqe& completion) {
    if (completion.res == -ENOBUFS) return receive(slot);
    if (completion.res <= 0) return server().ended(slot);
    const unsigned id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
    const auto size = static_cast<std::size_t>(completion.res);
    const bool more = (completion.flags & kCompletionBufferMore) != 0;
    server().received(slot, std::span<const char>(pool_->take(id, size, more), size), id);
    if ((completion.flags & IORING_CQE_F_MORE) == 0) receive(slot);
  }

  io_uring ring_{};
  std::unique_ptr<Pool> pool_;
};

}  // namespace limits

// uring_echo: what a server on io_uring could reach at best: bare TCP on direct descriptors, multishot accept and
// receive into a small ring of buffers used incrementally, sends straight from the received bytes, one at a time for
// each connection so that they stay in order. Kernel 6.12 and up.
//
// usage: uring_echo PORT [BUFFERS=4] [BUFFER_BYTES=262144]
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

#include <brume/bench/limits/listener.h>
#include <brume/bench/limits/uring_incremental.h>
#include <brume/bench/limits/uring_pool.h>

namespace {

constexpr unsigned kSubmissions = 4096;
constexpr unsigned kCompletions = 32768;
constexpr unsigned kConnections = 16384;

using limits::check;
using limits::Pool;

enum class Kind : std::uint64_t { accept, receive, send };

class Server {
 public:
  Server(int listener, unsigned buffers, std::size_t buffer_bytes) {
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
    }
  }

 private:
  struct Piece {
    char* bytes;
    std::size_t size;
    unsigned buffer;
  };
  struct Connection {
    std::vector<Piece> pieces;  // received and not sent; the first is being sent
    bool ended = false;         // by the peer; the slot is freed after the last send
  };

  static std::uint64_t tag(unsigned slot, Kind kind) {
    return std::uint64_t{slot} << 2 | static_cast<std::uint64_t>(kind);
  }

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
    entry->buf_group = limits::kGroup;
    entry->user_data = tag(slot, Kind::receive);
  }

  void send(unsigned slot, const Piece& piece) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, static_cast<int>(slot), piece.bytes, piece.size, MSG_NOSIGNAL | MSG_WAITALL);
    entry->flags |= IOSQE_FIXED_FILE;
    entry->user_data = tag(slot, Kind::send);
  }

  void handle(const io_uring_cqe& completion) {
    const auto slot = static_cast<unsigned>(completion.user_data >> 2);
    switch (static_cast<Kind>(completion.user_data & 3)) {
      case Kind::accept:
        if (completion.res >= 0) accepted(static_cast<unsigned>(completion.res));
        break;
      case Kind::receive:
        received(slot, completion);
        break;
      case Kind::send:
        sent(slot);
        break;
    }
  }

  void accepted(unsigned slot) {
    if (slot >= connections_.size()) connections_.resize(slot + 1);
    receive(slot);
  }

  void received(unsigned slot, const io_uring_cqe& completion) {
    if (completion.res == -ENOBUFS) {
      receive(slot);
      return;
    }
    if (completion.res <= 0) {
      connections_[slot].ended = true;
      if (connections_[slot].pieces.empty()) free_slot(slot);
      return;
    }
    const unsigned id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
    const auto size = static_cast<std::size_t>(completion.res);
    const bool more = (completion.flags & limits::kCompletionBufferMore) != 0;
    std::vector<Piece>& pieces = connections_[slot].pieces;
    pieces.push_back({pool_->take(id, size, more), size, id});
    if (pieces.size() == 1) send(slot, pieces.front());
    if ((completion.flags & IORING_CQE_F_MORE) == 0) receive(slot);
  }

  void sent(unsigned slot) {
    std::vector<Piece>& pieces = connections_[slot].pieces;
    pool_->release(pieces.front().buffer);
    pieces.erase(pieces.begin());
    if (!pieces.empty()) {
      send(slot, pieces.front());
    } else if (connections_[slot].ended) {
      free_slot(slot);
    }
  }

  void free_slot(unsigned slot) {
    connections_[slot].ended = false;
    io_uring_sqe* entry = next_entry();
    io_uring_prep_close_direct(entry, slot);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = tag(slot, Kind::accept);
  }

  io_uring ring_{};
  std::unique_ptr<Pool> pool_;
  std::vector<Connection> connections_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: uring_echo PORT [BUFFERS] [BUFFER_BYTES]\n");
    return 2;
  }
  const auto number = [&](std::size_t index, long otherwise) {
    return arguments.size() > index ? std::atol(arguments[index]) : otherwise;
  };
  const int listener = limits::open_listener(static_cast<std::uint16_t>(number(1, 0)), 0);
  Server server(listener, static_cast<unsigned>(number(2, 4)), static_cast<std::size_t>(number(3, 262144)));
  server.run();
}

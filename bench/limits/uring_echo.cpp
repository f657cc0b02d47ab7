// uring_echo: what a server on io_uring could reach at best: bare TCP on direct descriptors, multishot accept and
// receive into a small ring of buffers used incrementally, sends straight from the received bytes, one at a time for
// each connection so that they stay in order. Kernel 6.12 and up.
//
// usage: uring_echo PORT [BUFFERS=4] [BUFFER_BYTES=262144]
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include <brume/bench/limits/listener.h>
#include <brume/bench/limits/uring_incremental.h>

namespace {

constexpr unsigned kSubmissions = 4096;
constexpr unsigned kCompletions = 32768;
constexpr unsigned kConnections = 16384;
constexpr std::size_t kPage = 4096;
constexpr std::uint16_t kGroup = 1;

enum class Kind : std::uint64_t { accept, receive, send };

void check(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(-result));
  std::exit(2);
}

char* zeroed_pages(std::size_t size) {
  const std::size_t whole_pages = (size + kPage - 1) / kPage * kPage;
  auto* memory = static_cast<char*>(std::aligned_alloc(kPage, whole_pages));
  if (memory == nullptr) std::exit(2);
  std::memset(memory, 0, whole_pages);
  return memory;
}

// The buffers that receives land in. A buffer is given back when the kernel has used it up and nobody sends from it.
class Pool {
 public:
  Pool(io_uring& ring, unsigned count, std::size_t size)
      : ring_memory_(zeroed_pages(count * sizeof(io_uring_buf))), memory_(zeroed_pages(count * size)), size_(size) {
    check(limits::register_buffers(ring, ring_memory_, count, kGroup, true), "buffers");
    uses_.resize(count);
    for (unsigned id = 0; id < count; ++id) give_back(id);
  }

  // Takes the bytes of a completed receive, and holds their buffer.
  char* take(unsigned id, std::size_t size, bool more) {
    Use& use = uses_[id];
    char* bytes = memory_ + id * size_ + use.offset;
    use.offset += size;
    use.full = !more;
    ++use.holds;
    return bytes;
  }

  void release(unsigned id) {
    if (--uses_[id].holds == 0 && uses_[id].full) give_back(id);
  }

 private:
  struct Use {
    std::size_t offset = 0;
    unsigned holds = 0;
    bool full = false;
  };

  void give_back(unsigned id) {
    uses_[id] = {};
    auto* ring = reinterpret_cast<io_uring_buf_ring*>(ring_memory_);
    const int mask = io_uring_buf_ring_mask(static_cast<unsigned>(uses_.size()));
    io_uring_buf_ring_add(ring, memory_ + id * size_, static_cast<unsigned>(size_), static_cast<unsigned short>(id),
                          mask, 0);
    io_uring_buf_ring_advance(ring, 1);
  }

  char* ring_memory_;
  char* memory_;
  std::size_t size_;
  std::vector<Use> uses_;
};

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
    entry->buf_group = kGroup;
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

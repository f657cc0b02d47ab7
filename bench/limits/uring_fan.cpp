// uring_fan: what a fan-out on io_uring could reach at best: bare TCP on direct descriptors, multishot accept and
// receive; the bytes of one turn go to every connection, with one send each, from one copy. Kernel 6.12 and up.
//
// usage: uring_fan PORT
#include <cerrno>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <brume/bench/limits/listener.h>
#include <brume/bench/limits/uring_incremental.h>
#include <brume/bench/limits/uring_pool.h>

namespace {

using limits::check;
using limits::Pool;

constexpr unsigned kSubmissions = 4096;
constexpr unsigned kCompletions = 32768;
constexpr unsigned kConnections = 16384;
constexpr unsigned kBuffers = 4;
constexpr std::size_t kBufferBytes = 256 * 1024;

enum class Kind : std::uint64_t { accept, receive, send };

// What arrived in one turn, until the last connection has sent it.
struct Turn {
  std::vector<char> bytes;
  unsigned holds = 0;
};

class Server {
 public:
  explicit Server(int listener) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = kCompletions;
    check(io_uring_queue_init_params(kSubmissions, &ring_, &params), "io_uring");
    check(io_uring_register_ring_fd(&ring_), "ring descriptor");
    check(io_uring_register_files_sparse(&ring_, kConnections), "direct descriptors");
    pool_ = std::make_unique<Pool>(ring_, kBuffers, kBufferBytes);
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
      if (turn_ && !turn_->bytes.empty()) send_turn();
    }
  }

 private:
  struct Connection {
    std::vector<Turn*> turns;  // not sent yet; the first is being sent
    bool open = false;
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

  void send(unsigned slot, const Turn& turn) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, static_cast<int>(slot), turn.bytes.data(), turn.bytes.size(), MSG_NOSIGNAL | MSG_WAITALL);
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
    connections_[slot].open = true;
    receive(slot);
  }

  void received(unsigned slot, const io_uring_cqe& completion) {
    if (completion.res == -ENOBUFS) {
      receive(slot);
      return;
    }
    if (completion.res <= 0) {
      connections_[slot].open = false;
      if (connections_[slot].turns.empty()) free_slot(slot);
      return;
    }
    const unsigned id = completion.flags >> IORING_CQE_BUFFER_SHIFT;
    const auto size = static_cast<std::size_t>(completion.res);
    const bool more = (completion.flags & limits::kCompletionBufferMore) != 0;
    const std::span<const char> bytes(pool_->take(id, size, more), size);
    std::vector<char>& all = this_turn().bytes;
    all.insert(all.end(), bytes.begin(), bytes.end());
    pool_->release(id);
    if ((completion.flags & IORING_CQE_F_MORE) == 0) receive(slot);
  }

  Turn& this_turn() {
    if (turn_) return *turn_;
    if (spare_.empty()) {
      turns_.push_back(std::make_unique<Turn>());
      spare_.push_back(turns_.back().get());
    }
    turn_ = spare_.back();
    spare_.pop_back();
    return *turn_;
  }

  void send_turn() {
    Turn* turn = std::exchange(turn_, nullptr);
    for (unsigned slot = 0; slot < connections_.size(); ++slot) {
      Connection& connection = connections_[slot];
      if (!connection.open) continue;
      ++turn->holds;
      connection.turns.push_back(turn);
      if (connection.turns.size() == 1) send(slot, *turn);
    }
    if (turn->holds == 0) recycle(turn);
  }

  void sent(unsigned slot) {
    Connection& connection = connections_[slot];
    Turn* turn = connection.turns.front();
    connection.turns.erase(connection.turns.begin());
    if (--turn->holds == 0) recycle(turn);
    if (!connection.turns.empty()) {
      send(slot, *connection.turns.front());
    } else if (!connection.open) {
      free_slot(slot);
    }
  }

  void recycle(Turn* turn) {
    turn->bytes.clear();
    spare_.push_back(turn);
  }

  void free_slot(unsigned slot) {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_close_direct(entry, slot);
    entry->flags |= IOSQE_CQE_SKIP_SUCCESS;
    entry->user_data = tag(slot, Kind::accept);
  }

  io_uring ring_{};
  std::unique_ptr<Pool> pool_;
  std::vector<Connection> connections_;  // by slot
  std::vector<std::unique_ptr<Turn>> turns_;
  std::vector<Turn*> spare_;
  Turn* turn_ = nullptr;  // the one that is being received
};

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: uring_fan PORT\n");
    return 2;
  }
  Server(limits::open_listener(static_cast<std::uint16_t>(std::atoi(arguments[1])), 0)).run();
}

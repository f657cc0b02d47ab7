// uring_fan: what a fan-out on io_uring could reach at best: bare TCP; the bytes of one turn go to every connection,
// with one send each, from one copy.
//
// usage: uring_fan PORT
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <brume/bench/limits/listener.h>
#include <brume/bench/limits/uring_server.h>

namespace {

constexpr unsigned kBuffers = 4;
constexpr std::size_t kBufferBytes = 256 * 1024;

// What arrived in one turn, until the last connection has sent it.
struct Turn {
  std::vector<char> bytes;
  unsigned holds = 0;
};

class Server : public limits::UringServer<Server> {
 public:
  explicit Server(int listener) : UringServer(listener, kBuffers, kBufferBytes) {}

  void accepted(unsigned slot) {
    if (slot >= connections_.size()) connections_.resize(slot + 1);
    connections_[slot].open = true;
  }

  void received(unsigned, std::span<const char> bytes, unsigned buffer) {
    std::vector<char>& all = this_turn().bytes;
    all.insert(all.end(), bytes.begin(), bytes.end());
    pool().release(buffer);
  }

  void ended(unsigned slot) {
    connections_[slot].open = false;
    if (connections_[slot].turns.empty()) free_slot(slot);
  }

  void sent(unsigned slot) {
    Connection& connection = connections_[slot];
    Turn* turn = connection.turns.front();
    connection.turns.erase(connection.turns.begin());
    if (--turn->holds == 0) recycle(turn);
    if (!connection.turns.empty()) {
      send(slot, connection.turns.front()->bytes);
    } else if (!connection.open) {
      free_slot(slot);
    }
  }

  void turn_done() {
    if (!turn_) return;
    Turn* turn = std::exchange(turn_, nullptr);
    for (unsigned slot = 0; slot < connections_.size(); ++slot) {
      Connection& connection = connections_[slot];
      if (!connection.open) continue;
      ++turn->holds;
      connection.turns.push_back(turn);
      if (connection.turns.size() == 1) send(slot, turn->bytes);
    }
    if (turn->holds == 0) recycle(turn);
  }

 private:
  struct Connection {
    std::vector<Turn*> turns;  // not sent yet; the first is being sent
    bool open = false;
  };

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

  void recycle(Turn* turn) {
    turn->bytes.clear();
    spare_.push_back(turn);
  }

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

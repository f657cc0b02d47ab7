// uring_echo: what a server on io_uring could reach at best: bare TCP, sends straight from the received bytes.
//
// usage: uring_echo PORT [BUFFERS=4] [BUFFER_BYTES=262144]
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <vector>

#include <brume/bench/limits/listener.h>
#include <brume/bench/limits/uring_server.h>

namespace {

class Server : public limits::UringServer<Server> {
 public:
  using UringServer::UringServer;

  void accepted(unsigned slot) {
    if (slot >= connections_.size()) connections_.resize(slot + 1);
  }

  void received(unsigned slot, std::span<const char> bytes, unsigned buffer) {
    std::vector<Piece>& pieces = connections_[slot].pieces;
    pieces.push_back({bytes, buffer});
    if (pieces.size() == 1) send(slot, bytes);
  }

  void ended(unsigned slot) {
    connections_[slot].ended = true;
    if (connections_[slot].pieces.empty()) forget(slot);
  }

  void sent(unsigned slot) {
    std::vector<Piece>& pieces = connections_[slot].pieces;
    pool().release(pieces.front().buffer);
    pieces.erase(pieces.begin());
    if (!pieces.empty()) {
      send(slot, pieces.front().bytes);
    } else if (connections_[slot].ended) {
      forget(slot);
    }
  }

  void turn_done() {}

 private:
  struct Piece {
    std::span<const char> bytes;
    unsigned buffer;
  };
  struct Connection {
    std::vector<Piece> pieces;  // received and not sent; the first is being sent
    bool ended = false;         // by the peer; the slot is freed after the last send
  };

  void forget(unsigned slot) {
    connections_[slot].ended = false;
    free_slot(slot);
  }

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

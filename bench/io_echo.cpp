// A bare TCP echo over engine/io alone: what an Io backend costs without a protocol, beside the programs in
// bench/limits. usage: io_echo PORT io_uring|epoll [POOL_BYTES]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <brume/engine/io/machine.h>

namespace {

using namespace brume::io;

constexpr std::size_t kPauseAbove = 4 << 20;  // unsent bytes at which a connection is no longer read

class Echo final : public Events, public Driven {
 public:
  Echo(Io& io, ListenerHandle listener) : io_(io) { io_.add_listener(listener); }

  bool turn(Time max_wait) override {
    io_.poll(*this, max_wait);
    // One send a turn for each connection that has output.
    for (const SocketId socket : touched_) flush(socket);
    touched_.clear();
    return true;
  }
  Io& io() override { return io_; }
  void check_invariants() const override {}

  void on_accepted(ListenerHandle, SocketId socket, const Address&) override {
    if (socket >= connections_.size()) connections_.resize(socket + 1);
    connections_[socket] = {};
    connections_[socket].receiving = true;
    io_.receive(socket, {socket, 0});
  }
  void on_accept_failed(ListenerHandle, int error) override {
    std::fprintf(stderr, "accept: %s\n", std::strerror(error));
    std::exit(1);
  }
  void on_received(Token token, std::span<std::byte> bytes) override {
    Connection& c = connections_[token.slot];
    if (!c.touched) {
      c.touched = true;
      touched_.push_back(token.slot);
    }
    c.out.insert(c.out.end(), bytes.begin(), bytes.end());
    if (c.out.size() > kPauseAbove) io_.stop_receive(token.slot, token);
  }
  void on_receive_ended(Token token, int error) override {
    Connection& c = connections_[token.slot];
    c.receiving = false;
    c.ended = error != ECANCELED;
    if (c.ended) end(token.slot);
  }
  void on_sent(Token token, std::int32_t result) override {
    connections_[token.slot].sending = false;
    took(token.slot, result);
    flush(token.slot);
  }

 private:
  struct Connection {
    std::vector<std::byte> out;        // the first `sent` bytes are gone
    std::vector<std::byte> in_flight;  // what a pending send reads, while `out` grows
    std::size_t sent = 0;
    bool sending = false;
    bool receiving = false;
    bool ended = false;
    bool touched = false;
  };

  void took(SocketId socket, std::int32_t result) {
    Connection& c = connections_[socket];
    if (result < 0) {
      c.ended = true;
      if (c.receiving) return io_.cancel(socket, {socket, 0});
      return end(socket);
    }
    c.sent += static_cast<std::size_t>(result);
  }

  void flush(SocketId socket) {
    Connection& c = connections_[socket];
    c.touched = false;
    while (!c.sending && !c.ended) {
      if (c.sent == c.in_flight.size()) {
        c.in_flight.clear();
        c.sent = 0;
        std::swap(c.in_flight, c.out);
      }
      if (c.in_flight.empty()) break;
      const iovec rest{c.in_flight.data() + c.sent, c.in_flight.size() - c.sent};
      const std::int32_t result = io_.send(socket, {socket, 0}, {&rest, 1});
      if (result == Io::kPending)
        c.sending = true;
      else
        took(socket, result);
    }
    if (!c.receiving && !c.ended && c.out.size() < kPauseAbove / 2) {
      c.receiving = true;
      io_.receive(socket, {socket, 0});
    }
  }

  void end(SocketId socket) {
    Connection& c = connections_[socket];
    if (c.sending) return io_.cancel(socket, {socket, 0});
    if (!c.receiving) io_.close(socket, false);
  }

  Io& io_;
  std::vector<Connection> connections_;
  std::vector<SocketId> touched_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: io_echo PORT io_uring|epoll [POOL_BYTES]\n"), 2;
  Machine machine;
  IoOptions options;
  options.backend = std::strcmp(argv[2], "epoll") == 0 ? Backend::epoll : Backend::io_uring;
  if (argc > 3) options.receive_pool_size = static_cast<std::size_t>(std::atol(argv[3]));
  const auto listeners = machine.open_listeners(*Address::parse("127.0.0.1:" + std::string(argv[1])), 1, {});
  if (!listeners) return std::fprintf(stderr, "%s\n", listeners.error().text.c_str()), 2;
  const auto made = machine.make_io(0, options);
  if (!made) return std::fprintf(stderr, "%s\n", made.error().text.c_str()), 2;
  std::printf("%s\n", made->io->describe().c_str());
  Echo echo(*made->io, listeners->front());
  while (echo.turn(Time(-1))) {
  }
}

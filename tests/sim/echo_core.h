// echo_core.h: the smallest layer above Io: accepts, greets, sends back what it receives, and closes.
//
// It holds Io to its contract: every event has to fit the operation that was submitted, and each operation ends once.
// With `restless` it also does by chance whatever a server may do: pause and resume, cancel, hand over.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/io/environment.h>
#include <brume/engine/sim/random.h>

namespace brume::test {

class EchoCore final : public io::Driven, private io::Events {
 public:
  static constexpr char kGreeting = 'G';

  EchoCore(std::unique_ptr<io::Io> made, io::ListenerHandle listener, std::uint64_t seed, bool restless)
      : io_(std::move(made)), random_(seed), restless_(restless), listener_(listener) {
    io_->add_listener(listener);
  }
  ~EchoCore() = default;

  void set_peer(EchoCore& peer) { peer_ = &peer; }

  // Closes the listener and every connection; turn() says false once that is done.
  void stop() {
    stopping_ = true;
    io_->wake();
  }

  std::size_t accepted() const { return accepted_; }
  std::size_t open_connections() const {
    std::size_t open = 0;
    for (const Connection& c : connections_) open += c.socket != io::kNoSocket ? 1 : 0;
    return open;
  }
  // Bytes in each direction over all connections.
  std::size_t received_size() const { return received_size_; }
  std::size_t sent_size() const { return sent_size_; }

  // io::Driven
  io::Io& io() override { return *io_; }
  bool turn(io::Time max_wait) override {
    const io::Time now = io_->now();
    io::Time timeout = max_wait;
    if (accept_again_ != kNotSet) timeout = accept_again_ > now ? accept_again_ - now : io::Time::zero();
    if (stopping_ && listener_open_) timeout = io::Time::zero();
    io_->poll(*this, timeout);
    if (accept_again_ != kNotSet && accept_again_ <= io_->now()) {
      accept_again_ = kNotSet;
      if (listener_open_) io_->resume_accept(listener_);
    }
    if (stopping_ && listener_open_) begin_stop();
    for (std::uint32_t slot = 0; slot < connections_.size(); ++slot) settle(slot);
    return !(stopping_ && !listener_open_ && io_->operations_in_flight() == 0 && open_connections() == 0);
  }
  void check_invariants() const override {
    std::size_t operations = 0;
    for (const Connection& c : connections_) operations += (c.receiving ? 1u : 0u) + (c.sending ? 1u : 0u);
    EXPECT_LE(operations, io_->operations_in_flight());
  }

 private:
  static constexpr io::Time kNotSet = io::Time::max();
  static constexpr std::size_t kEnough = 4096;  // bytes to send before it stops reading

  struct Connection {
    io::SocketId socket = io::kNoSocket;
    std::uint32_t generation = 0;
    bool receiving = false;
    bool stopping_receive = false;
    bool sending = false;
    bool peer_done = false;  // FIN was received
    bool broken = false;
    bool cancelled = false;
    std::unique_ptr<std::string> sending_bytes;  // left alone while the send is in flight
    std::string output;
  };

  bool chance(std::uint32_t ppm) { return restless_ && random_.chance(ppm); }

  Connection& at(io::Token token) {
    Connection& c = connections_.at(token.slot);
    EXPECT_EQ(c.generation, token.generation) << "an event for a connection that is gone";
    EXPECT_NE(c.socket, io::kNoSocket);
    return c;
  }
  io::Token token(std::uint32_t slot) { return {slot, connections_[slot].generation}; }

  // io::Events
  void on_accepted(io::ListenerHandle listener, io::SocketId socket, const io::Address& peer) override {
    EXPECT_EQ(peer.bytes[0], 10);
    if (stopping_) return io_->close(socket, true);
    if (peer_ && chance(250'000)) return io_->hand_over(socket, listener, peer, *peer_->io_);
    if (chance(50'000)) {
      io_->pause_accept(listener_);
      accept_again_ = io_->now() + std::chrono::milliseconds(random_.below(5));
    }
    std::uint32_t slot = 0;
    while (slot < connections_.size() && connections_[slot].socket != io::kNoSocket) ++slot;
    if (slot == connections_.size()) connections_.emplace_back();
    Connection& c = connections_[slot];
    const std::uint32_t generation = c.generation + 1;
    c = Connection{};
    c.generation = generation;
    c.socket = socket;
    c.output = kGreeting;
    ++accepted_;
    if (random_.below(2) == 0) settle(slot);  // also from inside the event
  }
  void on_accept_failed(io::ListenerHandle listener, int error) override {
    EXPECT_TRUE(error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) << error;
    if (restless_ && random_.below(2) == 0) io_->refuse_one(listener);
    accept_again_ = io_->now() + std::chrono::milliseconds(1 + random_.below(20));
  }
  void on_received(io::Token token, std::span<std::byte> bytes) override {
    Connection& c = at(token);
    EXPECT_TRUE(c.receiving) << "bytes without a receive";
    EXPECT_FALSE(bytes.empty());
    EXPECT_FALSE(c.peer_done) << "bytes after the end";
    c.output.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    received_size_ += bytes.size();
    std::ranges::fill(bytes, std::byte{'!'});  // they are ours during the call
    if (chance(5'000)) cancel(c, token.slot);
    if (random_.below(4) == 0) settle(token.slot);
  }
  void on_receive_ended(io::Token token, int error) override {
    Connection& c = at(token);
    EXPECT_TRUE(c.receiving) << "a receive ended twice";
    c.receiving = false;
    EXPECT_TRUE(error != ECANCELED || c.stopping_receive || c.cancelled);
    c.stopping_receive = false;
    if (error == 0) c.peer_done = true;
    if (error != 0 && error != ECANCELED) c.broken = true;
  }
  void on_sent(io::Token token, std::int32_t result) override {
    Connection& c = at(token);
    EXPECT_TRUE(c.sending) << "a send ended twice";
    c.sending = false;
    EXPECT_TRUE(result != -ECANCELED || c.cancelled);
    take_result(c, result);
  }

  void take_result(Connection& c, std::int32_t result) {
    EXPECT_NE(result, 0);
    if (result < 0) {
      c.broken = true;
      c.sending_bytes.reset();
      return;
    }
    EXPECT_LE(static_cast<std::size_t>(result), c.sending_bytes->size());
    sent_size_ += static_cast<std::size_t>(result);
    c.sending_bytes->erase(0, static_cast<std::size_t>(result));
    c.output.insert(0, *c.sending_bytes);
    c.sending_bytes.reset();
  }

  void cancel(Connection& c, std::uint32_t slot) {
    if (c.cancelled) return;
    c.broken = true;
    c.cancelled = true;
    if (random_.below(2) == 0) io_->shutdown_write(c.socket);
    io_->cancel(c.socket, token(slot));
  }

  // Submits what is to be done next for a connection, or closes it.
  void settle(std::uint32_t slot) {
    Connection& c = connections_[slot];
    if (c.socket == io::kNoSocket) return;
    if (c.broken) {
      cancel(c, slot);
    } else {
      send(c, slot);
      const bool enough = c.output.size() >= kEnough || chance(20'000);
      if (c.receiving && enough && !c.stopping_receive) {
        c.stopping_receive = true;
        io_->stop_receive(c.socket, token(slot));
      }
      if (!c.receiving && !c.peer_done && !c.broken && c.output.size() < kEnough) {
        c.receiving = true;
        io_->receive(c.socket, token(slot));
      }
    }
    if (c.receiving || c.sending) return;
    const bool done = c.peer_done && c.output.empty();
    if (!c.broken && !done) return;
    if (done && random_.below(2) == 0) io_->shutdown_write(c.socket);
    io_->close(c.socket, c.broken);
    c.socket = io::kNoSocket;
  }

  void send(Connection& c, std::uint32_t slot) {
    while (!c.sending && !c.output.empty() && !c.broken) {
      c.sending_bytes = std::make_unique<std::string>(std::exchange(c.output, {}));
      // In up to kMaxSegments pieces.
      std::vector<iovec> segments;
      std::size_t from = 0;
      while (from < c.sending_bytes->size()) {
        const std::size_t left = c.sending_bytes->size() - from;
        const bool last = segments.size() + 1 == io::Io::kMaxSegments;
        const std::size_t size = last ? left : 1 + random_.below(static_cast<std::uint32_t>(left));
        segments.push_back({c.sending_bytes->data() + from, size});
        from += size;
      }
      c.sending = true;
      const std::int32_t result = io_->send(c.socket, token(slot), segments);
      if (result == io::Io::kPending) return;
      c.sending = false;
      take_result(c, result);
    }
  }

  void begin_stop() {
    listener_open_ = false;
    io_->close_listener(listener_);
    for (std::uint32_t slot = 0; slot < connections_.size(); ++slot)
      if (connections_[slot].socket != io::kNoSocket) cancel(connections_[slot], slot);
  }

  std::unique_ptr<io::Io> io_;
  sim::Random random_;
  bool restless_;
  io::ListenerHandle listener_;
  EchoCore* peer_ = nullptr;
  std::deque<Connection> connections_;
  bool listener_open_ = true;
  bool stopping_ = false;
  io::Time accept_again_ = kNotSet;
  std::size_t accepted_ = 0;
  std::size_t received_size_ = 0;
  std::size_t sent_size_ = 0;
};

}  // namespace brume::test

// reply_core.h: a core that answers the bytes of each connection as a function of the test says.
//
// What a test of the simulated clients needs of a server and no more: it owns its listener, keeps its output in memory,
// and ends when told.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <brume/engine/simulator.h>

namespace brume::test {

struct Reply {
  std::string bytes{};
  bool finish = false;  // FIN after them
  bool abort = false;   // RST instead of anything more
};

class ReplyCore final : public io::Driven, private io::Events {
 public:
  // What one connection does with the bytes it receives.
  using Talk = std::function<Reply(std::string_view)>;

  // `make` is called for each connection.
  ReplyCore(Simulator& world, std::function<Talk()> make)
      : world_(world), io_(std::move(world.make_io(0, {})->io)), make_(std::move(make)) {
    listener_ = world.open_listeners(*io::Address::parse("127.0.0.1:0"), 1, {})->front();
    address_ = world.local_address(listener_);
    io_->add_listener(listener_);
    if (!world.start(0, *this, false)) std::abort();
  }
  ~ReplyCore() {
    stopping_ = true;
    io_->close_listener(listener_);
    const io::Driven* const own = this;
    world_.join_these(std::span(&own, 1));
  }
  const io::Address& address() const { return address_; }

  io::Io& io() override { return *io_; }

 private:
  struct Connection {
    io::SocketId socket = io::kNoSocket;
    Talk talk;
    std::string output;
    std::string in_flight{};
    bool receiving = false;
    bool sending = false;
    bool finishing = false;
    bool shut_down = false;
    bool cancelled = false;
    bool broken = false;
  };

  bool turn(io::Time max_wait) override {
    io_->poll(*this, max_wait);
    for (std::uint32_t slot = 0; slot < connections_.size(); ++slot) settle(slot);
    return !stopping_ || io_->operations_in_flight() != 0;
  }
  void check_invariants() const override {}

  void on_accepted(io::ListenerHandle, io::SocketId socket, const io::Address&) override {
    connections_.push_back({.socket = socket, .talk = make_(), .output = {}, .receiving = true});
    io_->receive(socket, {static_cast<std::uint32_t>(connections_.size() - 1), 0});
  }
  void on_accept_failed(io::ListenerHandle listener, int) override { io_->resume_accept(listener); }
  void on_received(io::Token token, std::span<std::byte> bytes) override {
    Connection& c = connections_[token.slot];
    const Reply reply = c.talk({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    c.output += reply.bytes;
    c.finishing |= reply.finish;
    c.broken |= reply.abort;
  }
  void on_receive_ended(io::Token token, int error) override {
    Connection& c = connections_[token.slot];
    c.receiving = false;
    c.finishing = true;
    c.broken |= error != 0;
  }
  void on_sent(io::Token token, std::int32_t result) override {
    connections_[token.slot].sending = false;
    take_result(connections_[token.slot], result);
  }
  static void take_result(Connection& c, std::int32_t result) {
    if (result < 0) {
      c.broken = true;
    } else {
      c.output.erase(0, static_cast<std::size_t>(result));
    }
  }

  void settle(std::uint32_t slot) {
    Connection& c = connections_[slot];
    if (c.socket == io::kNoSocket) return;
    const io::Token token{slot, 0};
    if (stopping_) c.broken = true;
    while (!c.broken && !c.sending && !c.output.empty()) {
      c.sending = true;
      c.in_flight = c.output;  // a copy: replies may be appended while it is being sent
      const iovec segment{c.in_flight.data(), c.in_flight.size()};
      const std::int32_t result = io_->send(c.socket, token, std::span(&segment, 1));
      if (result == io::Io::kPending) break;
      c.sending = false;
      take_result(c, result);
    }
    const bool done = c.finishing && c.output.empty();
    if (done && c.receiving && !c.broken && !std::exchange(c.shut_down, true)) io_->shutdown_write(c.socket);
    if (c.broken && (c.receiving || c.sending) && !std::exchange(c.cancelled, true)) io_->cancel(c.socket, token);
    if (c.receiving || c.sending || !(c.broken || done)) return;
    io_->close(c.socket, c.broken);
    c.socket = io::kNoSocket;
  }

  Simulator& world_;
  std::unique_ptr<io::Io> io_;
  std::function<Talk()> make_;
  io::ListenerHandle listener_ = 0;
  io::Address address_;
  std::deque<Connection> connections_;
  bool stopping_ = false;
};

}  // namespace brume::test

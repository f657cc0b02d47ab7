// io_probe.h: an Io of the simulator with a listener, and a record of all that its events told.
//
// For tests that submit operation by operation: nothing turns the Io but run().
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/simulator.h>

namespace brume::test {

class IoProbe : private io::Events {
 public:
  explicit IoProbe(Simulator& world, std::size_t core = 0, io::IoOptions options = {}, int backlog = 4096)
      : world_(world), io(std::move(world.make_io(core, options)->io)) {
    io::ListenOptions listen;
    listen.backlog = backlog;
    listener = world.open_listeners(*io::Address::parse("127.0.0.1:0"), 1, listen)->front();
    address = world.local_address(listener);
    io->add_listener(listener);
  }
  // Ends everything that is under way.
  ~IoProbe() {
    io->close_listener(listener);
    for (const io::SocketId socket : open_) io->cancel(socket, kToken);
    run();
    for (const io::SocketId socket : open_) io->close(socket, true);
    run();
  }

  static constexpr io::Token kToken{7, 9};

  void poll() {
    while (io->poll(*this, io::Time::zero()) != 0) {
    }
    io->check_invariants();
  }
  // Lets everything happen that is pending.
  void run() {
    std::size_t before = 0;
    do {
      before = log.size();
      poll();
      world_.run_until_idle();
      poll();
    } while (log.size() != before);
  }

  // Connects a client and accepts it. Its socket is accepted.back().
  SimulatedSocket connect() {
    SimulatedSocket client = world_.connect_raw(address);
    run();
    return client;
  }
  void receive(io::SocketId socket) { io->receive(socket, kToken); }
  std::int32_t send(io::SocketId socket, std::string_view bytes) {
    const iovec segment{const_cast<char*>(bytes.data()), bytes.size()};
    return io->send(socket, kToken, std::span(&segment, 1));
  }
  void close(io::SocketId socket, bool abort = false) {
    std::erase(open_, socket);
    io->close(socket, abort);
  }
  // It is not this Io's any more.
  void forget(io::SocketId socket) { std::erase(open_, socket); }

 private:
  void on_accepted(io::ListenerHandle, io::SocketId socket, const io::Address&) override {
    accepted.push_back(socket);
    open_.push_back(socket);
    log.push_back("accepted");
  }
  void on_accept_failed(io::ListenerHandle, int error) override {
    log.push_back("accept failed " + std::to_string(error));
  }
  void on_received(io::Token token, std::span<std::byte> bytes) override {
    EXPECT_EQ(token, kToken);
    received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    last_view = bytes;
    log.push_back("received");
  }
  void on_receive_ended(io::Token token, int error) override {
    EXPECT_EQ(token, kToken);
    log.push_back("receive ended " + std::to_string(error));
  }
  void on_connected(io::Token token, io::SocketId socket, const io::Address&, int error) override {
    log.push_back("connected " + std::to_string(token.slot) + " " + std::to_string(error));
    if (error != 0) return;
    connected.push_back(socket);
    open_.push_back(socket);
  }
  void on_sent(io::Token token, std::int32_t result) override {
    EXPECT_EQ(token, kToken);
    log.push_back("sent " + std::to_string(result));
  }

  Simulator& world_;
  std::vector<io::SocketId> open_;

 public:
  std::unique_ptr<io::Io> io;
  io::ListenerHandle listener = 0;
  io::Address address;
  std::vector<io::SocketId> accepted;
  std::vector<io::SocketId> connected;
  std::string received;
  std::span<std::byte> last_view;
  std::vector<std::string> log;
};

}  // namespace brume::test

// fake_io.h: an Io without sockets whose clock moves only when it is told to: for what the reactor asks of its Io.
//
// wake() from any thread, the rest from the test's own.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/io/io.h>

namespace brume::core::test {

class FakeIo final : public io::Io {
 public:
  // What poll() was asked for, oldest first.
  std::vector<io::Time> waits;
  // Called in poll(); returns how many events it delivered.
  std::function<std::size_t(io::Events&)> on_poll = [](io::Events&) { return std::size_t{0}; };
  std::atomic<int> wakes{0};
  std::vector<io::Io*> peers_woken;
  bool sleeps_between = false;

  void advance(io::Time by) { now_ += by; }

  // Waiting takes all the time it may take, unless somebody called wake().
  std::size_t poll(io::Events& events, io::Time timeout) override {
    waits.push_back(timeout);
    if (woken_.exchange(false)) timeout = io::Time::zero();
    const std::size_t delivered = on_poll(events);
    if (delivered == 0 && timeout > io::Time::zero()) now_ += timeout;
    return delivered;
  }
  void wake() override {
    wakes++;
    woken_ = true;
  }
  void wake_peer(io::Io& target) override {
    peers_woken.push_back(&target);
    target.wake();
  }
  bool sleeps_between_turns() const override { return sleeps_between; }
  io::Time now() const override { return now_; }

  std::string_view name() const override { return "fake"; }
  std::string describe() const override { return "fake"; }
  void add_listener(io::ListenerHandle) override {}
  void pause_accept(io::ListenerHandle) override {}
  void resume_accept(io::ListenerHandle) override {}
  void close_listener(io::ListenerHandle) override {}
  bool refuse_one(io::ListenerHandle) override { return false; }
  void connect(const io::Address&, io::Token, const io::ConnectOptions&) override {}
  void cancel_connect(io::Token) override {}
  void receive(io::SocketId, io::Token) override {}
  void stop_receive(io::SocketId, io::Token) override {}
  std::int32_t send(io::SocketId, io::Token, std::span<const iovec>) override { return kPending; }
  void cancel(io::SocketId, io::Token) override {}
  void shutdown_write(io::SocketId) override {}
  void close(io::SocketId, bool) override {}
  void hand_over(io::SocketId, io::ListenerHandle, const io::Address&, io::Io&) override {}
  std::size_t operations_in_flight() const override { return 0; }
  void check_invariants() const override {}

 private:
  io::Time now_ = std::chrono::seconds(1000);
  std::atomic<bool> woken_{false};
};

class NoEvents final : public io::Events {
 public:
  void on_accepted(io::ListenerHandle, io::SocketId, const io::Address&) override {}
  void on_accept_failed(io::ListenerHandle, int) override {}
  void on_received(io::Token, std::span<std::byte>) override {}
  void on_receive_ended(io::Token, int) override {}
  void on_sent(io::Token, std::int32_t) override {}
};

}  // namespace brume::core::test

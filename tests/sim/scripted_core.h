// scripted_core.h: a core without connections, whose turns a test writes: it sleeps, ticks, wakes others.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <brume/engine/simulator.h>

namespace brume::test {

class ScriptedCore final : public io::Driven, private io::Events {
 public:
  // Starts at once; `on_turn` is called after each poll. The core sleeps until wake_at, which on_turn may move.
  ScriptedCore(Simulator& world, std::size_t core, std::function<void(ScriptedCore&)> on_turn = {})
      : world_(world), io_(std::move(world.make_io(core, {})->io)), on_turn_(std::move(on_turn)) {
    if (!world.start(core, *this, false)) std::abort();
  }

  static constexpr io::Time kNever = io::Time::max();
  io::Time wake_at = kNever;
  bool finished = false;
  std::size_t turns = 0;
  std::size_t checks = 0;

  io::Io& io() override { return *io_; }
  Simulator& world() { return world_; }
  void finish() {
    finished = true;
    io_->wake();
  }

 private:
  bool turn(io::Time max_wait) override {
    io::Time timeout = max_wait;
    if (wake_at != kNever) timeout = std::max(wake_at - io_->now(), io::Time::zero());
    io_->poll(*this, timeout);
    ++turns;
    if (on_turn_) on_turn_(*this);
    return !finished;
  }
  void check_invariants() const override { ++const_cast<ScriptedCore*>(this)->checks; }

  void on_accepted(io::ListenerHandle, io::SocketId, const io::Address&) override {}
  void on_accept_failed(io::ListenerHandle, int) override {}
  void on_received(io::Token, std::span<std::byte>) override {}
  void on_receive_ended(io::Token, int) override {}
  void on_sent(io::Token, std::int32_t) override {}

  Simulator& world_;
  std::unique_ptr<io::Io> io_;
  std::function<void(ScriptedCore&)> on_turn_;
};

// Ends cores in the order given, so that they can be destroyed.
template <class... Cores>
void end(Simulator& world, Cores&... cores) {
  (cores.finish(), ...);
  world.join();
}

}  // namespace brume::test

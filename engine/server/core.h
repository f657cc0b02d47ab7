// core.h: one core of a server: accepts, hands completions to its connections, and stops in phases.
//
// Its own thread (or the simulator's turn) only, but for post_stop(). The server owns it and outlives its thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/http/http_session.h>
#include <brume/engine/io/environment.h>
#include <brume/engine/server/admission.h>
#include <brume/engine/server/memory_guard.h>

namespace brume::server {

using core::Time;

class Core final : public io::Driven, private io::Events {
 public:
  // Sockets beyond the limit that are still answered with 503 at a time; more are closed without a word.
  static constexpr std::size_t kRefusalReserve = 256;

  struct Options {
    core::Reactor::Options reactor;
    std::size_t max_sockets = 0;
    std::size_t index = 0;
  };
  Core(std::unique_ptr<io::Io> io, const Options& options, const http::Service& service, Admission& admission);
  ~Core();

  // Before the first turn: the other cores, for handing over, and the listeners of this one.
  void set_peers(std::span<const std::unique_ptr<Core>> peers) { peers_ = peers; }
  void add_listener(io::ListenerHandle listener);

  bool turn(Time max_wait) override;
  io::Io& io() override { return *io_; }
  void check_invariants() const override;

  // Any thread: begin to stop. A later call with an earlier deadline wins.
  void post_stop(std::chrono::milliseconds deadline, std::chrono::milliseconds spread);

  // Any thread: whether the last turn was taken.
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }  // pairs with the store in turn()

  const connection::Counters& counters() const { return context_.counters; }

 private:
  void on_accepted(io::ListenerHandle listener, io::SocketId socket, const io::Address& peer) override;
  void on_accept_failed(io::ListenerHandle listener, int error) override;
  void on_received(io::Token token, std::span<std::byte> bytes) override;
  void on_receive_ended(io::Token token, int error) override;
  void on_sent(io::Token token, std::int32_t result) override;

  void begin_stop(Time deadline, Time spread);
  // Tells the next connections to close, as many as the spread allows by now.
  void stop_some();
  void cut_all();
  void resume_accepting();
  // The core a fresh socket should go to: this one, unless it has far more than the least loaded.
  Core& least_loaded();
  void watch_turn();
  std::string_view last_route();
  bool finished() const;

  struct OwnAlarm : core::Alarm {
    using Method = void (Core::*)();
    OwnAlarm(Core& c, Method m) : Alarm(&OwnAlarm::fired), core(c), method(m) {}
    static void fired(core::Alarm& alarm) {
      auto& own = static_cast<OwnAlarm&>(alarm);
      (own.core.*own.method)();
    }
    Core& core;
    Method method;
  };

  std::unique_ptr<io::Io> io_;
  const http::Service& service_;
  Admission& admission_;
  connection::CoreContext context_;
  MemoryGuard memory_guard_{context_};
  std::span<const std::unique_ptr<Core>> peers_;
  std::vector<io::ListenerHandle> listeners_;
  std::vector<io::ListenerHandle> paused_;  // after EMFILE and its like
  OwnAlarm accept_alarm_{*this, &Core::resume_accepting};
  OwnAlarm stop_alarm_{*this, &Core::stop_some};
  OwnAlarm cut_alarm_{*this, &Core::cut_all};
  Time stop_began_{0};
  Time stop_spread_{0};
  Time stop_deadline_ = Time::max();
  std::vector<io::Token> to_stop_;  // not told yet
  std::size_t told_ = 0;
  std::atomic<bool> stopped_{false};
};

}  // namespace brume::server

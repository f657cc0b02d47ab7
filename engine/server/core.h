// core.h: one core of a server: accepts, hands completions to its connections, and stops in phases.
//
// Its own thread (or the simulator's turn) only, but for post_stop(). The server owns it and outlives its thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_core.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/http/http_session.h>
#include <brume/engine/io/environment.h>
#include <brume/engine/server/admission.h>
#include <brume/engine/server/memory_guard.h>

namespace brume::server {

using core::Time;

class Core final : public io::Driven, private io::Events, private connection::TlsOpener {
 public:
  // Sockets beyond the limit that are still answered with 503 at a time; more are closed without a word.
  static constexpr std::size_t kRefusalReserve = 256;

  struct Options {
    core::Reactor::Options reactor;
    std::size_t max_sockets = 0;
    std::size_t index = 0;
    const connection::TlsStore* tls = nullptr;  // certificates; null: connections are in clear
  };
  Core(std::unique_ptr<io::Io> io, const Options& options, const http::Service& service, Admission& admission);
  ~Core();

  // Before the first turn: the other cores, for handing over, and the listeners of this one.
  void set_peers(std::span<const std::unique_ptr<Core>> peers) { peers_ = peers; }
  void add_listener(io::ListenerHandle listener);

  // Where nobody will turn this core together with the others: they do not wait for it to be at rest.
  void leave_out() { at_rest_.store(true, std::memory_order_release); }  // pairs with the load in all_at_rest()

  bool turn(Time max_wait) override;
  io::Io& io() override { return *io_; }
  void check_invariants() const override;

  // Any thread, this core's own included: begin to stop, after what was posted before. A later call with an earlier
  // deadline wins. Not by an envelope: a mailbox may be full, of a core that is not turned at that.
  void post_stop(std::chrono::milliseconds deadline, std::chrono::milliseconds spread);

  // Any thread: whether the last turn was taken.
  bool stopped() const { return stopped_.load(std::memory_order_acquire); }  // pairs with the store in turn()

  const connection::Counters& counters() const { return context_.counters; }
  connection::CoreContext& context() { return context_; }

 private:
  void on_accepted(io::ListenerHandle listener, io::SocketId socket, const io::Address& peer) override;
  void on_accept_failed(io::ListenerHandle listener, int error) override;
  void on_received(io::Token token, std::span<std::byte> bytes) override;
  void on_receive_ended(io::Token token, int error) override;
  void on_sent(io::Token token, std::int32_t result) override;
  void on_connected(io::Token token, io::SocketId socket, const io::Address& peer, int error) override {
    context_.connects.on_connected(token, socket, peer, error);
  }
  void on_tls_open(connection::Transport& transport, Time began) override;

  // Answers who is not let in, before any handshake: with TLS by closing alone.
  void turn_away(io::SocketId socket, const io::Address& peer);

  void take_stop_request();
  void begin_stop(Time deadline, Time spread);
  // Tells the next connections to close, as many as the spread allows by now.
  void stop_some();
  void cut_all();
  void resume_accepting();
  // The core a fresh socket should go to: this one, unless it has far more than the least loaded.
  Core& least_loaded();
  void watch_turn();
  // Whether this core has nothing left but what other cores may ask of it.
  bool at_rest() const;
  // Tells the others once, and answers whether all are: a core that has nothing left still answers to those that have.
  bool all_at_rest();

  struct OwnAlarm final : core::Alarm {
    using Method = void (Core::*)();
    OwnAlarm(Core& c, Method m) : core(c), method(m) {}
    void fire() override { (core.*method)(); }
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
  struct StopRequest {
    Time deadline;  // from when it is taken
    Time spread;
  };
  std::mutex stop_mutex_;
  std::optional<StopRequest> stop_request_;  // behind the mutex
  std::atomic<bool> stop_asked_{false};      // whether there is one
  Time stop_began_{0};
  Time stop_spread_{0};
  Time stop_deadline_ = Time::max();
  std::vector<io::Token> to_stop_;  // not told yet
  std::size_t told_ = 0;
  std::atomic<bool> at_rest_{false};
  std::atomic<bool> stopped_{false};
};

}  // namespace brume::server

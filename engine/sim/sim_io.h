// sim_io.h: io::Io over the simulated network, for one simulated core.
//
// The simulation's thread only, but for wake(). Made by the World, which outlives it, and owned by the layer above. It
// keeps the promises of io.h and no more than those: whatever they leave open (when, in which order, how much at once)
// is chance. A layer that breaks its own half of the contract ends the process with a message.
// Nothing here waits: poll() delivers what is due and notes for the scheduler how long the core meant to sleep.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/io/io.h>
#include <brume/engine/sim/due_queue.h>
#include <brume/engine/sim/sim_context.h>
#include <brume/engine/sim/sim_network.h>

namespace brume::sim {

class SimIo;

// Told when an Io comes to its end, which its owner decides.
class SimIoHome {
 public:
  virtual void io_is_gone(SimIo& io) = 0;
  // An address that no other connection was made from.
  virtual io::Address next_client_address() = 0;

 protected:
  ~SimIoHome() = default;
};

class SimIo final : public io::Io, private EndOwner, private ListenerOwner {
 public:
  // `max_sockets` 0: no bound.
  SimIo(SimContext& context, SimNetwork& network, SimIoHome& home, std::size_t core, std::size_t max_sockets);
  // Requires: no operation in flight and no socket open.
  ~SimIo() override;

  std::string_view name() const override { return "simulated"; }
  std::string describe() const override;

  void add_listener(io::ListenerHandle listener) override;
  void pause_accept(io::ListenerHandle listener) override;
  void resume_accept(io::ListenerHandle listener) override;
  void close_listener(io::ListenerHandle listener) override;
  bool refuse_one(io::ListenerHandle listener) override;

  void connect(const io::Address& to, io::Token token, const io::ConnectOptions& options) override;
  void cancel_connect(io::Token token) override;

  void receive(io::SocketId socket, io::Token token) override;
  void stop_receive(io::SocketId socket, io::Token token) override;
  std::int32_t send(io::SocketId socket, io::Token token, std::span<const iovec> segments) override;
  void cancel(io::SocketId socket, io::Token token) override;
  void shutdown_write(io::SocketId socket) override;
  void close(io::SocketId socket, bool abort) override;
  void hand_over(io::SocketId socket, io::ListenerHandle listener, const io::Address& peer, io::Io& target) override;

  std::size_t poll(io::Events& events, io::Time timeout) override;
  void wake() override;
  bool sleeps_between_turns() const override { return true; }
  io::Time now() const override { return context_.now(); }
  std::size_t operations_in_flight() const override { return operations_; }
  void check_invariants() const override;

  // --- for the scheduler
  std::size_t core() const { return core_; }
  std::size_t open_sockets() const { return sockets_.size() - free_.size(); }
  // Before each turn of the core.
  void begin_turn();
  // The core gets another turn, whatever it did in the last one.
  void stir() { acted_ = true; }
  // Looks whether somebody woke the core since it was last asked.
  void notice_wake();
  // When a completion or a wake is due, or the core wants its next turn because of what it did in the last one.
  io::Time work_due() const;
  // When the core's own time-out ends.
  io::Time timeout_due() const { return timeout_due_; }

 private:
  enum class Op : std::uint8_t { receive, send, accept, hand_over, close, connect };
  struct Completion {
    std::uint32_t index;  // of a socket, a listener or a connect
    Op op;
  };
  struct Socket {
    EndId end = kNoEnd;
    bool fresh = false;  // never received on

    bool receiving = false;
    bool receive_stopped = false;
    bool receive_queued = false;  // a completion is on its way
    io::Token receive_token{};

    bool sending = false;
    bool send_cancelled = false;
    bool send_queued = false;
    std::int32_t send_result = 0;  // not 0: settled, only its completion is still to come
    std::uint8_t segment_count = 0;
    io::Token send_token{};
    std::uint64_t checksum = 0;
    std::array<iovec, kMaxSegments> segments{};
  };
  struct Listener {
    io::ListenerHandle handle;
    bool wanted;  // not paused
    bool armed;   // an accept is in flight
    bool queued;
    bool closed;
  };
  // A connect that was not told of yet.
  struct Connect {
    io::Token token{};
    io::Address peer;
    io::SocketId socket = io::kNoSocket;  // none where there was no room for one
    int result = kUnknown;                // 0 or an errno
    bool used = false;
    bool cancelled = false;
  };
  static constexpr int kUnknown = -1;
  struct HandedOver {
    io::ListenerHandle listener;
    EndId end;
    io::Address peer;
  };

  // EndOwner and ListenerOwner
  void on_connected(std::uint32_t key, int error) override;
  void on_readable(std::uint32_t key) override;
  void on_writable(std::uint32_t key) override;
  void on_backlog(io::ListenerHandle listener) override;

  Socket& at(io::SocketId socket, const char* call);
  // Null where it was closed before.
  Listener* find(io::ListenerHandle listener);
  [[noreturn]] void violation(const char* call, const char* rule) const;

  void complete(Op op, std::uint32_t index, io::Time delay = io::Time::zero());
  void complete_receive(io::SocketId socket);
  void complete_send(io::SocketId socket, io::Time delay = io::Time::zero());
  void complete_accept(Listener& listener);
  // sim_io_connect.cpp: the connect of a socket that is not connected yet, or null.
  Connect* connect_of(io::SocketId socket);
  void complete_connect(Connect& connect, int result, io::Time delay = io::Time::zero());
  std::size_t deliver_connect(std::uint32_t index, io::Events& events);
  // The fault `reset` at an operation.
  void may_break(io::SocketId socket);
  void arm(Listener& listener);

  // Each returns the number of events it delivered.
  std::size_t deliver(const Completion& completion, io::Events& events);
  std::size_t deliver_receive(io::SocketId socket, io::Events& events);
  std::size_t deliver_bytes(io::SocketId socket, io::Events& events);
  std::size_t end_receive(io::SocketId socket, int error, io::Events& events);
  std::size_t deliver_send(io::SocketId socket, io::Events& events);
  std::size_t deliver_accept(Listener& listener, io::Events& events);
  std::size_t deliver_handed_over(io::Events& events);
  void check_unchanged(const Socket& socket) const;

  bool has_room() const { return max_sockets_ == 0 || open_sockets() < max_sockets_; }
  io::SocketId open(EndId end);
  std::size_t announce(io::ListenerHandle listener, EndId end, const io::Address& peer, io::Events& events);
  std::int32_t take_bytes(EndId end, std::span<const iovec> segments);

  SimContext& context_;
  SimNetwork& network_;
  SimIoHome& home_;
  std::size_t core_;
  std::size_t max_sockets_;

  DueQueue<Completion> completions_;
  std::uint64_t sequence_ = 0;
  std::vector<Socket> sockets_;
  std::vector<io::SocketId> free_;  // the last one closed is used first, so that stale ids meet a stranger
  std::vector<Listener> listeners_;
  std::vector<Connect> connects_;
  std::vector<HandedOver> handed_over_;
  std::size_t operations_ = 0;
  std::size_t closes_ = 0;  // of them, those that only have to be taken notice of

  std::atomic<bool> wake_asked_{false};
  io::Time wake_due_ = kNever;
  io::Time timeout_due_ = io::Time::zero();
  io::Time next_turn_ = io::Time::zero();
  std::uint32_t polls_in_turn_ = 0;
  bool polling_ = false;
  bool acted_ = true;  // something was delivered or submitted since the last poll began
};

}  // namespace brume::sim

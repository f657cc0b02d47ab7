// tcp_peer.h: the far end of a simulated connection: a client that is part of the simulation, not of the program under
// test.
//
// The simulation's thread only; owned by the World, as long as that. What it sends waits here, unbounded, for room in
// the connection's window; what arrives is read at once unless reading is paused.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <brume/engine/sim/sim_context.h>
#include <brume/engine/sim/sim_network.h>

namespace brume::sim {

class TcpPeer : private EndOwner {
 public:
  TcpPeer(SimContext& context, SimNetwork& network, const io::Address& from, const io::Address& to);
  virtual ~TcpPeer() = default;
  TcpPeer(const TcpPeer&) = delete;
  TcpPeer& operator=(const TcpPeer&) = delete;

  // A piece of its own on its way, that arrives at least `gap` after the one before it.
  void send(std::string_view bytes, io::Time gap = io::Time::zero());
  // FIN after all that was sent.
  void shutdown();
  // The same, and gives the connection up: what arrives afterwards is answered with a reset.
  void close();
  // RST now.
  void abort();
  // The cable is pulled: nothing gets through any more, either way, and neither side is told.
  void vanish();
  void pause_reading() { paused_ = true; }
  void resume_reading();

  const io::Address& address() const { return from_; }
  bool is_connected() const { return connected_ && !closed_ && !reset_; }
  int connect_error() const { return connect_error_; }
  bool received_fin() const { return fin_; }
  bool received_rst() const { return reset_; }
  // Nothing can arrive any more: FIN, RST, connecting failed, or this side gave up.
  bool is_over() const { return over_; }
  const std::string& received() const { return received_; }
  std::string take_received() { return std::exchange(received_, {}); }
  // Bytes given to send() that found no room yet.
  std::size_t unsent_size() const { return unsent_size_; }

 protected:
  virtual void on_bytes(std::span<std::byte> bytes);
  // Once, when is_over() has become true.
  virtual void on_over() {}

  SimContext& context() { return context_; }

 private:
  struct Piece {
    std::string bytes;
    io::Time gap;
  };
  enum class Finish : std::uint8_t { no, shutdown, close };

  void on_connected(std::uint32_t key, int error) override;
  void on_readable(std::uint32_t key) override;
  void on_writable(std::uint32_t) override { flush(); }

  void flush();
  void read();
  void finish(Finish how);
  void give_up(bool abort);
  void set_over();

  SimContext& context_;
  SimNetwork& network_;
  io::Address from_;
  EndId end_;
  std::deque<Piece> outgoing_;
  std::size_t sent_of_front_ = 0;
  std::size_t unsent_size_ = 0;
  std::string received_;
  std::string arriving_;  // read() copies here, so that what is told of it may do anything to the connection
  Finish finish_ = Finish::no;
  bool finished_ = false;  // FIN was sent
  bool connected_ = false;
  bool paused_ = false;
  bool reading_ = false;
  bool fin_ = false;
  bool reset_ = false;
  bool closed_ = false;
  bool over_ = false;
  int connect_error_ = 0;
};

}  // namespace brume::sim

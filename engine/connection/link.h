// link.h: one accepted socket: the plain transport.
//
// Owns the socket from accept to close and walks it through its life: open -> ending (output, FIN, drain) -> aborting
// (await what is in flight) -> closed. It is freed at the end of a turn, only after the last operation it submitted has
// come to its end. Its core's thread only; lives in the core's slab, where completions find it by slot and generation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <brume/engine/connection/transport.h>
#include <brume/engine/core/slab.h>
#include <brume/engine/io/io.h>

namespace brume::connection {

class Link final : public Transport {
 public:
  Link(CoreContext& context, io::SocketId socket, const io::Address& peer);
  ~Link();

  // Once, right after construction: arms the receive. `admitted`: the doorkeeper counts it and hears when it is gone.
  // `unnamed`: rename_peer() will say who the peer is; until then the doorkeeper counts it for no address.
  void start(std::chrono::milliseconds write_timeout, bool admitted, bool unnamed = false);

  void on_received(std::span<std::byte> bytes);
  void on_receive_ended(int error);
  void on_sent(std::int32_t result);
  // The server stops: tells the protocol.
  void on_stop();
  // The core is short of memory: nothing more is read from this peer until it is let go. True where that is new.
  bool hold_back();
  void let_go();

  void request_flush() override;
  std::size_t in_flight() const override { return in_flight_; }
  void pause() override { paused_ = true; }
  void resume() override;
  bool held_back() const override { return held_back_; }
  void end(Time deadline) override;
  void abort(End end) override;
  void set_protocol(Protocol& protocol) override { protocol_ = &protocol; }
  void wake_by(Time deadline) override;
  const io::Address& peer() const override { return peer_; }
  bool rename_peer(const io::Address& peer) override;
  io::Token token() const override {
    const auto [slot, generation] = core::Slab<Link>::name_of(*this);
    return {slot, generation};
  }

  void run_ready() override;
  void flush() override;
  void reap() override;
  void fire() override;

  Protocol* protocol() const { return protocol_; }
  bool closed() const { return state_ == State::closed; }
  bool aborting() const { return state_ == State::aborting || state_ == State::closed; }
  // Bytes held for this peer: outbox, input set aside, a message that is not whole.
  std::size_t held_bytes() const;
  void check_invariants() const;

 private:
  enum class State : std::uint8_t { open, ending, aborting, closed };
  // Input set aside while the protocol does not take it; stands at the front of its block.
  struct Spill;

  // Calls the protocol; what it throws (std::bad_alloc, an application's callback) ends this connection alone.
  template <class F>
  void guarded(F&& call);
  // Offers bytes to the protocol until it takes no more; what is left is set aside.
  void offer(std::span<std::byte> bytes);
  bool takes_input() const { return !paused_ && !held_back_; }
  std::span<std::byte> feed(std::span<std::byte> bytes);
  void set_aside(std::span<const std::byte> bytes);
  void free_spill();
  void start_receive();
  void stop_receive();
  // Tells the protocol that no input will come, once all that came was offered.
  void tell_end(End end);
  void output_moved(std::size_t size);
  // When the peer has let output wait too long: now, or a time to come; Time::max() where none waits.
  Time stalled_at(Time now) const;
  void try_finish();
  void close_when_idle();

  Protocol* protocol_ = nullptr;
  Spill* spill_ = nullptr;
  Time deadline_ = Time::max();  // of the state `ending`
  // When the send under way began. Of its milliseconds only differences count, as the clock comes round in 49 days and
  // no write_timeout is longer than one.
  std::uint32_t output_since_ms_ = 0;
  std::uint32_t in_flight_ = 0;  // bytes of the send under way
  io::SocketId socket_;
  io::Address peer_;
  State state_ = State::open;
  bool paused_ : 1 = false;
  bool held_back_ : 1 = false;
  bool receiving_ : 1 = false;  // a receive is under way
  bool stopping_receive_ : 1 = false;
  bool input_ended_ : 1 = false;  // FIN came
  bool end_told_ : 1 = false;
  bool fin_sent_ : 1 = false;
  bool offering_ : 1 = false;     // inside feed()
  bool abort_close_ : 1 = false;  // reset rather than close in order
  bool admitted_ : 1 = false;
  bool unnamed_ : 1 = false;  // admitted, but counted for no address
};

}  // namespace brume::connection

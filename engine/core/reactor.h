// reactor.h: the turn of one core: completions, then posted envelopes, then timers, then one flush a participant.
//
// One thread drives it, one turn after another. It knows nothing of WebSocket: what takes part in a turn is a
// Participant, what a completion means is told to io::Events. Owns the core's timers and pools; the Io, which must
// outlive it, is the caller's.
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/gate.h>
#include <brume/engine/core/ledger.h>
#include <brume/engine/core/timer_wheel.h>
#include <brume/engine/io/io.h>

namespace brume::core {

using io::Time;

// A timer with what to do when it expires. Fires once for each arming, never early, and may be destroyed by its own
// `fire`.
struct Alarm : Timer {
  using Fire = void (*)(Alarm& alarm);
  explicit Alarm(Fire f) : fire(f) {}
  Fire fire;
};

// Something with work at set points of a turn. Marked by the reactor's mark_ functions; a mark is used up by its call.
// Reactor::admit() comes before its first mark, dismiss() after its last.
class Participant {
 public:
  // Goes on with input that was set aside.
  virtual void run_ready() = 0;
  // Sends what the turn left in the outbox.
  virtual void flush() = 0;
  // The turn's last step: nothing refers to this participant any more; it may destroy itself.
  virtual void reap() = 0;

 protected:
  ~Participant() = default;

 private:
  friend class Reactor;
  enum Mark : std::uint8_t { kReady = 1, kFlush = 2, kReap = 4 };
  std::uint8_t marks_ = 0;
};

class Reactor {
 public:
  struct Options {
    std::chrono::nanoseconds busy_poll{0};  // spin that long after the last event before sleeping
    std::size_t mailbox_slots = 4096;       // envelopes from other threads
    std::size_t envelopes_per_turn = 1024;  // of them run in one turn
    std::size_t memory_limit = 0;           // bytes the ledger counts to; 0: none
  };

  // `host` is what envelopes are run with.
  Reactor(io::Io& io, const Options& options, void* host);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // One turn; sleeps at most `max_wait` where there is nothing to do (negative: until something comes).
  void turn(io::Events& events, Time max_wait);

  io::Io& io() { return io_; }
  // The time of this turn: the clock is read once, when it is first asked for after the completions were waited for.
  Time now() const {
    if (!now_known_) {
      now_ = io_.now();
      now_known_ = true;
    }
    return now_;
  }
  TimerWheel& timers() { return timers_; }
  BlockPool& blocks() { return blocks_; }
  FramePool& frames() { return frames_; }
  Ledger& ledger() { return ledger_; }
  Gate& gate() { return *gate_.get(); }
  GateRef gate_ref() const { return gate_; }

  void arm(Alarm& alarm, Time deadline) { timers_.arm(alarm, deadline); }

  // Makes room for the marks of one more participant, so that marking it never fails: a mark comes where nobody could
  // be told that there is no memory. May throw std::bad_alloc; then nothing changed.
  void admit();
  // A participant is gone.
  void dismiss() noexcept {
    assert(participants_ != 0);
    participants_--;
  }
  void mark_ready(Participant& participant) { mark(participant, Participant::kReady, ready_); }
  void mark_flush(Participant& participant) { mark(participant, Participant::kFlush, flush_); }
  // At the end of this turn, when no other mark of it is left.
  void mark_reap(Participant& participant) { mark(participant, Participant::kReap, reap_); }

  // Length of the last turn without its sleep.
  Time last_turn_length() const { return last_turn_length_; }
  std::uint64_t turns() const { return turns_; }
  void check_invariants() const;

 private:
  static void mark(Participant& participant, Participant::Mark mark, std::vector<Participant*>& list) {
    if (participant.marks_ & mark) return;
    assert(list.size() < list.capacity());
    participant.marks_ = static_cast<std::uint8_t>(participant.marks_ | mark);
    list.push_back(&participant);
  }
  // Calls `f` for each marked participant of `list`, also for those marked while it runs where `again`.
  template <class F>
  void run_marked(std::vector<Participant*>& list, Participant::Mark mark, F&& f);
  void take_completions(io::Events& events, Time max_wait);
  Time sleep_limit(Time max_wait);

  io::Io& io_;
  Options options_;
  void* host_;
  mutable Time now_;
  mutable bool now_known_ = true;
  Time last_event_;
  Time last_turn_length_{0};
  std::uint64_t turns_ = 0;
  bool more_envelopes_ = false;
  std::size_t participants_ = 0;
  GateRef gate_;
  Ledger ledger_;
  BlockPool blocks_;
  FramePool frames_;
  TimerWheel timers_;
  std::vector<Participant*> ready_;
  std::vector<Participant*> flush_;
  std::vector<Participant*> reap_;
  std::vector<Participant*> running_;
};

}  // namespace brume::core

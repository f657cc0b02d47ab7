// reactor.h: the turn of one core: completions, posted envelopes, timers, what these left to settle, then one flush a
// participant.
//
// One thread drives it, one turn after another. It knows nothing of WebSocket: what takes part in a turn is a
// Participant, what a completion means is told to io::Events. Owns the core's timers and pools; the Io, which must
// outlive it, is the caller's.
#pragma once

#include <cassert>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/gate.h>
#include <brume/engine/core/ledger.h>
#include <brume/engine/core/timer_wheel.h>
#include <brume/engine/core/turn_shares.h>
#include <brume/engine/io/io.h>

namespace brume::core {

using io::Time;

// A timer with what to do when it expires. Fires once for each arming, never early, and may be destroyed by its own
// fire().
class Alarm : public Timer {
 public:
  virtual void fire() = 0;

 protected:
  ~Alarm() = default;
};

// Something with work at set points of a turn, and at a time of its own. Marked by the reactor's mark_ functions; a
// mark is used up by its call. Reactor::admit() comes before its first mark, dismiss() after its last.
class Participant : public Alarm {
 public:
  // Goes on with input that was set aside.
  virtual void run_ready() = 0;
  // After the handlers of the turn, before the flush: passes on what they left with this participant.
  virtual void settle() {}
  // Sends what the turn left in the outbox.
  virtual void flush() = 0;
  // The turn's last step: nothing refers to this participant any more; it may destroy itself.
  virtual void reap() = 0;

 protected:
  ~Participant() = default;

 private:
  friend class Reactor;
  enum Mark : std::uint8_t { kReady = 1, kFlush = 2, kReap = 4, kSettle = 8 };
  std::uint8_t marks_ = 0;
};

class Reactor {
 public:
  struct Options {
    std::chrono::nanoseconds busy_poll{0};  // spin that long after the last event before sleeping
    std::size_t mailbox_slots = 4096;       // envelopes from other threads
    std::size_t envelopes_per_turn = 1024;  // of them run in one turn
    std::size_t memory_limit = 0;           // bytes the ledger counts to; 0: none
    bool explain_turns = false;             // whether largest_share() is wanted
  };

  // `host` is what envelopes are run with.
  Reactor(io::Io& io, const Options& options, void* host);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Makes a reactor the current one of this thread, and its frame pool too, for a scope: its turns, and what is done in
  // their place while no thread turns it.
  class Entered {
   public:
    explicit Entered(Reactor& reactor);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    Reactor* previous_;
    FramePool::Scope frames_;
  };
  // The one this thread is in; null on a thread that is in none.
  static Reactor* current();

  // One turn; sleeps at most `max_wait` where there is nothing to do (negative: until something comes).
  void turn(io::Events& events, Time max_wait);

  io::Io& io() { return io_; }
  void* host() const { return host_; }
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
  // Settled in this turn, or in the next where this turn's settling has begun.
  void mark_settle(Participant& participant) { mark(participant, Participant::kSettle, settle_); }
  void mark_flush(Participant& participant) { mark(participant, Participant::kFlush, flush_); }
  // At the end of this turn, when no other mark of it is left.
  void mark_reap(Participant& participant) { mark(participant, Participant::kReap, reap_); }

  // It is about to go: takes back its marks and its time. Not while marked participants are being called.
  void unmark(Participant& participant);

  // Whether a turn would find nothing but what its Io and its timers bring.
  bool idle() const { return !has_work() && gate_.get()->empty_hint(); }

  // From here on the turn's time is spent on the application's code of that name, until the next is served or rest().
  // Costs a look at the clock where the name is another than before, none where it is the same.
  void serve(std::string_view name) {
    if (options_.explain_turns && !shares_.runs(name)) change_served(name);
  }
  // What follows is nobody's.
  void rest() {
    if (shares_.running()) shares_.stop(io_.now());
  }

  // Length of the last turn without its sleep.
  Time last_turn_length() const { return last_turn_length_; }
  // Who was served for longest in it. Valid until the next turn.
  TurnShares::Share largest_share() const { return shares_.largest(); }
  std::uint64_t turns() const { return turns_; }
  void check_invariants() const;

 private:
  static void mark(Participant& participant, Participant::Mark mark, std::vector<Participant*>& list) {
    if (participant.marks_ & mark) return;
    assert(list.size() < list.capacity());
    list.push_back(&participant);
    participant.marks_ = static_cast<std::uint8_t>(participant.marks_ | mark);
  }
  // Calls `f` for each marked participant of `list`, also for those marked while it runs where `again`.
  template <class F>
  void run_marked(std::vector<Participant*>& list, Participant::Mark mark, F&& f);
  void take_completions(io::Events& events, Time max_wait);
  void change_served(std::string_view name);
  Time sleep_limit(Time max_wait);
  // Whether this turn left something to the next one.
  bool has_work() const {
    return !ready_.empty() || !settle_.empty() || !flush_.empty() || !reap_.empty() || more_envelopes_;
  }

  io::Io& io_;
  Options options_;
  void* host_;
  mutable Time now_;
  mutable bool now_known_ = true;
  Time last_event_;
  Time last_turn_length_{0};
  TurnShares shares_;
  std::uint64_t turns_ = 0;
  bool more_envelopes_ = false;
  std::size_t participants_ = 0;
  GateRef gate_;
  Ledger ledger_;
  BlockPool blocks_;
  FramePool frames_;
  TimerWheel timers_;
  std::vector<Participant*> ready_;
  std::vector<Participant*> settle_;
  std::vector<Participant*> flush_;
  std::vector<Participant*> reap_;
  std::vector<Participant*> running_;
};

}  // namespace brume::core

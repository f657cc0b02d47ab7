// timer_wheel.h: a hierarchical hashed timing wheel of intrusive timers, one a core; its thread only.
//
// Arming, re-arming and cancelling cost O(1). Deadlines are rounded up to ticks of one millisecond: a timer never fires
// early. A timer belongs to its owner and unlinks itself when it is destroyed. While timers fire, any of them may be
// armed, cancelled or destroyed, itself included.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace brume::core {

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { unlink(); }

  bool armed() const { return place_ != nullptr; }
  // When it fires. Requires: armed.
  std::chrono::nanoseconds deadline() const { return std::chrono::milliseconds(tick_); }

 private:
  friend class TimerWheel;
  void unlink() {
    if (!place_) return;
    *place_ = next_;
    if (next_) next_->place_ = place_;
    place_ = nullptr;
    next_ = nullptr;
  }

  Timer* next_ = nullptr;
  Timer** place_ = nullptr;  // what points at this; null while not armed
  std::int64_t tick_ = 0;
};

class TimerWheel {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr Time kTick = std::chrono::milliseconds(1);

  explicit TimerWheel(Time now) : now_(floor(now)) {}
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms or re-arms `timer`; a deadline that has passed fires at the next tick.
  void arm(Timer& timer, Time deadline);
  void cancel(Timer& timer) { timer.unlink(); }

  // Calls `fire(Timer&)` for each timer whose deadline is not after `now`, tick by tick; each is disarmed before its
  // call.
  template <class F>
  void advance(Time now, F&& fire) {
    const std::int64_t end = floor(now);
    while (Timer* timer = next_due(end)) fire(*timer);
  }

  // No timer fires before the time returned; Time::max() where none is armed. Sleeping until then is never too long.
  Time next_deadline() const;

  void check_invariants() const;

 private:
  static constexpr int kBits = 6;
  static constexpr std::size_t kSlots = std::size_t{1} << kBits;
  static constexpr std::size_t kLevels = 7;  // 2^42 ms: no deadline is farther

  static std::int64_t floor(Time time) { return std::chrono::floor<std::chrono::milliseconds>(time).count(); }
  static std::int64_t ceil(Time time) { return std::chrono::ceil<std::chrono::milliseconds>(time).count(); }

  struct Expiry {
    std::int64_t tick;  // when the slot's span begins; max where there is none
    std::size_t level;
    std::size_t slot;
  };
  void insert(Timer& timer);
  // Takes the next timer due until tick `end`, moving the wheel's time on; null where there is none.
  Timer* next_due(std::int64_t end);
  Expiry next_expiry() const;

  std::int64_t now_;  // the tick up to which everything has fired
  mutable std::array<std::uint64_t, kLevels>
      occupied_{};  // a bit a slot; may be set where all its timers were unlinked
  std::array<std::array<Timer*, kSlots>, kLevels> slots_{};
  Timer* due_ = nullptr;  // taken from the wheel, about to fire
};

}  // namespace brume::core

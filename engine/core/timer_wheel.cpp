#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>

#include <brume/engine/core/timer_wheel.h>

namespace brume::core {

namespace {
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFarthest = (std::int64_t{1} << 41) - 1;  // ticks from now
}  // namespace

TimerWheel::~TimerWheel() {
  const auto forget = [](Timer* list) {
    while (list) {
      Timer* next = list->next_;
      list->unlink();
      list = next;
    }
  };
  forget(due_);
  for (auto& level : slots_)
    for (Timer* list : level) forget(list);
}

void TimerWheel::arm(Timer& timer, Time deadline) {
  timer.unlink();
  timer.tick_ = std::min(std::max(ceil(deadline), now_ + 1), now_ + kFarthest);
  insert(timer);
}

void TimerWheel::insert(Timer& timer) {
  // The level is where the deadline first differs from now: all its lower digits lie within one slot of that level.
  const auto differing = static_cast<std::uint64_t>(timer.tick_ ^ now_) | (kSlots - 1);
  const std::size_t level = std::min((static_cast<std::size_t>(std::bit_width(differing)) - 1) / kBits, kLevels - 1);
  const std::size_t slot = static_cast<std::size_t>(timer.tick_ >> (kBits * level)) & (kSlots - 1);
  Timer*& head = slots_[level][slot];
  timer.next_ = head;
  timer.place_ = &head;
  if (head) head->place_ = &timer.next_;
  head = &timer;
  occupied_[level] |= std::uint64_t{1} << slot;
}

TimerWheel::Expiry TimerWheel::next_expiry() const {
  for (std::size_t level = 0; level < kLevels; level++) {
    while (occupied_[level] != 0) {
      const int shift = static_cast<int>(kBits * level);
      const auto here = static_cast<int>((now_ >> shift) & static_cast<std::int64_t>(kSlots - 1));
      const int ahead = std::countr_zero(std::rotr(occupied_[level], here));
      const auto slot = static_cast<std::size_t>(here + ahead) % kSlots;
      if (!slots_[level][slot]) {
        occupied_[level] &= ~(std::uint64_t{1} << slot);
        continue;
      }
      const std::int64_t base = now_ >> shift;
      return {(base + ahead) << shift, level, slot};
    }
  }
  return {kNever, 0, 0};
}

Timer* TimerWheel::next_due(std::int64_t end) {
  for (;;) {
    if (Timer* timer = due_) {
      timer->unlink();
      return timer;
    }
    const Expiry expiry = next_expiry();
    if (expiry.tick > end) {
      now_ = std::max(now_, end);
      return nullptr;
    }
    now_ = std::max(now_, expiry.tick);
    Timer*& head = slots_[expiry.level][expiry.slot];
    occupied_[expiry.level] &= ~(std::uint64_t{1} << expiry.slot);
    if (expiry.level == 0) {
      due_ = head;
      due_->place_ = &due_;
      head = nullptr;
      continue;
    }
    // The slot's span begins: its timers move to the levels below.
    Timer* list = head;
    head = nullptr;
    while (list) {
      Timer* next = list->next_;
      insert(*list);
      list = next;
    }
  }
}

TimerWheel::Time TimerWheel::next_deadline() const {
  if (due_) return std::chrono::milliseconds(now_);
  const Expiry expiry = next_expiry();
  return expiry.tick == kNever ? Time::max() : Time(std::chrono::milliseconds(expiry.tick));
}

void TimerWheel::check_invariants() const {
  for (std::size_t level = 0; level < kLevels; level++) {
    for (std::size_t slot = 0; slot < kSlots; slot++) {
      [[maybe_unused]] Timer* const* place = &slots_[level][slot];
      assert(!*place || (occupied_[level] >> slot & 1) != 0);
      for (const Timer* timer = *place; timer; timer = timer->next_) {
        assert(timer->place_ == place && timer->tick_ >= now_);
        place = &timer->next_;
      }
    }
  }
}

}  // namespace brume::core

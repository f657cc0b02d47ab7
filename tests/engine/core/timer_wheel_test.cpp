#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/timer_wheel.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

using namespace std::chrono_literals;
using Time = TimerWheel::Time;

struct Named : Timer {
  explicit Named(int n = 0) : name(n) {}
  int name;
};

std::vector<int> fired(TimerWheel& wheel, Time now) {
  std::vector<int> names;
  wheel.advance(now, [&](Timer& timer) {
    EXPECT_FALSE(timer.armed());
    names.push_back(static_cast<Named&>(timer).name);
  });
  wheel.check_invariants();
  return names;
}

static_assert(sizeof(Timer) <= 32);

TEST(TimerWheel, FiresAtItsDeadlineAndNeverBefore) {
  TimerWheel wheel(0s);
  Named timer(1);
  for (const Time delay : {1ns, 999'999ns, 1'000'000ns, 63'000'000ns, 64'000'000ns, 65'000'000ns}) {
    const Time start = 5s;
    TimerWheel fresh(start);
    fresh.arm(timer, start + delay);
    const Time rounded = std::chrono::ceil<std::chrono::milliseconds>(start + delay);
    EXPECT_EQ(timer.deadline(), rounded);
    EXPECT_TRUE(fired(fresh, start + delay - 1ns).empty());
    EXPECT_TRUE(fired(fresh, rounded - 1ns).empty());
    EXPECT_EQ(fired(fresh, rounded).size(), 1U);
    EXPECT_EQ(fresh.next_deadline(), Time::max());
  }
  wheel.check_invariants();
}

TEST(TimerWheel, FiresInTheOrderOfDeadlines) {
  TimerWheel wheel(0s);
  Named a(1), b(2), c(3), d(4);
  wheel.arm(c, 70s);
  wheel.arm(a, 3ms);
  wheel.arm(d, 100h);
  wheel.arm(b, 5s);
  EXPECT_EQ(fired(wheel, 1000h), (std::vector{1, 2, 3, 4}));
}

TEST(TimerWheel, ReachesDeadlinesAsFarAsItCanCount) {
  TimerWheel wheel(0s);
  Named timer(1);
  constexpr Time kFar = std::chrono::milliseconds(std::int64_t{1} << 32);
  wheel.arm(timer, kFar);
  EXPECT_TRUE(fired(wheel, kFar - 1ns).empty());
  EXPECT_EQ(fired(wheel, kFar), (std::vector{1}));
  wheel.arm(timer, Time::max());
  EXPECT_TRUE(timer.armed());
  EXPECT_TRUE(fired(wheel, kFar + 24h * 365).empty());
}

TEST(TimerWheel, StartsAtAnyTime) {
  for (const Time start : {Time(0), Time(123'456'789), Time(std::chrono::milliseconds((std::int64_t{1} << 36) - 1)),
                           Time(24h * 365 * 50)}) {
    TimerWheel wheel(start);
    Named timer(1);
    wheel.arm(timer, start + 90s);
    EXPECT_TRUE(fired(wheel, start + 90s - 1ns).empty());
    EXPECT_EQ(fired(wheel, start + 90s + 1ms), (std::vector{1}));
  }
}

TEST(TimerWheel, FiresADeadlineThatHasPassedAtTheNextTick) {
  TimerWheel wheel(10s);
  Named timer(1);
  wheel.arm(timer, 3s);
  EXPECT_TRUE(fired(wheel, 10s).empty());
  EXPECT_LE(wheel.next_deadline(), 10s + 1ms);
  EXPECT_EQ(fired(wheel, 10s + 1ms), (std::vector{1}));
}

TEST(TimerWheel, ForgetsATimerThatIsCancelledRearmedOrDestroyed) {
  TimerWheel wheel(0s);
  Named cancelled(1), moved(2);
  auto destroyed = std::make_unique<Named>(3);
  wheel.arm(cancelled, 10ms);
  wheel.arm(moved, 10ms);
  wheel.arm(*destroyed, 10ms);
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  wheel.arm(moved, 20ms);
  destroyed.reset();
  EXPECT_FALSE(cancelled.armed());
  EXPECT_TRUE(fired(wheel, 19ms).empty());
  EXPECT_EQ(fired(wheel, 20ms), (std::vector{2}));
}

TEST(TimerWheel, LetsItsTimersGoWhenItGoes) {
  Named timer(1);
  {
    TimerWheel wheel(0s);
    wheel.arm(timer, 100s);
  }
  EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, LetsACallbackArmCancelAndDestroyAnyTimer) {
  TimerWheel wheel(0s);
  std::vector<std::unique_ptr<Named>> timers;
  for (int i = 0; i < 6; i++) timers.push_back(std::make_unique<Named>(i));
  for (auto& timer : timers) wheel.arm(*timer, 5ms);
  std::vector<int> names;
  wheel.advance(10ms, [&](Timer& timer) {
    const int name = static_cast<Named&>(timer).name;
    names.push_back(name);
    if (names.size() > 1) return;
    // The first of them: of the other five, due at the same tick, one goes, one is cancelled, one is put off.
    std::vector<int> others;
    for (int i = 0; i < 6; i++)
      if (i != name) others.push_back(i);
    timers[static_cast<std::size_t>(others[0])].reset();
    wheel.cancel(*timers[static_cast<std::size_t>(others[1])]);
    wheel.arm(*timers[static_cast<std::size_t>(others[2])], 20ms);
    timers[static_cast<std::size_t>(name)].reset();
  });
  EXPECT_EQ(names.size(), 3U);
  wheel.check_invariants();
  EXPECT_EQ(fired(wheel, 20ms).size(), 1U);
  EXPECT_EQ(wheel.next_deadline(), Time::max());
}

TEST(TimerWheel, LeavesATimerThatArmsItselfForThePastToTheNextTick) {
  TimerWheel wheel(0s);
  Named timer(1);
  wheel.arm(timer, 1ms);
  int count = 0;
  const auto again = [&](Timer& t) {
    count++;
    wheel.arm(t, 0ms);
  };
  wheel.advance(1ms, again);
  EXPECT_EQ(count, 1);
  wheel.advance(1ms, again);
  EXPECT_EQ(count, 1);
  wheel.advance(2ms, again);
  EXPECT_EQ(count, 2);
}

TEST(TimerWheel, NamesATimeToSleepUntilThatIsNeverTooLateAndSoonReached) {
  for (const Time delay : {Time(1ms), Time(63ms), Time(64ms), Time(30s), Time(24h), Time(1000h)}) {
    for (const Time start : {Time(0), Time(12'345'678'901), Time(99'999ms)}) {
      TimerWheel wheel(start);
      Named timer(1);
      wheel.arm(timer, start + delay);
      Time now = start;
      int wakes = 0;
      while (timer.armed()) {
        const Time next = wheel.next_deadline();
        ASSERT_GT(next, now) << "would spin";
        ASSERT_LE(next, timer.deadline()) << "would sleep too long";
        now = next;
        (void)fired(wheel, now);
        wakes++;
      }
      EXPECT_LE(wakes, 7) << "one for each level at most";
    }
  }
}

// All timers as a list of ticks: what the wheel has to agree with.
struct Reference {
  struct Entry {
    std::int64_t tick = -1;  // negative: not armed
  };
  std::vector<Entry> entries;
  std::int64_t now;

  void arm(std::size_t i, Time deadline) {
    entries[i].tick = std::max(std::chrono::ceil<std::chrono::milliseconds>(deadline).count(), now + 1);
  }
};

TEST(TimerWheel, AgreesWithAListOverRandomUse) {
  constexpr std::size_t kTimers = 200;
  for (const std::uint64_t seed : brume::test::seeds(30)) {
    SCOPED_TRACE(brume::test::seed_hint(seed));
    sim::Random random(seed);
    Time now(random.next() >> 20);
    TimerWheel wheel(now);
    std::vector<std::unique_ptr<Named>> timers;
    for (std::size_t i = 0; i < kTimers; i++) timers.push_back(std::make_unique<Named>(static_cast<int>(i)));
    Reference reference{std::vector<Reference::Entry>(kTimers),
                        std::chrono::floor<std::chrono::milliseconds>(now).count()};
    const auto random_delay = [&] { return Time(random.next() >> random.between(24, 60)); };
    const auto change_one = [&] {
      const std::size_t i = random.below(kTimers);
      const std::uint32_t what = random.below(10);
      if (what < 7) {
        const Time deadline = now + random_delay() - Time(random.below(5'000'000));
        wheel.arm(*timers[i], deadline);
        reference.arm(i, deadline);
      } else {
        if (what == 7) timers[i] = std::make_unique<Named>(static_cast<int>(i));
        wheel.cancel(*timers[i]);
        reference.entries[i].tick = -1;
      }
    };
    for (int step = 0; step < 300; step++) {
      for (std::uint32_t n = random.below(20); n > 0; n--) change_one();
      now += random_delay();
      const std::int64_t end = std::chrono::floor<std::chrono::milliseconds>(now).count();
      wheel.advance(now, [&](Timer& timer) {
        const auto i = static_cast<std::size_t>(static_cast<Named&>(timer).name);
        const std::int64_t tick = reference.entries[i].tick;
        ASSERT_GE(tick, reference.now) << "out of order, or not armed at all";
        ASSERT_LE(tick, end);
        for (const auto& entry : reference.entries) ASSERT_FALSE(entry.tick >= 0 && entry.tick < tick) << "passed over";
        reference.now = tick;
        reference.entries[i].tick = -1;
        if (random.below(3) == 0) change_one();
      });
      reference.now = std::max(reference.now, end);
      Time earliest = Time::max();
      for (std::size_t i = 0; i < kTimers; i++) {
        const std::int64_t tick = reference.entries[i].tick;
        ASSERT_EQ(timers[i]->armed(), tick >= 0);
        if (tick < 0) continue;
        ASSERT_GT(tick, end);
        earliest = std::min(earliest, Time(std::chrono::milliseconds(tick)));
      }
      ASSERT_LE(wheel.next_deadline(), earliest);
      ASSERT_EQ(wheel.next_deadline() == Time::max(), earliest == Time::max());
      ASSERT_GT(wheel.next_deadline(), now);
      wheel.check_invariants();
    }
  }
}

}  // namespace
}  // namespace brume::core

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/reactor.h>
#include <brume/engine/core/sleep.h>
#include <brume/engine/core/task.h>
#include <brume/tests/engine/core/fake_io.h>
#include <brume/tests/engine/core/task_fixture.h>

namespace brume::core {
namespace {

using namespace std::chrono_literals;
using test::FakeIo;
using test::NoEvents;
using Result = std::expected<void, Error>;

struct Core : test::TestScope {
  Core() : core_reactor(io, {}, this) {}
  ~Core() { destroy_all(); }  // before the timers they wait in
  Reactor& reactor() override { return core_reactor; }
  // Turns until `span` is over.
  void run_for(Time span) {
    for (const Time end = io.now() + span; io.now() < end;) core_reactor.turn(events, end - io.now());
  }
  FakeIo io;
  NoEvents events;
  Reactor core_reactor;
};

Task<> sleeper(Time duration, std::optional<Result>& result) {
  result = co_await sleep(duration);
}

TEST(Sleep, GoesOnWhenItsTimeIsOver) {
  Core core;
  std::optional<Result> result;
  core.begin(sleeper(30ms, result));
  core.run_for(29ms);
  EXPECT_FALSE(result);
  core.run_for(1ms);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->has_value());
  EXPECT_EQ(core.done, 1);
}

TEST(Sleep, MayBeRepeatedInOneTask) {
  Core core;
  int count = 0;
  core.begin([](int& n) -> Task<> {
    while (co_await sleep(10ms)) n++;
  }(count));
  core.run_for(105ms);
  EXPECT_EQ(count, 10);
  core.cancel();
  EXPECT_EQ(core.done, 1);
}

TEST(Sleep, EndsWithAnErrorWhenItsOwnerEnds) {
  Core core;
  std::optional<Result> one, two;
  core.begin(sleeper(30ms, one));
  core.begin(sleeper(1h, two));
  core.cancel();
  ASSERT_TRUE(one && two);
  ASSERT_FALSE(one->has_value());
  EXPECT_EQ(one->error(), Error::connection_closed);
  EXPECT_FALSE(two->has_value());
  EXPECT_EQ(core.done, 2);
  core.run_for(2h);
}

TEST(Sleep, DoesNotBeginOnceItsOwnerHasEnded) {
  Core core;
  int sleeps = 0;
  core.begin([](int& n) -> Task<> {
    for (int i = 0; i < 3; i++) {
      const Result slept = co_await sleep(1s);
      n++;
      if (slept) co_return;
    }
  }(sleeps));
  core.cancel();
  EXPECT_EQ(sleeps, 3);
  EXPECT_EQ(core.done, 1);
  std::optional<Result> late;
  core.begin(sleeper(1s, late));
  ASSERT_TRUE(late);
  EXPECT_FALSE(late->has_value());
}

TEST(Sleep, LeavesNoTimerBehindWhereItsTaskIsDestroyed) {
  Core core;
  std::optional<Result> result;
  core.begin(sleeper(30ms, result));
  core.destroy_all();
  EXPECT_EQ(core.core_reactor.timers().next_deadline(), Time::max());
  core.run_for(100ms);
  EXPECT_FALSE(result);
}

// A task may end another one's sleep from within its own.
TEST(Sleep, MayBeDestroyedByATaskThatWokeAtTheSameTime) {
  Core core;
  std::optional<Result> result;
  // Both sleep on the first core's wheel.
  struct Guest final : test::TestScope {
    explicit Guest(Reactor& r) : host(r) {}
    Reactor& reactor() override { return host; }
    Reactor& host;
  } guest(core.core_reactor);
  guest.begin(sleeper(10ms, result));
  core.begin([](Guest& victim) -> Task<> {
    (void)co_await sleep(10ms);
    victim.destroy_all();
  }(guest));
  guest.begin(sleeper(10ms, result));
  core.run_for(20ms);
  EXPECT_EQ(core.done, 1);
  EXPECT_TRUE(guest.running.empty());
}

}  // namespace
}  // namespace brume::core

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/task.h>
#include <brume/tests/engine/core/task_fixture.h>

namespace brume::core {
namespace {

using test::TestScope;
using test::WaitingRoom;

std::string message_of(const std::exception_ptr& exception) {
  if (!exception) return "";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return e.what();
  }
}

Task<> note(std::vector<std::string>& notes, std::string text) {
  notes.push_back(std::move(text));
  co_return;
}

Task<int> sum(int a, int b) {
  co_return a + b;
}

TEST(Task, DoesNotRunUntilItIsBegun) {
  std::vector<std::string> notes;
  TestScope scope;
  {
    const Task<> never = note(notes, "never");
    EXPECT_TRUE(static_cast<bool>(never));
  }
  Task<> task = note(notes, "begun");
  EXPECT_TRUE(notes.empty());
  scope.begin(std::move(task));
  EXPECT_FALSE(static_cast<bool>(task));
  EXPECT_EQ(notes, (std::vector<std::string>{"begun"}));
  EXPECT_EQ(scope.done, 1);
  EXPECT_TRUE(scope.running.empty());
}

TEST(Task, GivesItsAwaiterAValue) {
  TestScope scope;
  int result = 0;
  scope.begin([](int& out) -> Task<> { out = co_await sum(co_await sum(1, 2), 3); }(result));
  EXPECT_EQ(result, 6);
}

TEST(Task, CarriesMoveOnlyAndNotDefaultConstructibleValues) {
  struct Odd {
    explicit Odd(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
  };
  const auto make = [](int value) -> Task<Odd> { co_return Odd(value); };
  TestScope scope;
  int result = 0;
  scope.begin([](auto maker, int& out) -> Task<> {
    Odd odd = co_await maker(7);
    out = *odd.value;
  }(make, result));
  EXPECT_EQ(result, 7);
}

TEST(Task, RunsOnWhenWhatItWaitsForComes) {
  TestScope scope;
  WaitingRoom room;
  std::vector<std::string> notes;
  const auto inner = [](WaitingRoom& r, std::vector<std::string>& n) -> Task<int> {
    n.push_back("inner waits");
    co_await r.wait();
    n.push_back("inner goes on");
    co_return 5;
  };
  scope.begin([](auto in, WaitingRoom& r, std::vector<std::string>& n) -> Task<> {
    const int value = co_await in(r, n);
    n.push_back("outer got " + std::to_string(value));
    co_await r.wait();
    n.push_back("outer ends");
  }(inner, room, notes));
  EXPECT_EQ(scope.running.size(), 1U);
  EXPECT_EQ(notes, (std::vector<std::string>{"inner waits"}));
  EXPECT_TRUE(room.resume_one());
  EXPECT_EQ(notes, (std::vector<std::string>{"inner waits", "inner goes on", "outer got 5"}));
  EXPECT_TRUE(room.resume_one());
  EXPECT_EQ(notes.back(), "outer ends");
  EXPECT_EQ(scope.done, 1);
}

TEST(Task, GivesItsExceptionToItsAwaiter) {
  TestScope scope;
  WaitingRoom room;
  std::vector<std::string> notes;
  const auto fails = [](WaitingRoom& r, bool wait) -> Task<int> {
    if (wait) co_await r.wait();
    throw std::runtime_error(wait ? "late" : "early");
    co_return 1;
  };
  scope.begin([](auto f, WaitingRoom& r, std::vector<std::string>& n) -> Task<> {
    for (const bool wait : {false, true}) {
      try {
        (void)co_await f(r, wait);
      } catch (const std::runtime_error& e) {
        n.emplace_back(e.what());
      }
    }
  }(fails, room, notes));
  EXPECT_EQ(notes, (std::vector<std::string>{"early"}));
  room.resume_one();
  EXPECT_EQ(notes, (std::vector<std::string>{"early", "late"}));
  EXPECT_EQ(scope.done, 1);
  EXPECT_EQ(message_of(scope.last_exception), "");
}

TEST(Task, TellsItsOwnerTheExceptionNobodyCaught) {
  TestScope scope;
  scope.begin([]() -> Task<> {
    const auto fails = []() -> Task<int> {
      throw std::runtime_error("nobody caught this");
      co_return 1;
    };
    (void)co_await fails();
  }());
  EXPECT_EQ(scope.done, 1);
  EXPECT_EQ(message_of(scope.last_exception), "nobody caught this");
}

TEST(Task, IsAssignedByMoving) {
  TestScope scope;
  std::vector<std::string> notes;
  Task<> task = note(notes, "dropped");
  task = note(notes, "kept");
  scope.begin(std::move(task));
  EXPECT_EQ(notes, (std::vector<std::string>{"kept"}));
}

TEST(Task, MayBeAwaitedAsALocalOfItsAwaiter) {
  TestScope scope;
  int result = 0;
  scope.begin([](int& out) -> Task<> {
    const Task<int> later = sum(20, 22);
    out = co_await later;
  }(result));
  EXPECT_EQ(result, 42);
}

// ---- stack

std::uintptr_t stack_place() {
  return reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
}
constexpr std::uintptr_t kAllowedGrowth = 16 * 1024;  // bytes; 100,000 frames left on the stack would take megabytes

struct StackUse {
  std::uintptr_t highest = 0;
  std::uintptr_t lowest = UINTPTR_MAX;
  void look() {
    highest = std::max(highest, stack_place());
    lowest = std::min(lowest, stack_place());
  }
};

Task<int> one_that_ends_at_once(StackUse& use) {
  use.look();
  co_return 1;
}

Task<int> one_that_waits(StackUse& use, WaitingRoom& room) {
  co_await room.wait();
  use.look();
  co_return 1;
}

constexpr int kAwaits = 100'000;

TEST(TaskStack, DoesNotGrowInALoopOfAwaitsThatEndAtOnce) {
  TestScope scope;
  StackUse use;
  int count = 0;
  scope.begin([](StackUse& u, int& c) -> Task<> {
    for (int i = 0; i < kAwaits; i++) c += co_await one_that_ends_at_once(u);
  }(use, count));
  EXPECT_EQ(count, kAwaits);
  EXPECT_LT(use.highest - use.lowest, kAllowedGrowth);
}

TEST(TaskStack, DoesNotGrowInALoopOfAwaitsThatWait) {
  TestScope scope;
  WaitingRoom room;
  StackUse use;
  int count = 0;
  scope.begin([](StackUse& u, WaitingRoom& r, int& c) -> Task<> {
    for (int i = 0; i < kAwaits; i++) c += co_await one_that_waits(u, r);
  }(use, room, count));
  while (room.resume_one()) {
  }
  EXPECT_EQ(count, kAwaits);
  EXPECT_LT(use.highest - use.lowest, kAllowedGrowth);
}

TEST(TaskStack, DoesNotGrowWhereWaitingAndEndingAtOnceTakeTurns) {
  TestScope scope;
  WaitingRoom room;
  StackUse use;
  int count = 0;
  scope.begin([](StackUse& u, WaitingRoom& r, int& c) -> Task<> {
    for (int i = 0; i < kAwaits / 10; i++) {
      c += co_await one_that_waits(u, r);
      for (int k = 0; k < 10; k++) c += co_await one_that_ends_at_once(u);
    }
  }(use, room, count));
  while (room.resume_one()) {
  }
  EXPECT_EQ(count, kAwaits / 10 * 11);
  EXPECT_LT(use.highest - use.lowest, kAllowedGrowth);
}

Task<int> nested(int depth, WaitingRoom& room) {
  if (depth == 0) {
    co_await room.wait();
    co_return 0;
  }
  co_return 1 + co_await nested(depth - 1, room);
}

TEST(TaskStack, CarriesAThousandTasksThatAwaitEachOther) {
  TestScope scope;
  WaitingRoom room;
  int depth = 0;
  scope.begin([](WaitingRoom& r, int& d) -> Task<> { d = co_await nested(1000, r); }(room, depth));
  EXPECT_TRUE(room.resume_one());
  EXPECT_EQ(depth, 1000);
  scope.begin([](WaitingRoom& r, int& d) -> Task<> { d = co_await nested(1000, r); }(room, depth));
  scope.destroy_all();
  EXPECT_TRUE(room.empty());
}

}  // namespace
}  // namespace brume::core

// Tasks destroyed wherever they may stand. What makes these tests bite is AddressSanitizer (make asan).
#include <coroutine>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/task.h>
#include <brume/tests/engine/core/task_fixture.h>

namespace brume::core {
namespace {

using test::TestScope;
using test::Tracked;
using test::WaitingRoom;

// Something passed to a coroutine as a temporary: with a constructor, so that no aggregate is made in a co_await
// expression (task.h).
struct Options {
  explicit Options(std::string n, int& alive) : name(std::move(n)), tracked(alive) {}
  std::string name;
  Tracked tracked;
};

Task<std::string> leaf(WaitingRoom& room, Options options) {
  const Tracked local = options.tracked;
  co_await room.wait();
  co_return options.name + "!";
}

Task<std::string> branch(WaitingRoom& room, int& alive) {
  const Tracked local(alive);
  std::string text = co_await leaf(room, Options("a name too long for the small buffer of a string", alive));
  co_await room.wait();
  try {
    text += co_await leaf(room, Options("second", alive));
    throw std::runtime_error(text);
  } catch (const std::runtime_error& e) {
    text = e.what();
  }
  co_await room.wait();
  co_return text;
}

Task<> root(WaitingRoom& room, int& alive, std::size_t& length) {
  const Tracked local(alive);
  auto held = std::make_unique<Tracked>(alive);
  for (int i = 0; i < 2; i++) {
    const Task<std::string> kept = branch(room, alive);
    length += (co_await kept).size();
  }
  co_await room.wait();
}

TEST(TaskDestruction, LeavesNothingBehindAtAnySuspensionPoint) {
  constexpr int kSuspensions = 9;
  for (int stop_after = 0; stop_after <= kSuspensions; stop_after++) {
    SCOPED_TRACE(stop_after);
    FramePool pool;
    const FramePool::Scope current(pool);
    int alive = 0;
    std::size_t length = 0;
    WaitingRoom room;
    TestScope scope;
    scope.begin(root(room, alive, length));
    EXPECT_GT(alive, 0);
    for (int i = 0; i < stop_after; i++) ASSERT_TRUE(room.resume_one());
    EXPECT_EQ(scope.done, stop_after == kSuspensions ? 1 : 0);
    scope.destroy_all();
    EXPECT_EQ(alive, 0);
    EXPECT_TRUE(room.empty());
    EXPECT_EQ(pool.frames_in_use(), 0U);
    pool.check_invariants();
  }
}

TEST(TaskDestruction, FreesATaskThatNeverBegan) {
  FramePool pool;
  const FramePool::Scope current(pool);
  int alive = 0;
  std::size_t length = 0;
  WaitingRoom room;
  auto never = std::make_unique<Task<>>(root(room, alive, length));
  EXPECT_EQ(pool.frames_in_use(), 1U);
  never.reset();
  EXPECT_EQ(pool.frames_in_use(), 0U);
}

// An owner that frees itself when its task has ended, as a connection may.
class Owner final : public TestScope {
 public:
  Owner(bool& gone) : gone_(gone) {}
  ~Owner() { gone_ = true; }
  void on_task_done(void* task, std::exception_ptr exception) noexcept override {
    TestScope::on_task_done(task, exception);
    delete this;
  }

 private:
  bool& gone_;
};

TEST(TaskDestruction, LetsTheOwnerFreeItselfWhenItsTaskHasEnded) {
  for (const bool wait : {false, true}) {
    bool gone = false;
    WaitingRoom room;
    (new Owner(gone))->begin([](WaitingRoom& r, bool w) -> Task<> {
      if (w) co_await r.wait();
    }(room, wait));
    EXPECT_EQ(gone, !wait);
    room.resume_one();
    EXPECT_TRUE(gone);
  }
}

TEST(TaskDestruction, FreesTheFrameBeforeTheOwnerHearsOfTheEnd) {
  FramePool pool;
  const FramePool::Scope current(pool);
  struct Watcher final : TestScope {
    explicit Watcher(FramePool& p) : pool(p) {}
    void on_task_done(void* task, std::exception_ptr exception) noexcept override {
      TestScope::on_task_done(task, exception);
      frames = pool.frames_in_use();
    }
    FramePool& pool;
    std::size_t frames = 99;
  } scope(pool);
  scope.begin([]() -> Task<> { co_return; }());
  EXPECT_EQ(scope.frames, 0U);
}

// An await that does something to the waiting coroutine before its await_suspend() returns.
template <class F>
struct Meanwhile {
  F act;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) const {
    F copy = act;  // this await may be gone before `act` returns
    copy(waiter);
  }
  void await_resume() const noexcept {}
};

TEST(TaskDestruction, MayHappenInsideTheAwaitThatSuspends) {
  for (const int depth : {0, 1, 3}) {
    SCOPED_TRACE(depth);
    FramePool pool;
    const FramePool::Scope current(pool);
    int alive = 0;
    TestScope scope;
    const auto dies = [](TestScope& s, int& a, int d, const auto& self) -> Task<> {
      const Tracked local(a);
      if (d > 0) {
        co_await self(s, a, d - 1, self);
      } else {
        const auto destroy = [&s](std::coroutine_handle<>) { s.destroy_all(); };
        co_await Meanwhile<decltype(destroy)>{destroy};
      }
      ADD_FAILURE() << "ran on after its destruction";
    };
    scope.begin(dies(scope, alive, depth, dies));
    EXPECT_EQ(alive, 0);
    EXPECT_EQ(pool.frames_in_use(), 0U);
  }
}

TEST(TaskDestruction, IsNotNeededWhereAnAwaitResumesBeforeItReturns) {
  FramePool pool;
  const FramePool::Scope current(pool);
  TestScope scope;
  int steps = 0;
  const auto inner = [](int& s) -> Task<int> {
    const auto resume = [](std::coroutine_handle<> waiter) { waiter.resume(); };
    co_await Meanwhile<decltype(resume)>{resume};
    co_return ++s;
  };
  scope.begin([](auto in, int& s) -> Task<> {
    for (int i = 0; i < 3; i++) s += co_await in(s);
  }(inner, steps));
  EXPECT_EQ(scope.done, 1);
  EXPECT_EQ(steps, 14);
  EXPECT_EQ(pool.frames_in_use(), 0U);
}

}  // namespace
}  // namespace brume::core

// Frames come from the core's pool: once it is warm, tasks cost no allocation.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <gtest/gtest.h>

#include <brume/engine/core/frame_pool.h>
#include <brume/engine/core/task.h>
#include <brume/tests/engine/core/task_fixture.h>

namespace {
std::size_t allocations = 0;
}

// Counted here, for this program alone. Not inlined: the compiler would take the pair for a mistake.
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations++;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace brume::core {
namespace {

using test::TestScope;
using test::WaitingRoom;

Task<int> small(WaitingRoom& room, int value) {
  if (value % 2 == 0) co_await room.wait();
  co_return value;
}

Task<int> large(WaitingRoom& room, int value) {
  std::byte block[1000] = {};
  const int result = co_await small(room, value);
  co_return result + static_cast<int>(block[static_cast<std::size_t>(value) % sizeof block]);
}

Task<> work(WaitingRoom& room, int& total) {
  for (int i = 0; i < 10; i++) total += co_await large(room, i);
}

int run(TestScope& scope, WaitingRoom& room) {
  int total = 0;
  scope.begin(work(room, total));
  while (room.resume_one()) {
  }
  return total;
}

TEST(TaskMemory, TakesNoAllocationOnceThePoolIsWarm) {
  FramePool pool;
  const FramePool::Scope current(pool);
  TestScope scope;
  WaitingRoom room;
  EXPECT_EQ(run(scope, room), 45);
  const std::size_t chunks = pool.memory();
  const std::size_t before = allocations;
  for (int i = 0; i < 1000; i++) (void)run(scope, room);
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(pool.memory(), chunks);
  EXPECT_EQ(pool.frames_in_use(), 0U);
}

TEST(TaskMemory, ComesFromOperatorNewWhereNoPoolIsCurrent) {
  TestScope scope;
  WaitingRoom room;
  (void)run(scope, room);
  const std::size_t before = allocations;
  (void)run(scope, room);
  // A root, ten large ones and ten small ones, but for those the compiler puts into the frame of their awaiter.
  EXPECT_GE(allocations - before, 1U);
  EXPECT_LE(allocations - before, 21U);
}

TEST(TaskMemory, FindsItsWayBackFromAPoolThatIsNoLongerCurrent) {
  FramePool pool;
  TestScope scope;
  WaitingRoom room;
  int total = 0;
  {
    const FramePool::Scope current(pool);
    scope.begin(work(room, total));
  }
  EXPECT_GT(pool.frames_in_use(), 0U);
  while (room.resume_one()) {  // the tasks made from here on come from operator new
  }
  EXPECT_EQ(total, 45);
  EXPECT_EQ(pool.frames_in_use(), 0U);
}

}  // namespace
}  // namespace brume::core

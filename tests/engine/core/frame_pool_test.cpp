#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/frame_pool.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

constexpr std::size_t kLargestPooled = FramePool::kMaxPooledSize - FramePool::kHeaderSize;

TEST(FramePool, GivesAlignedWritableMemoryOfEverySize) {
  FramePool pool;
  std::vector<void*> frames;
  for (std::size_t size = 1; size <= FramePool::kMaxPooledSize + 200; size += 7) {
    void* frame = pool.allocate(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0U);
    std::memset(frame, 0xA5, size);
    frames.push_back(frame);
  }
  pool.check_invariants();
  EXPECT_EQ(pool.frames_in_use(), frames.size());
  for (void* frame : frames) FramePool::deallocate(frame);
  EXPECT_EQ(pool.frames_in_use(), 0U);
  pool.check_invariants();
}

TEST(FramePool, StartsFramesOfWholeCacheLinesOnOne) {
  FramePool pool;
  std::vector<void*> frames;
  for (std::size_t lines = 1; lines <= FramePool::kMaxPooledSize / 64; lines++) {
    for (int i = 0; i < 3; i++) frames.push_back(pool.allocate(lines * 64 - FramePool::kHeaderSize));
  }
  for (void* frame : frames) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % 64, 0U);
    FramePool::deallocate(frame);
  }
}

TEST(FramePool, PutsSmallFramesCloseTogether) {
  FramePool pool;
  std::vector<std::byte*> frames;
  for (int i = 0; i < 100; i++) frames.push_back(static_cast<std::byte*>(pool.allocate(136)));
  for (std::size_t i = 1; i < frames.size(); i++) EXPECT_EQ(frames[i] - frames[i - 1], 144);
  for (std::byte* frame : frames) FramePool::deallocate(frame);
}

TEST(FramePool, GivesTheFrameFreedLastFirst) {
  FramePool pool;
  void* one = pool.allocate(100);
  void* two = pool.allocate(100);
  EXPECT_NE(one, two);
  FramePool::deallocate(one);
  void* again = pool.allocate(90);
  EXPECT_EQ(again, one) << "the same class of sizes";
  FramePool::deallocate(again);
  FramePool::deallocate(two);
}

TEST(FramePool, ReturnsChunksToTheSystemButForOneOfEachClass) {
  FramePool pool;
  std::vector<void*> frames;
  for (int i = 0; i < 10'000; i++) frames.push_back(pool.allocate(300));
  EXPECT_GT(pool.memory(), 10'000U * 300);
  EXPECT_LT(pool.memory(), 10'000U * 300 * 5 / 4);
  for (void* frame : frames) FramePool::deallocate(frame);
  EXPECT_EQ(pool.memory(), FramePool::kChunkSize);
  EXPECT_EQ(pool.cached(), FramePool::kChunkSize);
  pool.check_invariants();
  pool.trim();
  EXPECT_EQ(pool.memory(), 0U);
}

TEST(FramePool, KeepsItsChunkWhileASingleFrameComesAndGoes) {
  FramePool pool;
  FramePool::deallocate(pool.allocate(500));
  const std::size_t before = pool.memory();
  for (int i = 0; i < 100; i++) {
    FramePool::deallocate(pool.allocate(500));
    EXPECT_EQ(pool.memory(), before);
  }
}

TEST(FramePool, ServesTheThreadOnlyInsideAScope) {
  FramePool outer, inner;
  void* unpooled = FramePool::allocate_from_current(64);
  EXPECT_EQ(outer.frames_in_use() + inner.frames_in_use(), 0U);
  void* first = nullptr;
  void* second = nullptr;
  void* third = nullptr;
  {
    const FramePool::Scope scope(outer);
    first = FramePool::allocate_from_current(64);
    {
      const FramePool::Scope nested(inner);
      second = FramePool::allocate_from_current(64);
    }
    third = FramePool::allocate_from_current(kLargestPooled + 1);
  }
  EXPECT_EQ(outer.frames_in_use(), 2U);
  EXPECT_EQ(inner.frames_in_use(), 1U);
  // Each frame finds its way back, whatever is current.
  const FramePool::Scope scope(inner);
  for (void* frame : {unpooled, first, second, third}) FramePool::deallocate(frame);
  EXPECT_EQ(outer.frames_in_use() + inner.frames_in_use(), 0U);
}

TEST(FramePool, KeepsFramesApartOverRandomUse) {
  for (const std::uint64_t seed : test::seeds(10)) {
    SCOPED_TRACE(test::seed_hint(seed));
    sim::Random random(seed);
    FramePool pool;
    struct Frame {
      unsigned char* bytes;
      std::size_t size;
      unsigned char mark;
    };
    std::vector<Frame> frames;
    const auto drop = [&](std::size_t i) {
      ASSERT_TRUE(std::all_of(frames[i].bytes, frames[i].bytes + frames[i].size,
                              [&](unsigned char byte) { return byte == frames[i].mark; }));
      FramePool::deallocate(frames[i].bytes);
      frames[i] = frames.back();
      frames.pop_back();
    };
    for (int step = 0; step < 4000; step++) {
      const bool grow = step / 1000 % 2 == 0;  // fills up, empties, and again
      if (frames.empty() || random.below(10) < (grow ? 7U : 3U)) {
        const std::size_t size = random.between(1, 2200);
        const auto mark = static_cast<unsigned char>(random.below(256));
        auto* bytes = static_cast<unsigned char*>(pool.allocate(size));
        std::memset(bytes, mark, size);
        frames.push_back({bytes, size, mark});
      } else {
        drop(random.below(static_cast<std::uint32_t>(frames.size())));
      }
      ASSERT_EQ(pool.frames_in_use(), frames.size());
      if (step % 100 == 0) pool.check_invariants();
    }
    while (!frames.empty()) drop(frames.size() - 1);
    pool.check_invariants();
    pool.trim();
    EXPECT_EQ(pool.memory(), 0U);
  }
}

}  // namespace
}  // namespace brume::core

#include <bit>
#include <cstddef>
#include <cstring>
#include <new>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/block_pool.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

TEST(BlockPool, RoundsUpToAPowerOfTwo) {
  BlockPool pool;
  const auto size_of = [&](std::size_t wanted) {
    const Block block = pool.take(wanted);
    std::memset(block.data, 0x5A, block.size);
    pool.give_back(block);
    return std::size_t{block.size};
  };
  EXPECT_EQ(size_of(0), BlockPool::kMinSize);
  EXPECT_EQ(size_of(256), 256U);
  EXPECT_EQ(size_of(257), 512U);
  EXPECT_EQ(size_of(BlockPool::kMaxPooledSize), BlockPool::kMaxPooledSize);
  EXPECT_EQ(size_of(BlockPool::kMaxPooledSize + 1), 2 * BlockPool::kMaxPooledSize);
  pool.check_invariants();
}

TEST(BlockPool, GivesTheSameBlockAgain) {
  BlockPool pool;
  const Block one = pool.take(1000);
  pool.give_back(one);
  EXPECT_EQ(pool.cached(), 1024U);
  const Block two = pool.take(600);
  EXPECT_EQ(two.data, one.data);
  EXPECT_EQ(pool.cached(), 0U);
  pool.give_back(two);
}

TEST(BlockPool, CountsWhatIsOutAndWhatIsKept) {
  BlockPool pool;
  const Block small = pool.take(300);
  const Block large = pool.take(BlockPool::kMaxPooledSize * 4);
  EXPECT_EQ(pool.held(), small.size + large.size);
  pool.give_back(large);
  EXPECT_EQ(pool.held(), small.size);
  EXPECT_EQ(pool.cached(), 0U) << "large blocks are not kept";
  pool.give_back(small);
  EXPECT_EQ(pool.held(), 0U);
  EXPECT_EQ(pool.cached(), small.size);
  pool.trim();
  EXPECT_EQ(pool.cached(), 0U);
  pool.check_invariants();
}

TEST(BlockPool, KeepsNoMoreThanItsBound) {
  constexpr std::size_t kBound = 10'000;
  BlockPool pool(kBound);
  std::vector<Block> blocks;
  for (int i = 0; i < 100; i++) blocks.push_back(pool.take(1024));
  for (const Block block : blocks) {
    pool.give_back(block);
    EXPECT_LE(pool.cached(), kBound);
  }
  EXPECT_EQ(pool.cached(), 9 * 1024U);
  pool.check_invariants();
}

TEST(BlockPool, RefusesWhatNoBlockCanBe) {
  BlockPool pool;
  EXPECT_THROW((void)pool.take(BlockPool::kMaxSize + 1), std::bad_alloc);
  EXPECT_THROW((void)pool.take(SIZE_MAX), std::bad_alloc);
  EXPECT_EQ(pool.held(), 0U);
}

TEST(BlockPool, AgreesWithItsCountsOverRandomUse) {
  for (const std::uint64_t seed : brume::test::seeds(10)) {
    SCOPED_TRACE(brume::test::seed_hint(seed));
    sim::Random random(seed);
    BlockPool pool(256 * 1024);
    std::vector<Block> blocks;
    std::size_t held = 0;
    for (int step = 0; step < 2000; step++) {
      if (blocks.empty() || random.below(2) == 0) {
        const std::size_t wanted = random.below(1U << random.between(1, 20));
        const Block block = pool.take(wanted);
        ASSERT_GE(block.size, wanted);
        ASSERT_TRUE(std::has_single_bit(block.size));
        std::memset(block.data, 1, block.size);
        held += block.size;
        blocks.push_back(block);
      } else {
        std::swap(blocks[random.below(static_cast<std::uint32_t>(blocks.size()))], blocks.back());
        held -= blocks.back().size;
        pool.give_back(blocks.back());
        blocks.pop_back();
      }
      ASSERT_EQ(pool.held(), held);
      pool.check_invariants();
      if (random.below(200) == 0) pool.trim();
    }
    for (const Block block : blocks) pool.give_back(block);
  }
}

}  // namespace
}  // namespace brume::core

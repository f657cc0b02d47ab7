#include <algorithm>

#include <gtest/gtest.h>

#include <brume/codec/message_store.h>

namespace brume::codec {
namespace {

constexpr std::size_t kManyBytes = 100'000;

// The byte that these tests put at a position.
std::byte pattern(std::size_t position) {
  return static_cast<std::byte>(position * 7 + position / 256);
}

void append(MessageStore& store, std::size_t count, std::size_t final_size) {
  const std::size_t old_size = store.size();
  const auto added = store.extend(count, final_size);
  ASSERT_EQ(added.size(), count);
  for (std::size_t i = 0; i < count; ++i) added[i] = pattern(old_size + i);
  store.check_invariants();
}

TEST(MessageStore, HoldsNoMemoryWhileItIsEmpty) {
  MessageStore store;
  EXPECT_TRUE(store.extend(0, kManyBytes).empty());
  EXPECT_EQ(store.capacity(), 0u);
  EXPECT_EQ(store.release(), nullptr);
  store.check_invariants();
}

TEST(MessageStore, KeepsItsBytesWhileItGrowsByAnyStep) {
  for (const std::size_t step : {1u, 2u, 63u, 64u, 65u, 1000u, 40'000u}) {
    MessageStore store;
    while (store.size() < kManyBytes) append(store, std::min(step, kManyBytes - store.size()), kManyBytes);
    for (std::size_t i = 0; i < kManyBytes; ++i) ASSERT_EQ(store.bytes()[i], pattern(i));
    EXPECT_EQ(store.capacity(), kManyBytes) << "no room beyond the final size";
  }
}

TEST(MessageStore, GrowsWithTheBytesStoredHoweverMuchIsToCome) {
  MessageStore store;
  append(store, 1, std::size_t{1} << 40);
  EXPECT_EQ(store.capacity(), MessageStore::kMinCapacity);
  append(store, 999, std::size_t{1} << 40);
  EXPECT_EQ(store.capacity(), 2000u);
}

TEST(MessageStore, MovesItsBytesSeldom) {
  MessageStore store;
  int moves = 0;
  while (store.size() < kManyBytes) {
    const std::size_t before = store.capacity();
    append(store, 1, kManyBytes);
    if (store.capacity() != before) ++moves;
  }
  EXPECT_LE(moves, 17) << "doubling from 64";
}

TEST(MessageStore, GivesItsMemoryAwayAndStartsAnew) {
  MessageStore store;
  append(store, 10, 10);
  const auto released = store.release();
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(released[i], pattern(i));
  EXPECT_EQ(store.size(), 0u);
  EXPECT_EQ(store.capacity(), 0u);
  append(store, 3, 3);
  EXPECT_EQ(store.size(), 3u);
}

}  // namespace
}  // namespace brume::codec

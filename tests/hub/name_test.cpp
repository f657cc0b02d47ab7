// Names as they are kept, and the core they are at home on.
#include <array>
#include <string>

#include <gtest/gtest.h>

#include <brume/hub/name.h>

namespace brume::hub {
namespace {

TEST(Name, KeepsItsTextWhereverItIsStored) {
  core::FramePool frames;
  const core::FramePool::Scope scope(frames);
  for (const std::size_t size :
       {0UL, 1UL, Name::kInlineSize - 1, Name::kInlineSize, Name::kInlineSize + 1, 256UL, Name::kMaxSize}) {
    std::string text(size, 'x');
    for (std::size_t i = 0; i < size; i++) text[i] = static_cast<char>(i * 7);
    const Name name(text, frames);
    std::string copy = text;
    text.assign(size, '!');  // the name owns its bytes
    EXPECT_EQ(name.text(), copy) << size;
  }
}

TEST(Name, HashesAreKeyedSoThatNobodyCanChooseNamesThatCollide) {
  EXPECT_EQ(hash_name("lobby", 1).hash, hash_name("lobby", 1).hash);
  EXPECT_NE(hash_name("lobby", 1).hash, hash_name("lobby", 2).hash);
  EXPECT_NE(hash_name("lobby", 1).hash, hash_name("lobbx", 1).hash);
  // Names that share a core and a table's place under one key do not under another.
  int together = 0;
  int still = 0;
  const auto place = [](int i, std::uint64_t seed) {
    const std::uint64_t hash = hash_name("room" + std::to_string(i), seed).hash;
    return home_of(hash, 2) << 4 | (hash & 15);
  };
  for (int i = 0; i < 4000; i++) {
    if (place(i, 1) != place(0, 1)) continue;
    together++;
    still += place(i, 2) == place(0, 2);
  }
  EXPECT_GT(together, 60);
  EXPECT_LT(still * 4, together);
}

TEST(Name, HomesAreSpreadEvenlyOverAnyNumberOfCores) {
  for (const std::size_t cores : {1UL, 2UL, 3UL, 8UL, 61UL}) {
    std::array<int, 61> at{};
    const int names = static_cast<int>(cores) * 1000;
    for (int i = 0; i < names; i++) {
      const std::size_t home = home_of(hash_name(std::to_string(i), 9).hash, cores);
      ASSERT_LT(home, cores);
      at[home]++;
    }
    for (std::size_t core = 0; core < cores; core++) EXPECT_NEAR(at[core], 1000, 200) << core << " of " << cores;
  }
}

}  // namespace
}  // namespace brume::hub

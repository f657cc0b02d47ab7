// Whom a turn's time is put down to.
#include <string>

#include <gtest/gtest.h>

#include <brume/engine/core/turn_shares.h>

namespace brume::core {
namespace {

using namespace std::chrono_literals;

TEST(TurnShares, TimeIsPutDownToWhoeverRunsAndToNobodyInBetween) {
  TurnShares shares;
  EXPECT_TRUE(shares.largest().name.empty());
  shares.change("a", 1ms);
  EXPECT_TRUE(shares.runs("a"));
  EXPECT_FALSE(shares.runs("b"));
  shares.change("b", 3ms);
  shares.stop(4ms);
  EXPECT_FALSE(shares.running());
  shares.change("b", 100ms);
  shares.stop(102ms);
  EXPECT_EQ(shares.largest().name, "b");
  EXPECT_EQ(shares.largest().time, 3ms);
  shares.begin_turn();
  EXPECT_TRUE(shares.largest().name.empty());
}

TEST(TurnShares, OfMoreNamesThanItHoldsTheLongestIsKept) {
  TurnShares shares;
  io::Time now{0};
  const auto run = [&](const std::string& name, io::Time time) {
    shares.change(name, now);
    now += time;
  };
  run("first", 5ms);
  for (int i = 0; i < 100; i++) {
    run("other " + std::to_string(i), 1ms);
    if (i % 10 == 0) run("first", 1ms);
  }
  shares.stop(now);
  EXPECT_EQ(shares.largest().name, "first");
  EXPECT_EQ(shares.largest().time, 15ms);
}

TEST(TurnShares, ALongNameIsCutAndStillTheSameName) {
  TurnShares shares;
  const std::string longest(TurnShares::kMaxNameSize, 'x');
  shares.change(longest + "1", 0ms);
  EXPECT_TRUE(shares.runs(longest + "1"));
  shares.stop(2ms);
  EXPECT_EQ(shares.largest().name, longest);
}

}  // namespace
}  // namespace brume::core

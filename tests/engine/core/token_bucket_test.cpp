#include <chrono>
#include <cstdint>

#include <gtest/gtest.h>

#include <brume/engine/core/token_bucket.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

using namespace std::chrono_literals;
using Time = TokenBucket::Time;

std::uint64_t taken_one_by_one(TokenBucket& bucket, Time now) {
  std::uint64_t count = 0;
  while (bucket.take(1, now)) count++;
  return count;
}

TEST(TokenBucket, LetsEverythingThroughWhereTheRateIsZero) {
  TokenBucket bucket;
  for (int i = 0; i < 1000; i++) EXPECT_TRUE(bucket.take(UINT64_MAX, 0s));
}

TEST(TokenBucket, HoldsExactlyOneSecondsWorth) {
  for (const std::uint64_t rate : {1U, 3U, 7U, 100U, 1024U, 700'000U, 999'983U}) {
    TokenBucket bucket(rate);
    EXPECT_EQ(taken_one_by_one(bucket, 5s), rate);
    EXPECT_EQ(taken_one_by_one(bucket, 6s), rate) << "full again after a second";
    EXPECT_EQ(taken_one_by_one(bucket, 100s), rate) << "and never fuller";
  }
}

TEST(TokenBucket, GivesATokenBackWhenItsShareOfASecondIsOver) {
  TokenBucket bucket(4);
  ASSERT_TRUE(bucket.take(4, 1s));
  EXPECT_FALSE(bucket.take(1, 1s + 250ms - 1ns));
  EXPECT_TRUE(bucket.take(1, 1s + 250ms));
  EXPECT_FALSE(bucket.take(1, 1s + 499ms));
  EXPECT_TRUE(bucket.take(1, 1s + 500ms));
}

TEST(TokenBucket, TakesNothingWhereItRefuses) {
  TokenBucket bucket(10);
  EXPECT_TRUE(bucket.take(8, 1s));
  EXPECT_FALSE(bucket.take(3, 1s));
  EXPECT_TRUE(bucket.take(2, 1s));
  EXPECT_FALSE(bucket.take(11, 1000s)) << "more than it ever holds";
  EXPECT_TRUE(bucket.take(10, 1000s));
}

TEST(TokenBucket, CountsLargeRatesWithoutOverflow) {
  TokenBucket bucket(UINT64_MAX);
  EXPECT_FALSE(bucket.take(UINT64_MAX, 1s));
  EXPECT_TRUE(bucket.take(TokenBucket::kMaxRate, 1s));
  EXPECT_FALSE(bucket.take(1, 1s));
  EXPECT_TRUE(bucket.take(4, 1s + 1ns));
  EXPECT_FALSE(bucket.take(1, 1s + 1ns));
}

// The same bucket in 128-bit numbers: what is missing from it, in tokens times nanoseconds.
struct Reference {
  __extension__ using Wide = unsigned __int128;
  Wide rate;
  Wide missing = 0;
  Time last{0};
  bool take(std::uint64_t count, Time now) {
    const Wide gained = static_cast<Wide>((now - last).count()) * rate;
    missing = missing > gained ? missing - gained : 0;
    last = now;
    if (missing + static_cast<Wide>(count) * 1'000'000'000U > rate * 1'000'000'000U) return false;
    missing += static_cast<Wide>(count) * 1'000'000'000U;
    return true;
  }
};

TEST(TokenBucket, AgreesWithExactArithmeticOverRandomUse) {
  for (const std::uint64_t seed : brume::test::seeds(50)) {
    SCOPED_TRACE(brume::test::seed_hint(seed));
    sim::Random random(seed);
    const std::uint64_t rate = random.between(1, 1U << random.between(1, 31));
    TokenBucket bucket(rate);
    Reference reference{rate};
    Time now{random.below(1000)};
    for (int step = 0; step < 2000; step++) {
      now += Time(random.below(1U << random.between(1, 30)));
      const std::uint64_t count = random.below(3) == 0 ? 1 : random.below(static_cast<std::uint32_t>(rate / 4 + 2));
      ASSERT_EQ(bucket.take(count, now), reference.take(count, now)) << "rate " << rate << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace brume::core

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/mailbox.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

struct Letter {
  std::uint64_t number;
  std::array<std::uint64_t, 6> rest;  // as large as an envelope
};

std::vector<int> drained(Mailbox<int>& mailbox, std::size_t max = 1000) {
  std::vector<int> values;
  mailbox.drain([&](int value) { values.push_back(value); }, max);
  return values;
}

TEST(Mailbox, GivesBackWhatWasPushedInOrder) {
  Mailbox<int> mailbox(8);
  EXPECT_TRUE(mailbox.empty_hint());
  for (int i = 0; i < 5; i++) ASSERT_TRUE(mailbox.try_push(i));
  EXPECT_FALSE(mailbox.empty_hint());
  EXPECT_EQ(drained(mailbox), (std::vector{0, 1, 2, 3, 4}));
  EXPECT_TRUE(mailbox.empty_hint());
  mailbox.check_invariants();
}

TEST(Mailbox, B3_RefusesWhenFullAndTakesAgainOnceThereIsRoom) {
  Mailbox<int> mailbox(4);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < 4; i++) ASSERT_TRUE(mailbox.try_push(round * 4 + i));
    EXPECT_FALSE(mailbox.try_push(-1));
    mailbox.check_invariants();
    EXPECT_EQ(drained(mailbox, 1), (std::vector{round * 4}));
    EXPECT_TRUE(mailbox.try_push(1000));
    EXPECT_FALSE(mailbox.try_push(-1));
    EXPECT_EQ(drained(mailbox), (std::vector{round * 4 + 1, round * 4 + 2, round * 4 + 3, 1000}));
    mailbox.check_invariants();
  }
}

TEST(Mailbox, PushesAsMuchOfABatchAsFits) {
  Mailbox<int> mailbox(8);
  std::array<int, 20> values{};
  std::iota(values.begin(), values.end(), 0);
  EXPECT_EQ(mailbox.try_push_batch({}), 0U);
  EXPECT_EQ(mailbox.try_push_batch(std::span(values).first(3)), 3U);
  EXPECT_EQ(mailbox.try_push_batch(std::span<const int>(values).subspan(3)), 5U);
  EXPECT_EQ(mailbox.try_push_batch(values), 0U);
  EXPECT_EQ(drained(mailbox), (std::vector{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(mailbox.try_push_batch(values), 8U);
  mailbox.check_invariants();
}

TEST(Mailbox, DrainsNoMoreThanAskedFor) {
  Mailbox<int> mailbox(8);
  for (int i = 0; i < 6; i++) ASSERT_TRUE(mailbox.try_push(i));
  EXPECT_EQ(drained(mailbox, 0).size(), 0U);
  EXPECT_EQ(drained(mailbox, 4), (std::vector{0, 1, 2, 3}));
  EXPECT_EQ(drained(mailbox, 4), (std::vector{4, 5}));
}

TEST(Mailbox, LetsTheOneWhoDrainsPushIntoAFullRing) {
  Mailbox<int> mailbox(4);
  for (int i = 0; i < 4; i++) ASSERT_TRUE(mailbox.try_push(i));
  std::vector<int> seen;
  mailbox.drain(
      [&](int value) {
        seen.push_back(value);
        ASSERT_TRUE(value >= 100 || mailbox.try_push(value + 100));
      },
      6);
  EXPECT_EQ(seen, (std::vector{0, 1, 2, 3, 100, 101}));
  EXPECT_EQ(drained(mailbox), (std::vector{102, 103}));
}

TEST(Mailbox, CarriesLargeValuesWhole) {
  Mailbox<Letter> mailbox(2);
  for (std::uint64_t i = 0; i < 10; i++) {
    ASSERT_TRUE(mailbox.try_push({i, {i, i + 1, i + 2, i + 3, i + 4, i + 5}}));
    mailbox.drain(
        [&](const Letter& letter) {
          EXPECT_EQ(letter.number, i);
          EXPECT_EQ(letter.rest[5], i + 5);
        },
        1);
  }
}

TEST(Mailbox, AProducerWakesNobodyWhoIsAwake) {
  Mailbox<int> mailbox(4);
  ASSERT_TRUE(mailbox.try_push(1));
  EXPECT_FALSE(mailbox.should_wake());
}

TEST(Mailbox, TellsOneProducerToWakeASleepingConsumer) {
  Mailbox<int> mailbox(4);
  ASSERT_TRUE(mailbox.prepare_sleep());
  ASSERT_TRUE(mailbox.try_push(1));
  EXPECT_TRUE(mailbox.should_wake());
  ASSERT_TRUE(mailbox.try_push(2));
  EXPECT_FALSE(mailbox.should_wake());
  mailbox.finish_sleep();
  EXPECT_EQ(drained(mailbox).size(), 2U);
}

TEST(Mailbox, DoesNotSleepOnWhatIsThere) {
  Mailbox<int> mailbox(4);
  ASSERT_TRUE(mailbox.try_push(1));
  EXPECT_FALSE(mailbox.prepare_sleep());
  mailbox.finish_sleep();
  ASSERT_TRUE(mailbox.try_push(2));
  EXPECT_FALSE(mailbox.should_wake()) << "finish_sleep() withdraws the request";
  EXPECT_EQ(drained(mailbox).size(), 2U);
  EXPECT_TRUE(mailbox.prepare_sleep());
}

TEST(Mailbox, AgreesWithAQueueOverRandomOperations) {
  for (const std::uint64_t seed : test::seeds(20)) {
    SCOPED_TRACE(test::seed_hint(seed));
    sim::Random random(seed);
    Mailbox<int> mailbox(16);
    std::deque<int> queue;
    int next = 0;
    for (int step = 0; step < 2000; step++) {
      if (random.below(2) == 0) {
        std::vector<int> batch(random.below(20));
        std::iota(batch.begin(), batch.end(), next);
        const std::size_t pushed = mailbox.try_push_batch(batch);
        ASSERT_EQ(pushed, std::min(batch.size(), 16 - queue.size()));
        for (std::size_t i = 0; i < pushed; i++) queue.push_back(next++);
      } else {
        mailbox.drain(
            [&](int value) {
              ASSERT_EQ(value, queue.front());
              queue.pop_front();
            },
            random.below(20));
      }
      mailbox.check_invariants();
      ASSERT_EQ(mailbox.empty_hint(), queue.empty());
    }
  }
}

}  // namespace
}  // namespace brume::core

#include <cstdint>

#include <gtest/gtest.h>

#include <brume/engine/core/ledger.h>

namespace brume::core {
namespace {

using Kind = Ledger::Kind;

TEST(Ledger, CountsByKindAndInAll) {
  Ledger ledger(1000);
  ledger.add(Kind::outboxes, 300);
  ledger.add(Kind::spills, 200);
  ledger.add(Kind::outboxes, 100);
  ledger.sub(Kind::outboxes, 50);
  EXPECT_EQ(ledger.held(Kind::outboxes), 350U);
  EXPECT_EQ(ledger.held(Kind::spills), 200U);
  EXPECT_EQ(ledger.held(Kind::frames), 0U);
  EXPECT_EQ(ledger.held(), 550U);
  ledger.check_invariants();
}

TEST(Ledger, IsAboveItsLimitFromTheFirstByteMore) {
  Ledger ledger(1000);
  ledger.add(Kind::messages, 1000);
  EXPECT_FALSE(ledger.above_limit());
  EXPECT_TRUE(ledger.above_limit(1));
  ledger.add(Kind::frames, 1);
  EXPECT_TRUE(ledger.above_limit());
  ledger.sub(Kind::messages, 1000);
  EXPECT_FALSE(ledger.above_limit());
}

TEST(Ledger, HasNoLimitWhereItIsZero) {
  Ledger ledger(0);
  ledger.add(Kind::messages, SIZE_MAX / 2);
  EXPECT_FALSE(ledger.above_limit());
}

}  // namespace
}  // namespace brume::core

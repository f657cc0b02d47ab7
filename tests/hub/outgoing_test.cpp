// What waits for another core's mailbox: in order, however little of it fits, and released where that core has gone.
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/gate.h>
#include <brume/engine/sim/random.h>
#include <brume/hub/outgoing.h>
#include <brume/tests/engine/core/fake_io.h>

namespace brume::hub {
namespace {

using core::Envelope;
using core::Gate;
using core::GateRef;
using core::test::FakeIo;

struct Seen {
  std::vector<int> run;
  std::vector<int> released;
};
struct Number {
  Seen* seen;
  int value;
};

Envelope envelope(Seen& seen, int value) {
  return Envelope::make(
      [](void* host, std::byte* payload) noexcept {
        const auto number = Envelope::read<Number>(payload);
        (host ? number.seen->run : number.seen->released).push_back(number.value);
      },
      Number{&seen, value});
}

std::vector<int> numbers(int from, int to) {
  std::vector<int> all(static_cast<std::size_t>(to - from));
  std::iota(all.begin(), all.end(), from);
  return all;
}

TEST(Outgoing, WhatAFullMailboxLeavesGoesBeforeWhatComesLater) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Seen seen;
  int host = 0;
  Outgoing outgoing(gate);
  for (int i = 0; i < 6; i++) outgoing.push(envelope(seen, i));
  EXPECT_FALSE(outgoing.flush(io));
  EXPECT_EQ(outgoing.size(), 2u);
  for (int i = 6; i < 9; i++) outgoing.push(envelope(seen, i));
  EXPECT_EQ(gate.get()->drain(&host, 1), 1u);
  EXPECT_FALSE(outgoing.flush(io)) << "one more fits";
  EXPECT_EQ(outgoing.size(), 4u);
  EXPECT_EQ(gate.get()->drain(&host, 10), 4u);
  EXPECT_TRUE(outgoing.flush(io));
  EXPECT_TRUE(outgoing.empty());
  gate.get()->drain(&host, 10);
  EXPECT_EQ(seen.run, numbers(0, 9));
  gate.get()->close();
}

TEST(Outgoing, KeepsTheOrderThroughAnySequenceOfPushesAndPartialFlushes) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 8));
  Seen seen;
  int host = 0;
  int next = 0;
  Outgoing outgoing(gate);
  sim::Random random(3);
  for (int step = 0; step < 3000; step++) {
    for (std::uint32_t i = random.below(9); i != 0; i--) outgoing.push(envelope(seen, next++));
    const bool all = outgoing.flush(io);
    EXPECT_EQ(all, outgoing.empty());
    gate.get()->drain(&host, random.below(9));
    ASSERT_LE(outgoing.size() + seen.run.size(), static_cast<std::size_t>(next));
  }
  while (!outgoing.flush(io)) gate.get()->drain(&host, 8);
  gate.get()->drain(&host, 8);
  EXPECT_EQ(seen.run, numbers(0, next));
  gate.get()->close();
}

TEST(Outgoing, WakesTheCoreThatSleeps) {
  FakeIo io;
  FakeIo own;
  const GateRef gate(*new Gate(io, 8));
  Seen seen;
  Outgoing outgoing(gate);
  ASSERT_TRUE(gate.get()->prepare_sleep());
  outgoing.push(envelope(seen, 1));
  EXPECT_TRUE(outgoing.flush(own));
  EXPECT_EQ(io.wakes + own.wakes, 1) << "directly, or by the core that sends";
  gate.get()->finish_sleep();
  gate.get()->close();
}

TEST(Outgoing, AClosedCoreReleasesEverythingUnrun) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Seen seen;
  Outgoing outgoing(gate);
  for (int i = 0; i < 6; i++) outgoing.push(envelope(seen, i));
  EXPECT_FALSE(outgoing.flush(io));
  gate.get()->close();  // releases what it took
  EXPECT_EQ(seen.released, numbers(0, 4));
  EXPECT_TRUE(outgoing.flush(io)) << "nothing waits any more";
  EXPECT_TRUE(outgoing.empty());
  EXPECT_EQ(seen.released, numbers(0, 6));
  EXPECT_TRUE(seen.run.empty());
}

TEST(Outgoing, ItsOwnEndReleasesWhatIsLeft) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Seen seen;
  {
    Outgoing outgoing(gate);
    for (int i = 0; i < 3; i++) outgoing.push(envelope(seen, i));
    Outgoing moved(std::move(outgoing));
    EXPECT_EQ(moved.size(), 3u);
  }
  EXPECT_EQ(seen.released, numbers(0, 3));
  gate.get()->close();
}

}  // namespace
}  // namespace brume::hub

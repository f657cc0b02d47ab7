#include <array>
#include <atomic>
#include <cstddef>
#include <cstdio>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/gate.h>
#include <brume/engine/core/gate_ref.h>
#include <brume/tests/engine/core/fake_io.h>

namespace brume::core {
namespace {

using test::FakeIo;

struct Count {
  std::atomic<int> with_host{0};
  std::atomic<int> without_host{0};
};

Envelope counting(Count& count) {
  return Envelope::make(
      [](void* host, std::byte* payload) noexcept {
        auto* to = Envelope::read<Count*>(payload);
        (host ? to->with_host : to->without_host)++;
      },
      &count);
}

TEST(Gate, RunsWhatWasPostedWithItsHost) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Count count;
  int host = 0;
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_EQ(gate.get()->drain(&host, 1), 1U);
  EXPECT_EQ(gate.get()->drain(&host, 10), 1U);
  EXPECT_EQ(count.with_host, 2);
  gate.get()->close();
}

TEST(Gate, WakesACoreThatSleepsAndNoOther) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Count count;
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_EQ(io.wakes, 0);
  EXPECT_EQ(gate.get()->drain(nullptr, 10), 1U);
  EXPECT_TRUE(gate.get()->prepare_sleep());
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_EQ(io.wakes, 1);
  gate.get()->finish_sleep();
  gate.get()->wake();
  EXPECT_EQ(io.wakes, 2);
  gate.get()->close();
}

TEST(Gate, RefusesWhatDoesNotFitAndDoesNotRunIt) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 2));
  Count count;
  EXPECT_TRUE(gate.get()->post(counting(count)));
  EXPECT_TRUE(gate.get()->post(counting(count)));
  const auto refused = gate.get()->post(counting(count));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::queue_full);
  gate.get()->close();
  EXPECT_EQ(count.with_host + count.without_host, 2);
}

TEST(Gate, ReleasesWhatIsLeftWhenItClosesAndRefusesFromThenOn) {
  FakeIo io;
  const GateRef gate(*new Gate(io, 4));
  Count count;
  EXPECT_TRUE(gate.get()->post(counting(count)));
  gate.get()->close();
  EXPECT_EQ(count.without_host, 1);
  const auto refused = gate.get()->post(counting(count));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::stopping);
  gate.get()->wake();
  EXPECT_EQ(io.wakes, 0);
  gate.get()->close();
  EXPECT_EQ(count.without_host, 1);
}

TEST(Gate, TakesAsManyOfABatchAsThereIsRoomForFromTheFront) {
  FakeIo io;
  FakeIo from;
  const GateRef gate(*new Gate(io, 4));
  std::array<Count, 6> counts;
  std::vector<Envelope> batch;
  for (Count& count : counts) batch.push_back(counting(count));
  Count before;
  EXPECT_TRUE(gate.get()->post(counting(before)));
  EXPECT_EQ(gate.get()->post_batch(batch, from).value(), 3U);
  EXPECT_EQ(gate.get()->post_batch(batch, from).value(), 0U) << "full";
  EXPECT_EQ(gate.get()->post_batch({}, from).value(), 0U);
  int host = 0;
  EXPECT_EQ(gate.get()->drain(&host, 2), 2U);
  EXPECT_EQ(before.with_host, 1);
  EXPECT_EQ(counts[0].with_host, 1);
  EXPECT_EQ(counts[1].with_host, 0);
  EXPECT_FALSE(gate.get()->empty_hint());
  EXPECT_EQ(gate.get()->post_batch(std::span(batch).subspan(3), from).value(), 2U);
  EXPECT_EQ(gate.get()->drain(&host, 10), 4U);
  EXPECT_TRUE(gate.get()->empty_hint());
  for (std::size_t i = 0; i < counts.size(); i++) EXPECT_EQ(counts[i].with_host, i < 5 ? 1 : 0) << i;
  EXPECT_EQ(io.wakes, 0) << "it did not sleep";
  gate.get()->close();
}

TEST(Gate, ABatchWakesASleepingCoreOnceByThePostersOwnMeans) {
  FakeIo io;
  FakeIo from;
  const GateRef gate(*new Gate(io, 4));
  Count count;
  const std::array batch = {counting(count), counting(count)};
  EXPECT_TRUE(gate.get()->prepare_sleep());
  EXPECT_EQ(gate.get()->post_batch({}, from).value(), 0U);
  EXPECT_TRUE(from.peers_woken.empty()) << "nothing was posted";
  EXPECT_EQ(gate.get()->post_batch(batch, from).value(), 2U);
  EXPECT_EQ(gate.get()->post_batch(batch, from).value(), 2U);
  EXPECT_EQ(from.peers_woken, (std::vector<io::Io*>{&io}));
  gate.get()->finish_sleep();
  gate.get()->close();
  EXPECT_EQ(count.without_host, 4);
}

TEST(Gate, AClosedOneTakesNoBatchAndIsNotWoken) {
  FakeIo io;
  FakeIo from;
  const GateRef gate(*new Gate(io, 4));
  EXPECT_TRUE(gate.get()->prepare_sleep());
  gate.get()->close();
  Count count;
  const std::array batch = {counting(count)};
  const auto refused = gate.get()->post_batch(batch, from);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::stopping);
  EXPECT_TRUE(from.peers_woken.empty());
  EXPECT_EQ(count.with_host + count.without_host, 0);
}

TEST(GateRef, KeepsAClosedGateForThoseWhoStillReferToIt) {
  FakeIo io;
  GateRef first(*new Gate(io, 2));
  const GateRef second = first;
  first.get()->close();
  first = GateRef();
  EXPECT_FALSE(static_cast<bool>(first));
  const auto refused = second.get()->post(Envelope{});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::stopping);
}

TEST(Gate, RunsEachEnvelopeItTookExactlyOnceWhileThreadsPostIntoItsEnd) {
  constexpr std::size_t kThreads = 4;
  std::size_t with_host = 0;
  std::size_t without_host = 0;
  for (int round = 0; round < 100; round++) {
    FakeIo io;
    GateRef gate(*new Gate(io, 16));
    Count count;
    std::atomic<int> taken{0};
    std::atomic<std::size_t> started{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; i++) {
      threads.emplace_back([mine = gate, &count, &taken, &started] {
        started++;
        for (;;) {
          const auto posted = mine.get()->post(counting(count));
          if (posted) {
            taken++;
          } else if (posted.error() == Error::stopping) {
            break;
          }
        }
      });
    }
    while (started < kThreads) std::this_thread::yield();
    int host = 0;
    std::size_t drained = 0;
    while (drained < 50) drained += gate.get()->drain(&host, 8);
    gate.get()->close();
    gate = GateRef();
    for (std::thread& thread : threads) thread.join();
    ASSERT_EQ(count.with_host + count.without_host, taken);
    with_host += static_cast<std::size_t>(count.with_host);
    without_host += static_cast<std::size_t>(count.without_host);
  }
  std::printf("note: gate: %zu envelopes run, %zu released at the end\n", with_host, without_host);
}

}  // namespace
}  // namespace brume::core

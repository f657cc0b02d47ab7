#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/io/hand_over_inbox.h>

namespace brume::io {
namespace {

HandOverInbox::Record numbered(std::uint16_t number) {
  HandOverInbox::Record record;
  record.listener = number;
  record.peer.port = number;
  return record;
}

TEST(HandOverInbox, GivesBackWhatWasPutAndItsSlot) {
  HandOverInbox inbox;
  const auto first = inbox.put(numbered(1));
  const auto second = inbox.put(numbered(2));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(inbox.take(*second).peer.port, 2);
  EXPECT_EQ(inbox.take(*first).peer.port, 1);
  EXPECT_TRUE(inbox.put(numbered(3)));
}

TEST(HandOverInbox, IsFullAtItsBoundAndNotBefore) {
  HandOverInbox inbox;
  for (std::uint32_t i = 0; i < HandOverInbox::kSlots; i++) ASSERT_TRUE(inbox.put(numbered(1)));
  EXPECT_FALSE(inbox.put(numbered(1)));
  inbox.take(17);
  EXPECT_EQ(inbox.put(numbered(2)), 17u);
  EXPECT_FALSE(inbox.put(numbered(1)));
}

TEST(HandOverInbox, ClosesTheDescriptorsThatNobodyTook) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_NONBLOCK), 0);
  {
    HandOverInbox inbox;
    HandOverInbox::Record record = numbered(1);
    record.descriptor = ends[1];
    ASSERT_TRUE(inbox.put(record));
  }
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0) << "the writing end is still open";
  ::close(ends[0]);
}

TEST(HandOverInbox, ManyProducersAndOneTakerLoseAndDoubleNothing) {
  constexpr std::uint16_t kThreads = 4, kEach = 10'000;
  HandOverInbox inbox;
  std::vector<std::thread> producers;
  for (std::uint16_t t = 0; t < kThreads; t++) {
    producers.emplace_back([&inbox, t] {
      for (std::uint16_t i = 0; i < kEach; i++) {
        HandOverInbox::Record record = numbered(i);
        record.listener = t;
        while (!inbox.put(record)) std::this_thread::yield();
      }
    });
  }
  std::vector<std::vector<int>> seen(kThreads, std::vector<int>(kEach));
  for (std::size_t left = std::size_t{kThreads} * kEach; left != 0;) {
    inbox.take_all([&](const HandOverInbox::Record& record) {
      seen[static_cast<std::size_t>(record.listener)][record.peer.port]++;
      left--;
    });
  }
  for (std::thread& producer : producers) producer.join();
  for (const auto& numbers : seen) EXPECT_TRUE(std::ranges::all_of(numbers, [](int count) { return count == 1; }));
}

}  // namespace
}  // namespace brume::io

// The mailbox with real threads: four producers and a consumer that sleeps on an eventfd whenever it can.
//
// A lost wake-up would hang the consumer: its wait is bounded, and reaching the bound is the failure.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <poll.h>
#include <span>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/mailbox.h>
#include <brume/engine/sim/random.h>

namespace brume::core {
namespace {

constexpr std::size_t kProducers = 4;
constexpr int kLongestSleepMs = 60'000;  // nothing in these tests takes that long

struct Letter {
  std::uint64_t producer;
  std::uint64_t number;
  std::array<std::uint64_t, 4> check;  // all equal to `number`: a torn letter shows
};

Letter letter(std::size_t producer, std::uint64_t number) {
  return {producer, number, {number, number, number, number}};
}

// What a wake leaves behind, and what the consumer sleeps on.
class Sleeper {
 public:
  Sleeper() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Sleeper() { close(descriptor_); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  void wake() { ASSERT_EQ(eventfd_write(descriptor_, 1), 0); }
  // False where nobody woke it within the bound.
  bool sleep() {
    pollfd waiting{descriptor_, POLLIN, 0};
    if (poll(&waiting, 1, kLongestSleepMs) != 1) return false;
    eventfd_t count = 0;
    return eventfd_read(descriptor_, &count) == 0;
  }

 private:
  int descriptor_;
};

struct Post {
  Mailbox<Letter> mailbox;
  Sleeper sleeper;
  std::array<std::atomic<std::uint64_t>, kProducers> taken{};  // letters of each producer
  std::uint64_t sleeps = 0;
  std::uint64_t wrong = 0;

  explicit Post(std::size_t slots) : mailbox(slots) {}

  void take(const Letter& mail) {
    const std::uint64_t expected = taken[mail.producer].load(std::memory_order_relaxed);
    const bool whole = std::ranges::all_of(mail.check, [&](std::uint64_t word) { return word == mail.number; });
    if (mail.number != expected || !whole) wrong++;
    taken[mail.producer].store(expected + 1, std::memory_order_relaxed);
  }

  // Takes `total` letters, `at_once` in a turn.
  void consume(std::uint64_t total, std::size_t at_once) {
    std::uint64_t count = 0;
    while (count < total) {
      const std::size_t drained = mailbox.drain([this](const Letter& mail) { take(mail); }, at_once);
      count += drained;
      if (drained == at_once || count == total) continue;
      const bool may_sleep = mailbox.prepare_sleep();
      if (may_sleep) {
        sleeps++;
        ASSERT_TRUE(sleeper.sleep()) << "a wake-up was lost after " << count << " of " << total << " letters";
      }
      mailbox.finish_sleep();
    }
  }

  // Pushes all of `mail`, coming back while the ring is full.
  void push(std::span<const Letter> mail) {
    while (!mail.empty()) {
      const std::size_t pushed = mailbox.try_push_batch(mail);
      mail = mail.subspan(pushed);
      if (pushed == 0) {
        std::this_thread::yield();
      } else if (mailbox.should_wake()) {
        sleeper.wake();
      }
    }
  }
};

TEST(MailboxStress, FourProducersKeepTheirOrderOverTenMillionEnvelopes) {
  constexpr std::uint64_t kEach = 2'500'000;
  constexpr std::size_t kLargestBatch = 64;
  Post post(1024);
  std::vector<std::thread> producers;
  for (std::size_t id = 0; id < kProducers; id++) {
    producers.emplace_back([&post, id] {
      sim::Random random(id);
      std::vector<Letter> batch;
      for (std::uint64_t next = 0; next < kEach;) {
        // Half of the time single ones, as a foreign thread posts them; else a turn's batch.
        const std::uint64_t size = random.below(2) == 0 ? 1 : random.between(1, kLargestBatch);
        batch.clear();
        for (std::uint64_t i = 0; i < size && next < kEach; i++) batch.push_back(letter(id, next++));
        post.push(batch);
      }
    });
  }
  post.consume(kEach * kProducers, 256);
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(post.wrong, 0U);
  for (const auto& count : post.taken) EXPECT_EQ(count.load(), kEach);
  post.mailbox.check_invariants();
  std::printf("note: mailbox stress: %llu envelopes of %zu producers, %llu sleeps\n",
              static_cast<unsigned long long>(kEach * kProducers), kProducers,
              static_cast<unsigned long long>(post.sleeps));
}

// Each producer waits for its letter to be taken before it sends the next, so the consumer goes to sleep all the time.
TEST(MailboxStress, NoWakeUpIsLostWhereTheConsumerSleepsAfterEveryLetter) {
  constexpr std::uint64_t kEach = 10'000;
  Post post(4);
  std::vector<std::thread> producers;
  for (std::size_t id = 0; id < kProducers; id++) {
    producers.emplace_back([&post, id] {
      for (std::uint64_t next = 0; next < kEach; next++) {
        const Letter mail = letter(id, next);
        post.push(std::span(&mail, 1));
        while (post.taken[id].load(std::memory_order_relaxed) <= next) std::this_thread::yield();
      }
    });
  }
  post.consume(kEach * kProducers, 2);
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(post.wrong, 0U);
  EXPECT_GT(post.sleeps, 0U);
  std::printf("note: mailbox stress: %llu envelopes one by one, %llu sleeps\n",
              static_cast<unsigned long long>(kEach * kProducers), static_cast<unsigned long long>(post.sleeps));
}

}  // namespace
}  // namespace brume::core

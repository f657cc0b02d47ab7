// Row L7 on the real backends: what allocation_test.cpp does in a simulation, with the Io's own memory failing as well.
// The core is turned by the test's thread, whose memory fails; its clients have threads, and memory, of their own.
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/tests/support/blocking_client.h>
#include <brume/tests/support/failing_memory.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::BlockingClient;
using test::FailingMemory;
using test::MayFail;

// Together more than a socket takes at once.
constexpr int kFlood = 48;
constexpr std::size_t kFloodSize = 250'000;

class AllocationOnMachine : public testing::TestWithParam<io::Backend> {
 protected:
  // One server's life, in which the allocations number `first` to `first + count - 1` of its core fail. False where
  // this machine refuses the backend.
  bool live(std::uint64_t first, std::uint64_t count) {
    Config config;
    config.io = GetParam();
    config.cores = 1;
    config.max_connections = 100;
    config.max_buffered_size = std::size_t{16} << 20;
    config.slow_turn = 0ms;
    Server server{config};
    server.get("/", websocket([](Connection& c) -> Task<> {
                 while (auto message = co_await c.receive())
                   if (!c.send(message->type, message->data)) break;
               }));
    const std::string much(kFloodSize, 'f');
    server.get("/flood", websocket({.open = [&much](Connection& c) {
                 for (int i = 0; i < kFlood; i++) (void)c.send_text(much);
               }}));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    const auto begun = server.poll(0ms);
    if (!begun) {
      EXPECT_EQ(begun.error().kind, SystemError::Kind::io_unavailable) << begun.error().text;
      return false;
    }
    std::atomic<bool> worked{false};
    std::jthread clients([&] {
      work(server.address().port);
      worked = true;
    });
    test::memory.arm(first, count);
    while (!worked) turn(server);
    test::memory.disarm();

    std::string answer;
    std::atomic<bool> served{false};
    std::jthread late([&] {
      BlockingClient client(server.address().port, "/");
      (void)client.send_text("with memory");
      answer = client.receive();
      served = true;
    });
    while (!served) turn(server);
    EXPECT_EQ(answer, "with memory");
    test::memory.go_on();
    server.stop(1s);
    while (turn(server)) {
    }
    test::memory.disarm();
    EXPECT_EQ(server.stats().sockets, 0u);
    EXPECT_EQ(server.stats().connections, 0u);
    return true;
  }

 private:
  static bool turn(Server& server) {
    const MayFail may_fail;
    return *server.poll(10ms);
  }
  // Whatever becomes of them, each connection ends or answers.
  static void work(std::uint16_t port) {
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 3; t++) {
        threads.emplace_back([port] {
          BlockingClient client(port, "/");
          for (const std::size_t size : {20, 200'000, 20}) {
            if (!client.open() || !client.send_text(std::string(size, 'x'))) break;
            (void)client.receive();
          }
        });
      }
    }
    // Answered with more than a socket takes at once, so that sends have to wait.
    BlockingClient slow(port, "/flood");
    for (int i = 0; i < kFlood && slow.open(); i++) (void)slow.receive();
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, AllocationOnMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

TEST_P(AllocationOnMachine, L7_AnyOfACoresAllocationsMayFail) {
  // How many there are depends on how bytes come and go: all that one undisturbed life needs, and some more.
  if (!live(FailingMemory::kNever, 1)) GTEST_SKIP() << "io_uring is refused here";
  const std::uint64_t usual = test::memory.asked();
  EXPECT_GT(usual, 20u);
  std::uint64_t failed = 0;
  for (std::uint64_t first = 1; first <= usual + 10 && !HasFailure(); first++) {
    SCOPED_TRACE("allocation " + std::to_string(first) + " of " + std::to_string(usual));
    ASSERT_TRUE(live(first, first % 3 == 0 ? 8 : 1));
    failed += test::memory.failed();
  }
  EXPECT_GE(failed, usual);
}

TEST_P(AllocationOnMachine, L7_NoMemoryAtAllForAWhileIsSurvived) {
  if (!live(FailingMemory::kNever, 1)) GTEST_SKIP() << "io_uring is refused here";
  const std::uint64_t usual = test::memory.asked();
  std::uint64_t failed = 0;
  for (std::uint64_t first = 1; first <= usual && !HasFailure(); first += 3) {
    SCOPED_TRACE("from allocation " + std::to_string(first) + " of " + std::to_string(usual));
    ASSERT_TRUE(live(first, FailingMemory::kNever));
    failed += test::memory.failed();
  }
  EXPECT_NE(failed, 0u);
}

}  // namespace
}  // namespace brume

// The server on the real backends with two cores and real threads: what the simulator cannot show, above all to
// ThreadSanitizer; and that a message costs no allocation once everything is warm.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/tests/support/blocking_client.h>

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define BRUME_COUNTS_ALLOCATIONS 1
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::aligned_alloc(static_cast<std::size_t>(alignment), size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
#endif

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::BlockingClient;

Task<> echo(Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;
}

class OnMachine : public testing::TestWithParam<io::Backend> {
 protected:
  // Starts `server` on the backend of this test, or skips where the machine refuses it.
  bool start(Server& server) {
    const auto listening = server.listen("127.0.0.1:0");
    EXPECT_TRUE(listening) << listening.error().text;
    const auto started = server.start();
    if (!started && started.error().kind == SystemError::Kind::io_unavailable) {
      std::printf("skipped: %s\n", started.error().text.c_str());
      return false;
    }
    EXPECT_TRUE(started);
    EXPECT_EQ(server.io_name(), GetParam() == io::Backend::epoll ? "epoll" : "io_uring");
    return true;
  }
  Config config() const {
    Config config;
    config.io = GetParam();
    config.cores = 2;
    config.slow_turn = 0ms;
    return config;
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, OnMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

TEST_P(OnMachine, ManyClientsOnTwoCoresGetTheirEchoesInOrderAndLeaveNothing) {
  Server server{config()};
  server.get("/", websocket(echo));
  if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; t++) {
      threads.emplace_back([&server, &wrong, t] {
        for (int round = 0; round < 10; round++) {
          BlockingClient client(server.address().port, "/");
          std::string burst;
          for (int i = 0; i < 300; i++)
            burst += test::masked_text(std::to_string(t * 1000 + i) + std::string(static_cast<std::size_t>(i), 'x'));
          if (!client.send_bytes(burst)) wrong++;
          for (int i = 0; i < 300; i++)
            if (client.receive() != std::to_string(t * 1000 + i) + std::string(static_cast<std::size_t>(i), 'x'))
              wrong++;
        }
      });
    }
  }
  EXPECT_EQ(wrong, 0);
  server.stop(5s);
  server.wait();
  EXPECT_EQ(server.stats().upgrades, 40u);
  EXPECT_EQ(server.stats().messages_received, 12'000u);
  EXPECT_EQ(server.stats().sockets, 0u);
  EXPECT_EQ(server.stats().connections, 0u);
}

TEST_P(OnMachine, HandlesSendFromForeignThreadsInEachThreadsOrderWhileConnectionsComeAndGo) {
  Server server{config()};
  std::mutex mutex;
  std::vector<ConnectionHandle> handles;
  server.get("/", websocket({.open = [&](Connection& c) {
               const std::lock_guard lock(mutex);
               handles.push_back(c.handle());
             }}));
  if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
  BlockingClient client(server.address().port, "/");
  BlockingClient brief(server.address().port, "/");
  ASSERT_TRUE(client.open() && brief.open());
  constexpr int kEach = 2000;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; i++) {
        std::vector<ConnectionHandle> copy;
        {
          const std::lock_guard lock(mutex);
          copy = handles;
        }
        for (const ConnectionHandle& handle : copy) {
          std::expected<void, Error> sent;
          while (!(sent = handle.send_text(std::to_string(t) + ' ' + std::to_string(i))) &&
                 sent.error() == Error::queue_full)
            std::this_thread::yield();
        }
        std::this_thread::sleep_for(50us);
      }
    });
  }
  int last[3] = {-1, -1, -1};
  int received = 0;
  bool in_order = true;
  // A message the outbox has no room for is dropped and counted, so the order is checked, not the number.
  while (received < 3000) {
    const std::string text = client.receive();
    if (text.empty()) break;
    const int thread = text[0] - '0';
    const int number = std::stoi(text.substr(2));
    in_order = in_order && number > last[thread];
    last[thread] = number;
    received++;
  }
  EXPECT_TRUE(in_order);
  EXPECT_GE(received, 3000) << "close code " << client.close_code();
  threads.clear();
  server.stop(0ms);
  server.wait();
  EXPECT_EQ(handles[0].send_text("late").error(), Error::stopping);
}

TEST_P(OnMachine, ACallbackMayStopTheServer) {
  Server server{config()};
  server.get("/", websocket({.message = [&](Connection&, const Message&) { server.stop(5s); }}));
  if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
  BlockingClient client(server.address().port, "/");
  BlockingClient other(server.address().port, "/");
  ASSERT_TRUE(client.send_text("stop"));
  EXPECT_EQ(client.receive(), "");
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_EQ(other.receive(), "");
  EXPECT_EQ(other.close_code(), 1001);
  server.wait();
  EXPECT_TRUE(server.stopped());
}

TEST_P(OnMachine, AHostWithALoopOfItsOwnTurnsTheOneCore) {
  Config one = config();
  one.cores = 1;
  Server server{one};
  server.get("/", websocket(echo));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.poll(0ms)) << "the first turn makes the core";
  std::string answer;
  std::jthread user([&] {
    BlockingClient client(server.address().port, "/");
    (void)client.send_text("polled");
    answer = client.receive();
    server.stop(1s);
  });
  while (*server.poll(10ms)) {
  }
  user.join();
  EXPECT_EQ(answer, "polled");
}

TEST_P(OnMachine, AMessageCostsNoAllocationOnceWarm) {
#if BRUME_COUNTS_ALLOCATIONS
  Config one = config();
  one.cores = 1;
  Server server{one};
  server.get("/coroutine", websocket(echo));
  server.get("/callback",
             websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
  for (const char* path : {"/coroutine", "/callback"}) {
    BlockingClient client(server.address().port, path);
    const std::string frame = test::masked_text("twenty bytes of text");
    std::string burst;
    for (int i = 0; i < 50; i++) burst += frame;
    // The client's own memory is warm after the first rounds, too.
    std::uint64_t before = 0;
    for (int round = 0; round < 60; round++) {
      if (round == 20) before = allocations.load();
      ASSERT_TRUE(client.send_bytes(burst));
      for (int i = 0; i < 50; i++) {
        const std::string back = client.receive();  // 20 bytes: one allocation of the client's
        ASSERT_EQ(back, "twenty bytes of text");
      }
    }
    const std::uint64_t clients_own = 40 * 50;
    EXPECT_LE(allocations.load() - before, clients_own) << path;
  }
#else
  GTEST_SKIP() << "a sanitizer has the allocator";
#endif
}

}  // namespace
}  // namespace brume

// Cores on real threads, two of them on each backend: who runs what, and how they end together.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <expected>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/io/machine.h>
#include <brume/engine/server.h>
#include <brume/engine/server/extension.h>
#include <brume/tests/support/blocking_client.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using core::Envelope;
using core::Reactor;
using test::BlockingClient;

class Gates final : public server::Extension {
 public:
  void attach(std::span<connection::CoreContext* const> cores, std::uint64_t) override {
    for (connection::CoreContext* core : cores) gates.push_back(core->reactor.gate_ref());
  }
  void detach() override {}
  std::vector<core::GateRef> gates;
};

class CoresOnMachine : public testing::TestWithParam<io::Backend> {
 protected:
  Config config() const {
    Config config;
    config.io = GetParam();
    config.cores = 2;
    config.slow_turn = 0ms;
    return config;
  }
  // False where the machine refuses this backend.
  static bool start(Server& server) {
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    const auto started = server.start();
    if (started) return true;
    EXPECT_EQ(started.error().kind, SystemError::Kind::io_unavailable);
    std::printf("skipped: %s\n", started.error().text.c_str());
    return false;
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, CoresOnMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

TEST_P(CoresOnMachine, AFunctionRunsOnTheThreadOfEachCore) {
  Server server{config()};
  server.get("/", websocket({}));
  if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
  std::vector<int> calls(2);
  std::vector<std::thread::id> threads(2);
  std::vector<Reactor*> reactors(2);
  for (int round = 0; round < 100; round++) {
    server.run_on_each_core([&](std::size_t index) {  // each writes what is its own
      calls[index]++;
      threads[index] = std::this_thread::get_id();
      reactors[index] = Reactor::current();
    });
  }
  EXPECT_EQ(calls, (std::vector<int>{100, 100}));
  EXPECT_NE(threads[0], threads[1]);
  EXPECT_EQ(std::ranges::count(threads, std::this_thread::get_id()), 0);
  EXPECT_NE(reactors[0], reactors[1]);
  EXPECT_NE(reactors[0], nullptr);
  server.stop(0ms);
  server.wait();
  const std::thread::id caller = std::this_thread::get_id();
  server.run_on_each_core([&](std::size_t index) {
    calls[index]++;
    EXPECT_EQ(std::this_thread::get_id(), caller);
    EXPECT_EQ(Reactor::current(), reactors[index]);
  });
  EXPECT_EQ(calls, (std::vector<int>{101, 101}));
}

TEST_P(CoresOnMachine, AFunctionRunsOnceOnEachCoreAlsoWhileTheyEnd) {
  for (int round = 0; round < 30; round++) {
    Server server{config()};
    server.get("/", websocket({}));
    if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
    std::vector<int> calls(2);
    server.stop(0ms);
    for (int i = 0; i < 20; i++) server.run_on_each_core([&](std::size_t index) { calls[index]++; });
    EXPECT_EQ(calls, (std::vector<int>{20, 20}));
    server.wait();
    EXPECT_TRUE(server.stopped());
  }
}

TEST_P(CoresOnMachine, EndTogetherAndRunEachEnvelopeOnceWhileThreadsPostIntoTheirEnd) {
  static std::atomic<int> ran;
  ran = 0;
  std::atomic<int> posted{0};
  const Envelope envelope{.run = [](void*, std::byte*) noexcept { ran++; }};
  for (int round = 0; round < 20; round++) {
    Gates gates;
    Server server{config()};
    server.add_extension(gates);
    server.get("/", websocket({}));
    if (!start(server)) GTEST_SKIP() << "io_uring is refused here";
    std::optional<BlockingClient> client(std::in_place, server.address().port, "/");
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; t++) {
      threads.emplace_back([&, t] {
        for (std::size_t i = static_cast<std::size_t>(t);; i++) {
          const auto sent = gates.gates[i % 2].get()->post(envelope);
          if (sent) posted++;
          if (!sent && sent.error() == Error::stopping) break;
        }
      });
    }
    server.stop(5s);
    EXPECT_EQ(client->receive(), "");
    client.reset();  // the last thing that keeps a core
    server.wait();
    threads.clear();
  }
  EXPECT_EQ(ran, posted);
}

// This machine, but for the thread of one core.
class WithoutThread final : public io::Environment {
 public:
  explicit WithoutThread(std::size_t core) : missing(core) {}
  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(
      const io::Address& address, std::size_t count, const io::ListenOptions& options) override {
    return machine.open_listeners(address, count, options);
  }
  io::Address local_address(io::ListenerHandle listener) const override { return machine.local_address(listener); }
  void close_listener(io::ListenerHandle listener) override { machine.close_listener(listener); }
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const io::IoOptions& options) override {
    return machine.make_io(core, options);
  }
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven, bool pin) override {
    if (core == missing) return std::unexpected(SystemError{SystemError::Kind::wrong_state, 0, "no thread"});
    return machine.start(core, driven, pin);
  }
  void join() override { machine.join(); }
  std::uint64_t random() override { return machine.random(); }
  std::chrono::system_clock::time_point wall_clock() const override { return machine.wall_clock(); }

  io::Machine machine;
  std::size_t missing;
};

TEST_P(CoresOnMachine, AStartThatFailsHalfwayEndsTheCoresThatRun) {
  for (const std::size_t missing : {0u, 1u, 2u}) {
    WithoutThread environment(missing);
    Config three = config();
    three.cores = 3;
    Server server(environment, three);
    server.get("/", websocket({}));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    const auto started = server.start();
    ASSERT_FALSE(started);
    if (started.error().kind == SystemError::Kind::io_unavailable) GTEST_SKIP() << "io_uring is refused here";
    EXPECT_EQ(started.error().text, "no thread");
    EXPECT_TRUE(server.stopped());
  }
}

}  // namespace
}  // namespace brume

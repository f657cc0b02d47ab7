// The cores of a server together: what lives on each, what they ask of each other, and how they end.
#include <algorithm>
#include <expected>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/server.h>
#include <brume/engine/server/extension.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using core::Envelope;
using core::Reactor;

// Shows a test the cores of its server.
class Contexts final : public server::Extension {
 public:
  void attach(std::span<connection::CoreContext* const> cores, std::uint64_t given) override {
    contexts.assign(cores.begin(), cores.end());
    seed = given;
    for (const connection::CoreContext* context : contexts) turns_before += context->reactor.turns();
    attached++;
  }
  void detach() override { detached++; }

  connection::CoreContext& operator[](std::size_t index) const { return *contexts.at(index); }

  std::vector<connection::CoreContext*> contexts;
  std::uint64_t seed = 0;
  std::uint64_t turns_before = 0;
  int attached = 0;
  int detached = 0;
};

struct Seen {
  std::vector<void*> hosts;
};

Envelope noting(Seen& seen) {
  return Envelope::make(
      [](void* host, std::byte* payload) noexcept { Envelope::read<Seen*>(payload)->hosts.push_back(host); }, &seen);
}

Config two_cores() {
  Config config;
  config.cores = 2;
  config.slow_turn = 0ms;
  return config;
}

class Cores : public testing::Test {
 protected:
  explicit Cores(const Config& config = two_cores()) {
    server.emplace(world, config);
    server->add_extension(cores);
    server->get("/", websocket({.message = [this](Connection& c, const Message& m) { on_message(c, m); },
                                .close = [this](Connection&, const CloseInfo&) { on_close(); }}));
  }
  void start() {
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  std::size_t index_of_current() const {
    for (std::size_t i = 0; i < cores.contexts.size(); i++)
      if (&cores[i].reactor == Reactor::current()) return i;
    return SIZE_MAX;
  }

  Simulator world{{.seed = 11, .cores = 2}};
  Contexts cores;
  std::function<void(Connection&, const Message&)> on_message = [](Connection&, const Message&) {};
  std::function<void()> on_close = [] {};
  std::optional<Server> server;  // ends first
};

TEST_F(Cores, ExtensionsAreAttachedOnceBeforeTheFirstTurnAndDetachedAtTheEnd) {
  Contexts removed;
  server->add_extension(removed);
  ASSERT_TRUE(server->listen("127.0.0.1:0"));
  EXPECT_EQ(cores.attached, 0);
  ASSERT_TRUE(server->start());
  EXPECT_EQ(cores.attached, 1);
  ASSERT_EQ(cores.contexts.size(), 2u);
  EXPECT_EQ(cores[0].index, 0u);
  EXPECT_EQ(cores[1].index, 1u);
  EXPECT_EQ(cores.turns_before, 0u);
  EXPECT_NE(cores.seed, removed.seed) << "each has entropy of its own";
  world.run_for(1ms);
  server->remove_extension(removed);
  server.reset();
  EXPECT_EQ(cores.detached, 1);
  EXPECT_EQ(removed.detached, 0);
}

TEST_F(Cores, AFunctionRunsOnEachCoreFromTheStartToTheEnd) {
  std::vector<std::size_t> ran;
  const auto note = [&](std::size_t index) {
    EXPECT_EQ(index_of_current(), index);
    ran.push_back(index);
  };
  server->run_on_each_core(note);
  EXPECT_TRUE(ran.empty()) << "there are no cores before the start";
  start();
  server->run_on_each_core(note);
  EXPECT_EQ(ran, (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(Reactor::current(), nullptr);
  world.run_for(1ms);
  server->run_on_each_core(note);
  server->stop(0ms);
  server->wait();
  server->run_on_each_core(note);
  EXPECT_EQ(ran, (std::vector<std::size_t>{0, 1, 0, 1, 0, 1}));
}

TEST_F(Cores, InASimulationACoreThatSleepsIsWokenByAnother) {
  std::vector<ConnectionHandle> handles;
  on_message = [&](Connection& c, const Message& m) {
    if (m.text() == "here") return handles.push_back(c.handle());
    for (const ConnectionHandle& handle : handles) EXPECT_TRUE(handle.send_text(m.text()));
  };
  start();
  std::vector<SimulatedClient> clients;
  for (int i = 0; i < 8; i++) {
    clients.push_back(world.connect(*server, "/"));
    clients.back().send_text("here");
    world.run_until_idle();
  }
  ASSERT_EQ(handles.size(), 8u);
  EXPECT_GT(cores[0].counters.connections.get(), 0u);
  EXPECT_GT(cores[1].counters.connections.get(), 0u);
  for (SimulatedClient& from : clients) {
    from.send_text("to all");
    world.run_until_idle();
    for (SimulatedClient& client : clients) EXPECT_EQ(client.take_messages().size(), 1u);
  }
}

class Counting final : public core::Participant {
 public:
  explicit Counting(core::Reactor& r) : reactor(r) { reactor.admit(); }
  ~Counting() { reactor.dismiss(); }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;
  void run_ready() override {}
  void settle() override {
    if (--left != 0) reactor.mark_settle(*this);
  }
  void flush() override {}
  void reap() override {}
  void fire() override {}

  Reactor& reactor;
  int left = 5;
};

TEST_F(Cores, InASimulationWhatATurnLeavesIsDoneInTheNext) {
  start();
  world.run_until_idle();
  Counting counting(cores[1].reactor);
  server->run_on_each_core([&](std::size_t index) {
    if (index == 1) cores[1].reactor.mark_settle(counting);
  });
  world.run_until_idle();
  EXPECT_EQ(counting.left, 0);
}

// ---- the end

TEST_F(Cores, ACoreWithNothingLeftAnswersUntilAllHaveNothingLeft) {
  start();
  ClientOptions silent;
  silent.answer_close = false;
  auto client = world.connect(*server, "/", silent);
  world.run_until_idle();
  ASSERT_TRUE(client.upgraded());
  const std::size_t busy = cores[0].counters.connections.get() == 1 ? 0 : 1;
  connection::CoreContext& resting = cores[1 - busy];
  server->stop(20s);
  world.run_for(1s);
  EXPECT_FALSE(server->stopped());

  Seen seen;
  ASSERT_TRUE(resting.reactor.gate().post(noting(seen)));
  world.run_for(1s);
  EXPECT_EQ(seen.hosts, (std::vector<void*>{&resting})) << "it answers";
  EXPECT_FALSE(server->stopped());

  // The last thing the busy core does is to ask the other for a good deal more than a turn takes.
  on_close = [&] {
    for (int i = 0; i < 3000; i++) EXPECT_TRUE(resting.reactor.gate().post(noting(seen)));
  };
  client.abort();
  world.run_for(10s);
  EXPECT_TRUE(server->stopped());
  EXPECT_EQ(seen.hosts, std::vector<void*>(3001, &resting));
  EXPECT_EQ(resting.reactor.gate().post(noting(seen)).error(), Error::stopping);
}

TEST_F(Cores, AServerWithoutConnectionsEndsAtOnce) {
  start();
  world.run_until_idle();
  server->stop(20s);
  world.run_for(1ms);
  EXPECT_TRUE(server->stopped());
}

TEST_F(Cores, AFullMailboxKeepsNobodyFromStopping) {
  Seen seen;
  Error refused{};
  on_message = [&](Connection&, const Message&) {
    for (connection::CoreContext* core : cores.contexts) {
      std::expected<void, Error> posted;
      while ((posted = core->reactor.gate().post(noting(seen)))) {
      }
      refused = posted.error();
    }
    server->stop(5s);
  };
  start();
  auto client = world.connect(*server, "/");
  client.send_text("stop");
  world.run_for(1s);
  EXPECT_EQ(refused, Error::queue_full);
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_TRUE(server->stopped());
  EXPECT_FALSE(seen.hosts.empty());
  EXPECT_EQ(std::ranges::count(seen.hosts, nullptr), 0) << "all were answered";
}

TEST_F(Cores, TheEarliestDeadlineOfSeveralStopsHolds) {
  start();
  ClientOptions silent;
  silent.answer_close = false;
  auto client = world.connect(*server, "/", silent);
  world.run_until_idle();
  ASSERT_TRUE(client.is_open());
  server->stop(1h);
  server->stop(2s);
  server->stop(3s);
  world.run_for(1s);
  EXPECT_FALSE(server->stopped());
  world.run_for(1100ms);
  EXPECT_TRUE(server->stopped());
}

TEST_F(Cores, AHostThatPollsReachesItsCoreAndItsEnd) {
  Config one = two_cores();
  one.cores = 1;
  Contexts context;
  Server polled(world, one);
  polled.add_extension(context);
  ASSERT_TRUE(polled.listen("127.0.0.1:0"));
  ASSERT_TRUE(polled.poll(0ms).value());
  EXPECT_EQ(context.attached, 1);
  std::vector<std::thread::id> ran;
  polled.run_on_each_core([&](std::size_t) { ran.push_back(std::this_thread::get_id()); });
  EXPECT_EQ(ran, (std::vector<std::thread::id>{std::this_thread::get_id()}));
  Seen seen;
  ASSERT_TRUE(context[0].reactor.gate().post(noting(seen)));
  polled.stop(0ms);
  int turns = 0;
  while (polled.poll(0ms).value()) ASSERT_LT(++turns, 100);
  EXPECT_EQ(seen.hosts, (std::vector<void*>{&context[0]}));
  EXPECT_TRUE(polled.stopped());
  EXPECT_FALSE(polled.poll(0ms).value());
}

// ---- starts that fail

// A simulation that has no Io, or no thread, for one core.
class Poor final : public io::Environment {
 public:
  Poor(Simulator& simulator, std::size_t no_io, std::size_t no_thread)
      : world(simulator), core_without_io(no_io), core_without_thread(no_thread) {}
  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(
      const io::Address& address, std::size_t count, const io::ListenOptions& options) override {
    return world.open_listeners(address, count, options);
  }
  io::Address local_address(io::ListenerHandle listener) const override { return world.local_address(listener); }
  void close_listener(io::ListenerHandle listener) override { world.close_listener(listener); }
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const io::IoOptions& options) override {
    if (core == core_without_io) return std::unexpected(SystemError{SystemError::Kind::io_unavailable, 0, "no ring"});
    return world.make_io(core, options);
  }
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven, bool pin) override {
    if (core == core_without_thread)
      return std::unexpected(SystemError{SystemError::Kind::wrong_state, 0, "no thread"});
    return world.start(core, driven, pin);
  }
  void join() override { world.join(); }
  std::uint64_t random() override { return world.random(); }
  std::chrono::system_clock::time_point wall_clock() const override { return world.wall_clock(); }

  Simulator& world;
  std::size_t core_without_io;
  std::size_t core_without_thread;
};

TEST(FailedStart, ACoreWithoutAThreadDoesNotKeepTheOthersFromTheirEnd) {
  for (const std::size_t missing : {0u, 1u, 2u}) {
    Simulator world{{.seed = 5, .cores = 3}};
    Poor poor(world, SIZE_MAX, missing);
    Config config = two_cores();
    config.cores = 3;
    Server server(poor, config);
    server.get("/", websocket({}));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    const auto started = server.start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().text, "no thread");
    EXPECT_TRUE(server.stopped());
    int ran = 0;
    server.run_on_each_core([&](std::size_t) { ran++; });
    EXPECT_EQ(ran, 3);
    server.wait();
    EXPECT_FALSE(server.start()) << "its listeners have gone";
  }
}

TEST(FailedStart, ACoreWithoutAnIoLeavesNothingAndMayBeTriedAgain) {
  Simulator world{{.seed = 5, .cores = 2}};
  Poor poor(world, 1, SIZE_MAX);
  Contexts cores;
  Server server(poor, two_cores());
  server.add_extension(cores);
  server.get("/", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, SystemError::Kind::io_unavailable);
  EXPECT_EQ(cores.attached, 0);
  poor.core_without_io = SIZE_MAX;
  ASSERT_TRUE(server.start());
  EXPECT_EQ(cores.contexts.size(), 2u);
  auto client = world.connect(server, "/");
  client.send_text("hi");
  world.run_until_idle();
  EXPECT_EQ(client.last_text(), "hi");
}

}  // namespace
}  // namespace brume

// The hub's calls from threads that are no core's, on the machine's own I/O with two cores.
#include <algorithm>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/blocking_client.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::BlockingClient;
using testing::UnorderedElementsAre;

constexpr auto kLong = 30s;  // a bound for broken builds, never waited for

// Registers under the path's name, says so, and says what it is told.
Task<> attend(Hub& hub, Connection& connection) {
  const std::string id(connection.request().parameter("id"));
  auto me = co_await hub.register_connection(id, connection);
  (void)connection.send_text(me ? "registered" : to_string(me.error()));
  while (co_await connection.receive()) {
  }
}

class BlockingCalls : public testing::TestWithParam<io::Backend> {
 protected:
  void SetUp() override {
    Config config;
    config.cores = 2;
    config.io = GetParam();
    server.emplace(config);
    hub.emplace(*server);
    server->get("/:id", websocket([this](Connection& c) { return attend(*hub, c); }));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    const auto started = server->start();
    if (started) return;
    ASSERT_EQ(started.error().kind, SystemError::Kind::io_unavailable);
    GTEST_SKIP() << started.error().text;
  }
  std::unique_ptr<BlockingClient> connect(const std::string& id) {
    auto client = std::make_unique<BlockingClient>(server->address().port, "/" + id);
    EXPECT_EQ(client->receive(), "registered");
    return client;
  }

  std::optional<Server> server;
  std::optional<Hub> hub;
};

TEST_P(BlockingCalls, DoWhatTheCallsOfACoreDo) {
  const auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  const BlockingHub blocking = hub->blocking(kLong);
  for (const char* id : {"ann", "bob", "eve"}) EXPECT_TRUE(blocking.join_room("lobby", id)) << id;
  EXPECT_TRUE(blocking.join_room("den", "bob"));
  EXPECT_EQ(blocking.join_room("den", "nobody").error(), Error::unknown_connection);
  EXPECT_EQ(blocking.connection_count(), 3u);
  EXPECT_EQ(blocking.room_connection_count("lobby"), 3u);
  EXPECT_THAT(*blocking.rooms(), UnorderedElementsAre("lobby", "den"));
  EXPECT_TRUE(blocking.leave_room("lobby", "eve"));
  EXPECT_EQ(blocking.leave_room("lobby", "eve").error(), Error::not_a_member);
  EXPECT_THAT(*blocking.room_connections("lobby"), UnorderedElementsAre("ann", "bob"));
  EXPECT_EQ(blocking.broadcast_text_to_room("lobby", "one", counted), 2u);
  EXPECT_EQ(blocking.broadcast_binary_to_room("den", as_bytes("two"), counted), 1u);
  EXPECT_EQ(blocking.broadcast_text("three", counted), 3u);
  EXPECT_EQ(blocking.broadcast_binary(as_bytes("four"), counted), 3u);
  EXPECT_EQ(ann->receive(), "one");
  EXPECT_EQ(eve->receive(), "three");
  const auto found = blocking.find_connection("eve");
  ASSERT_TRUE(found && *found);
  EXPECT_TRUE((*found)->send_text("found you"));
  EXPECT_EQ(eve->receive(), "four");
  EXPECT_EQ(eve->receive(), "found you");
  EXPECT_FALSE(*blocking.find_connection("nobody"));
  EXPECT_TRUE(blocking.set_room_policy("lobby", SlowConsumerPolicy::disconnect));
  EXPECT_TRUE(blocking.set_room_policy("lobby", std::nullopt));
  EXPECT_EQ(blocking.broadcast(*PreparedMessage::text("six"), counted), 3u);
  EXPECT_EQ(blocking.broadcast_to_room("den", *PreparedMessage::text("seven"), counted), 1u);
  std::promise<std::uint64_t> told;
  ASSERT_TRUE((*found)->post([&told](Connection& c) { told.set_value(c.id()); }));
  const BroadcastOptions but_eve{.except = told.get_future().get()};
  EXPECT_EQ(blocking.broadcast_text("eight", but_eve, counted), 2u);
  EXPECT_EQ(blocking.broadcast_binary(as_bytes("nine"), but_eve, counted), 2u);
  EXPECT_TRUE(blocking.join_room("den", "eve"));
  EXPECT_EQ(blocking.broadcast_text_to_room("den", "ten", but_eve, counted), 1u);
  EXPECT_EQ(blocking.broadcast_binary_to_room("den", as_bytes("eleven"), but_eve, counted), 1u);
  EXPECT_TRUE(blocking.unregister_connection("ann"));
  EXPECT_EQ(blocking.unregister_connection("ann").error(), Error::unknown_connection);
  EXPECT_EQ(blocking.broadcast_text("five", counted), 2u);
}

TEST_P(BlockingCalls, AndPostedBroadcastsComeFromManyThreadsAtOnceEachInItsOrder) {
  const auto ann = connect("ann"), bob = connect("bob");
  const BlockingHub blocking = hub->blocking(kLong);
  for (const char* id : {"ann", "bob"}) ASSERT_TRUE(blocking.join_room("lobby", id));
  constexpr int kThreads = 4;
  constexpr int kEach = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; i++) {
        const std::string text = std::string(1, static_cast<char>('a' + t)) + std::to_string(i);
        if (i % 2 == 0) {
          EXPECT_EQ(hub->blocking(kLong).broadcast_text_to_room("lobby", text, counted), 2u);
        } else {
          EXPECT_TRUE(hub->broadcast_text_to_room("lobby", text));
          EXPECT_TRUE(hub->blocking(kLong).connection_count());
        }
      }
    });
  }
  std::vector<std::string> first, second;
  for (int i = 0; i < kThreads * kEach; i++) {
    first.push_back(ann->receive());
    second.push_back(bob->receive());
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(first, second) << "one order for all members";
  std::vector<int> next(kThreads);
  for (const std::string& text : first) {
    ASSERT_FALSE(text.empty());
    EXPECT_EQ(std::stoi(text.substr(1)), next[static_cast<std::size_t>(text[0] - 'a')]++) << text;
  }
}

TEST_P(BlockingCalls, OnACoreWouldBlockIt) {
  std::optional<Error> error;
  server->run_on_each_core([&](std::size_t core) {
    if (core == 0) error = hub->blocking(kLong).connection_count().error();
  });
  EXPECT_EQ(error, Error::would_block_core);
}

TEST_P(BlockingCalls, AfterTheStopGetStopping) {
  const auto ann = connect("ann");
  server->stop(100ms);
  server->wait();
  EXPECT_EQ(hub->blocking(kLong).connection_count().error(), Error::stopping);
  EXPECT_EQ(hub->broadcast_text("late").error(), Error::stopping);
  server.reset();
  EXPECT_EQ(hub->blocking(kLong).rooms().error(), Error::stopping);
  EXPECT_EQ(hub->broadcast_text("late").error(), Error::stopping);
}

TEST_P(BlockingCalls, TheHubMayGoFirstWhileItsCoresAreBusyWithIt) {
  const auto ann = connect("ann"), bob = connect("bob");
  for (int i = 0; i < 200; i++) {
    EXPECT_TRUE(hub->broadcast_text("all"));
    EXPECT_TRUE(hub->broadcast_text_to_room("room" + std::to_string(i % 9), "x"));
  }
  hub.reset();
  EXPECT_EQ(server->stats().connections, 2u);
  EXPECT_TRUE(bob->send_text("still here"));
}

INSTANTIATE_TEST_SUITE_P(Backends, BlockingCalls, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

TEST(BlockingHub, InASimulationNothingTurnsTheCoresMeanwhile) {
  Simulator world{SimulatorOptions{.cores = 2}};
  Server server{world};
  Hub hub(server);
  EXPECT_EQ(hub.blocking(1ms).connection_count().error(), Error::stopping) << "not started";
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  EXPECT_EQ(hub.blocking(1ms).connection_count().error(), Error::timed_out);
  EXPECT_EQ(hub.blocking(1ms).join_room("a", "b").error(), Error::timed_out);
  world.run_until_idle();  // the calls act, and their answers find nobody
}

TEST(HubConfig, AFieldOutOfRangeFailsListeningWithItsName) {
  const auto error_of = [](auto change) {
    HubConfig config;
    change(config);
    Simulator world{SimulatorOptions{}};
    Server server{world};
    const Hub hub(server, config);
    const auto listening = server.listen("127.0.0.1:0");
    return listening ? std::string("none") : listening.error().text;
  };
  using testing::HasSubstr;
  EXPECT_EQ(error_of([](HubConfig&) {}), "none");
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_rooms_per_connection = 0; }),
              HasSubstr("max_rooms_per_connection is 0"));
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_rooms_per_connection = 1'000'001; }),
              HasSubstr("max_rooms_per_connection is 1000001, but must be 1 to 1000000"));
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_name_size = 0; }), HasSubstr("max_name_size is 0"));
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_name_size = 65536; }), HasSubstr("max_name_size is 65536"));
  EXPECT_EQ(error_of([](HubConfig& c) { c.max_name_size = 65535; }), "none");
  EXPECT_EQ(error_of([](HubConfig& c) { c.max_room_policies = 0; }), "none");
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_room_policies = (1U << 24) + 1; }), HasSubstr("max_room_policies"));
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_pending_calls = 0; }), HasSubstr("max_pending_calls is 0"));
  EXPECT_THAT(error_of([](HubConfig& c) { c.max_waiting_broadcasts = 0; }), HasSubstr("max_waiting_broadcasts is 0"));
}

TEST(HubConfig, OfAHubMadeAfterListeningFailsTheStart) {
  HubConfig config;
  config.max_name_size = 65536;
  Simulator world{SimulatorOptions{}};
  Server server{world};
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  const Hub hub(server, config);
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().text, testing::HasSubstr("max_name_size is 65536"));
}

}  // namespace
}  // namespace brume

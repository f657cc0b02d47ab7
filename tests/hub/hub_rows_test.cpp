// Rows of the list of bad inputs, and faults of the model server, that are about the hub; each by its id. What runs
// concurrently (B1, B4, fault 2, fault 5) is in hub_model_test.cpp, hub_crowd_test.cpp and hub_test.cpp too, B3 is the
// mailbox's (tests/engine/core), fault 8 the notifications' (tests/examples).
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/reactor.h>
#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

class HubRows : public testing::TestWithParam<std::size_t> {
 protected:
  using Obey = std::function<void(Connection&, std::string_view)>;

  void start(Obey obey, const HubConfig& config = {}) {
    world.emplace(SimulatorOptions{.seed = 3, .cores = GetParam(), .window_size = 4096});
    server.emplace(*world);
    hub.emplace(*server, config);
    server->get("/:number", websocket({.open =
                                           [this](Connection& c) {
                                             const std::string id(c.request().parameter("number"));
                                             hub->register_connection(id, c).then([this](auto me) {
                                               ASSERT_TRUE(me);
                                               registrations.push_back(*std::move(me));
                                             });
                                           },
                                       .message = [this, obey](Connection& c, const Message& m) { obey(c, m.text()); },
                                       .close =
                                           [this](Connection& c, const CloseInfo&) {
                                             closed.push_back(c.id());
                                             (void)hub->broadcast_text_to_room("lobby", "somebody has gone");
                                           }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  // The connections' ends broadcast still, so the hub has to be there.
  void TearDown() override { server.reset(); }
  SimulatedClient connect(std::size_t number) {
    auto client = world->connect(*server, "/" + std::to_string(number));
    world->run_until_idle();
    return client;
  }
  void send(SimulatedClient client, std::string_view text) {
    client.send_text(text);
    world->run_until_idle();
  }
  // Bytes in blocks, on all cores.
  std::size_t held() {
    std::size_t sum = 0;
    server->run_on_each_core([&](std::size_t) { sum += core::Reactor::current()->blocks().held(); });
    return sum;
  }

  std::optional<Simulator> world;
  std::optional<Server> server;
  std::optional<Hub> hub;
  std::vector<Registration> registrations;
  std::vector<std::uint64_t> closed;
};

TEST_P(HubRows, Fault9_ABroadcastIsFramedAndKeptOnceForAllReceiversOfACore) {
  constexpr std::size_t kReceivers = 40;
  constexpr std::size_t kSize = 100'000;
  start([this](Connection&, std::string_view text) {
    if (text == "join")
      for (std::size_t i = 0; i < kReceivers; i++) (void)hub->join_room("lobby", std::to_string(i));
    if (text == "send") (void)hub->broadcast_text_to_room("lobby", std::string(kSize, 'x'));
  });
  std::vector<SimulatedClient> clients;
  for (std::size_t i = 0; i < kReceivers; i++) clients.push_back(connect(i));
  auto other = connect(kReceivers);
  send(other, "join");
  for (SimulatedClient& client : clients) client.pause_reading();
  const std::size_t before = held();
  send(other, "send");
  EXPECT_GE(held() - before, kSize) << "the outboxes hold it";
  EXPECT_LT(held() - before, GetParam() * 4 * kSize) << "each core once, not each connection";
  for (SimulatedClient& client : clients) client.resume_reading();
  world->run_until_idle();
  for (const SimulatedClient& client : clients) EXPECT_EQ(client.last_text().size(), kSize);
}

TEST_P(HubRows, B1_WhoClosesInsideABroadcastIsLeftOutAndItsEndMayBroadcast) {
  start([this](Connection& c, std::string_view text) {
    if (text == "join") {
      for (const char* id : {"0", "1", "2"}) (void)hub->join_room("lobby", id);
    } else {
      (void)hub->broadcast_text_to_room("lobby", "before");
      (void)c.close(1000, "bye");
      (void)hub->broadcast_text_to_room("lobby", "after");
    }
  });
  auto ann = connect(0), bob = connect(1), eve = connect(2);
  send(ann, "join");
  send(ann, "leave");
  world->run_for(10s);
  for (const SimulatedClient& client : {bob, eve}) {
    ASSERT_EQ(client.messages().size(), 3u);
    EXPECT_EQ(client.messages()[1].data, "after");
    EXPECT_EQ(client.last_text(), "somebody has gone");
  }
  for (const ReceivedMessage& message : ann.messages()) EXPECT_EQ(message.data, "before");
}

TEST_P(HubRows, B2_WhatIsMeantForAConnectionThatHasGoneDoesNotReachWhoHasItsPlaceNow) {
  ConnectionHandle handle;
  std::uint64_t old_id = 0, new_id = 0;
  start([&](Connection& c, std::string_view text) {
    if (text == "old") {
      handle = c.handle();
      old_id = c.id();
      hub->join_room("lobby", "0").then([](auto result) { EXPECT_TRUE(result); });
    } else {
      new_id = c.id();
    }
  });
  auto ann = connect(0);
  send(ann, "old");
  ann.close(1000, "bye");
  world->run_for(10s);
  ASSERT_EQ(server->stats().sockets, 0u);
  // Until one has the very slot, on the very core.
  std::vector<SimulatedClient> others;
  for (std::size_t i = 1; i < 20 && static_cast<std::uint32_t>(new_id) != static_cast<std::uint32_t>(old_id); i++) {
    others.push_back(connect(i));
    send(others.back(), "new");
  }
  ASSERT_EQ(static_cast<std::uint32_t>(new_id), static_cast<std::uint32_t>(old_id)) << "no slot was used again";
  EXPECT_NE(new_id, old_id) << "the generation tells them apart";
  EXPECT_TRUE(handle.send_text("for ann")) << "a mailbox takes it";
  EXPECT_TRUE(handle.close());
  (void)hub->broadcast_text_to_room("lobby", "for ann's room");
  std::optional<Error> error;
  server->run_on_each_core([&](std::size_t core) {
    if (core != 0) return;
    hub->join_room("lobby", "0").then([&](auto result) {
      error = result ? std::nullopt : std::optional(result.error());
    });
  });
  world->run_until_idle();
  EXPECT_EQ(error, Error::unknown_connection) << "the id went with its connection";
  for (const SimulatedClient& other : others) {
    EXPECT_TRUE(other.messages().empty());
    EXPECT_TRUE(other.is_open());
  }
}

TEST_P(HubRows, B4_JoinLeaveAndCloseFromEverywhereAtOnceLeaveOneCloseAndNothingElse) {
  std::vector<std::string> rooms{"not asked"};
  start([&](Connection& c, std::string_view text) {
    if (text == "close") return (void)c.close(1000, "bye");
    if (text == "rooms") return hub->rooms().then([&](auto names) { rooms = *std::move(names); });
    for (int i = 0; i < 3; i++) {
      (void)hub->join_room("lobby", "0");
      (void)hub->broadcast_text_to_room("lobby", "hello");
      (void)hub->leave_room("lobby", "0");
      (void)hub->join_room("den", "0");
    }
    (void)hub->unregister_connection("0");
  });
  auto ann = connect(0), bob = connect(1), eve = connect(2);
  for (auto client : {bob, eve}) client.send_text("race");
  ann.send_text("close");
  for (auto client : {bob, eve}) client.send_text("race");
  world->run_for(10s);
  EXPECT_EQ(closed.size(), 1u);
  EXPECT_EQ(ann.close_code(), 1000);
  send(bob, "rooms");
  EXPECT_TRUE(rooms.empty());
}

TEST_P(HubRows, B4_WhatComesOnceTheCoresHaveStoppedIsRefused) {
  ConnectionHandle handle;
  start([&](Connection& c, std::string_view) { handle = c.handle(); });
  auto ann = connect(0);
  send(ann, "here");
  server->stop();
  world->run_for(20s);
  server->wait();
  EXPECT_EQ(handle.send_text("late").error(), Error::stopping);
  EXPECT_EQ(handle.close().error(), Error::stopping);
  EXPECT_EQ(handle.post([](Connection&) { FAIL() << "there is nobody to run it"; }).error(), Error::stopping);
  EXPECT_EQ(hub->broadcast_text_to_room("lobby", "late").error(), Error::stopping);
  for (Registration& registration : registrations) registration.end();
  EXPECT_EQ(closed.size(), 1u);
}

TEST_P(HubRows, Fault6_UnregisteringLeavesOtherRoomsAloneAndNothingIsKeptForAConnection) {
  constexpr std::size_t kRooms = 2000;
  std::size_t frames_before = 0, frames_after = 0;
  std::size_t members = 0;
  start(
      [&](Connection&, std::string_view text) {
        if (text == "fill")
          for (std::size_t i = 0; i < kRooms; i++) (void)hub->join_room("room" + std::to_string(i), "0");
        if (text == "join") (void)hub->join_room("den", "1");
        if (text == "unregister") (void)hub->unregister_connection("1");
        if (text == "count")
          for (std::size_t i = 0; i < kRooms; i++)
            hub->room_connection_count("room" + std::to_string(i)).then([&](auto count) { members += *count; });
      },
      {.max_rooms_per_connection = kRooms});
  const auto frames = [&] {
    std::size_t sum = 0;
    server->run_on_each_core([&](std::size_t) { sum += core::Reactor::current()->frames().frames_in_use(); });
    return sum;
  };
  auto ann = connect(0);
  // So that lists which grow for the next one have grown, on every core.
  for (int i = 0; i < 20; i++) {
    auto bob = connect(1);
    send(bob, "join");
    bob.close(1000, "bye");
    world->run_for(10s);
  }
  send(ann, "fill");
  frames_before = frames();
  auto bob = connect(1);
  const std::size_t connected = frames();
  send(bob, "join");
  send(bob, "unregister");
  frames_after = frames();
  EXPECT_LE(frames_after, connected) << "its registration has gone";
  bob.close(1000, "bye");
  world->run_for(10s);
  EXPECT_EQ(frames(), frames_before) << "no task and no name waits for the end of a connection";
  send(ann, "count");
  EXPECT_EQ(members, kRooms) << "the others' rooms are as they were";
}

TEST_P(HubRows, L10_AClientThatJoinsWithoutEndIsStoppedAtItsBound) {
  std::size_t refused = 0;
  std::optional<std::size_t> rooms;
  start(
      [&](Connection&, std::string_view text) {
        if (text == "join") {
          for (int i = 0; i < 20'000; i++)
            hub->join_room("room" + std::to_string(i), "0").then([&](auto result) {
              refused += !result && result.error() == Error::too_many_rooms;
            });
        } else {
          hub->rooms().then([&](auto names) { rooms = names->size(); });
        }
      },
      {.max_rooms_per_connection = 50});
  auto ann = connect(0);
  send(ann, "join");
  world->run_for(1s);
  send(ann, "count");
  EXPECT_EQ(refused, 20'000u - 50);
  EXPECT_EQ(rooms, 50u);
}

TEST_P(HubRows, AnIdThatIsUnregisteredWhileItIsBeingRegisteredWasRegistered) {
  std::optional<std::expected<Registration, Error>> registered;
  std::optional<Error> joined;
  bool unregistered = false;
  start([&](Connection& c, std::string_view) {
    registrations.clear();  // its own ends here, so that it may register again
    hub->register_connection("ann", c).then([&](auto me) { registered = std::move(me); });
    hub->unregister_connection("ann").then([&](auto result) { unregistered = result.has_value(); });
  });
  auto ann = connect(0);
  send(ann, "go");
  EXPECT_TRUE(unregistered);
  ASSERT_TRUE(registered && *registered) << "its connection is open and nobody else has the id";
  EXPECT_TRUE(ann.is_open());
  server->run_on_each_core([&](std::size_t) {
    auto call = (*registered)->join("lobby");
    std::move(call).then([&](auto result) {
      if (!result && result.error() != Error::wrong_thread) joined = result.error();
    });
  });
  EXPECT_EQ(joined, Error::unknown_connection) << "it has ended already";
}

INSTANTIATE_TEST_SUITE_P(Cores, HubRows, testing::Values(1, 2, 3),
                         [](const auto& cores) { return std::to_string(cores.param) + "_cores"; });

TEST(HubReplacing, WhoTakesAnIdFromSomebodyWhoIsTakingItWaitsForTheFirstHolderToo) {
  std::size_t answered = 0, in_time = 0;
  for (std::uint64_t seed = 1; seed <= 300; seed++) {
    SimulatorOptions options{.seed = seed, .cores = 4};
    options.faults.set(FaultKind::core_stall, 300'000).set(FaultKind::late_wake, 300'000);
    std::vector<Connection*> connections(3);
    std::vector<Registration> registrations;
    Simulator world(options);
    Server server(world);
    Hub hub(server);
    const auto number = [&](Connection& c) {
      return static_cast<std::size_t>(std::ranges::find(connections, &c) - connections.begin());
    };
    server.get("/:number",
               websocket({.open =
                              [&](Connection& c) {
                                connections[static_cast<std::size_t>(c.request().parameter("number").front() - '0')] =
                                    &c;
                              },
                          .message =
                              [&](Connection& c, const Message&) {
                                const bool first = number(c) == 0;
                                hub.register_connection("ann", c).then([&, first](auto me) {
                                  if (!me) return;
                                  registrations.push_back(*std::move(me));
                                  answered += !first;
                                  in_time += !first && (!connections[0] || !connections[0]->is_connected());
                                });
                              },
                          .close = [&](Connection& c, const CloseInfo&) { connections[number(c)] = nullptr; }}));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    std::vector<SimulatedClient> clients;
    for (int i = 0; i < 3; i++) clients.push_back(world.connect(server, "/" + std::to_string(i)));
    world.run_until_idle();
    clients[0].send_text("register");
    world.run_until_idle();
    clients[1].send_text("register");
    clients[2].send_text("register");
    world.run_for(1s);
  }
  EXPECT_GE(answered, 300u);
  EXPECT_EQ(in_time, answered) << "a newer registration returned while the first holder was registered";
}

TEST(HubPolicies, SetBeforeTheStartAreHeldToTheSameBounds) {
  Simulator world{SimulatorOptions{}};
  std::optional<Server> server(std::in_place, world);
  HubConfig config;
  config.max_name_size = 10;
  config.max_room_policies = 1;
  Hub hub(*server, config);
  std::vector<std::optional<Error>> errors;
  const auto set = [&](const char* room, std::optional<SlowConsumerPolicy> policy) {
    hub.set_room_policy(room, policy).then([&](auto result) {
      errors.push_back(result ? std::nullopt : std::optional(result.error()));
    });
  };
  set("a name too long", SlowConsumerPolicy::disconnect);
  set("one", SlowConsumerPolicy::disconnect);
  set("two", SlowConsumerPolicy::disconnect);
  set("one", std::nullopt);
  set("two", SlowConsumerPolicy::drop_oldest);
  server.reset();
  set("two", std::nullopt);
  EXPECT_EQ(errors, (std::vector<std::optional<Error>>{Error::name_too_long, std::nullopt, Error::out_of_memory,
                                                       std::nullopt, std::nullopt, Error::stopping}));
}

}  // namespace
}  // namespace brume

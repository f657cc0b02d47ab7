// Rows of the list of bad inputs, and faults of the model server, that are about the hub; each by its id. What runs
// concurrently (B1, B4, fault 2, fault 5) is in hub_model_test.cpp and hub_test.cpp too.
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
                                           [this](Connection&, const CloseInfo&) {
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

// A call to the hub as a value: awaited, given a callback, or dropped; and what its end does to it.
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

// One server with a hub; what a message does is each test's own.
class HubCalls : public testing::TestWithParam<std::size_t> {
 protected:
  using Obey = std::function<void(Connection&, std::string_view)>;

  void start(Obey obey) {
    world.emplace(SimulatorOptions{.seed = 9, .cores = GetParam()});
    server.emplace(*world);
    hub.emplace(*server);
    server->get("/", websocket({.message = [obey](Connection& c, const Message& m) { obey(c, m.text()); }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  SimulatedClient connect() { return world->connect(*server, "/"); }
  void send(SimulatedClient client, std::string_view text) {
    client.send_text(text);
    world->run_until_idle();
  }

  std::optional<Simulator> world;
  std::optional<Server> server;
  std::optional<Hub> hub;
  std::vector<Registration> kept;
};

std::string name(int i) {
  return "name" + std::to_string(i);  // at home on any core
}

TEST_P(HubCalls, ADroppedCallActs) {
  std::optional<std::size_t> members;
  start([&](Connection& c, std::string_view text) {
    if (text == "register") {
      hub->register_connection("ann", c).then([this](auto me) { kept.push_back(*std::move(me)); });
    } else if (text == "join") {
      for (int i = 0; i < 8; i++) (void)hub->join_room(name(i), "ann");
    } else {
      for (int i = 0; i < 8; i++)
        hub->room_connection_count(name(i)).then([&](auto count) { members = members.value_or(0) + *count; });
    }
  });
  auto ann = connect();
  for (const char* command : {"register", "join", "count"}) send(ann, command);
  EXPECT_EQ(members, 8u);
}

TEST_P(HubCalls, ARegistrationThatNobodyTookEnds) {
  int nobody = 0;
  start([&](Connection& c, std::string_view text) {
    const std::string id(text.substr(text.find(' ') + 1));
    if (text.starts_with("drop")) (void)hub->register_connection(id, c);
    if (text.starts_with("find")) {
      hub->find_connection(id).then([&](auto found) {
        ASSERT_TRUE(found);
        nobody += !*found;
      });
    }
  });
  auto ann = connect();
  for (int i = 0; i < 8; i++) {
    send(ann, "drop " + name(i));
    send(ann, "find " + name(i));
  }
  EXPECT_EQ(nobody, 8);
}

TEST_P(HubCalls, ACallbackIsCalledOnceWithTheAnswer) {
  int answers = 0;
  start([&](Connection&, std::string_view) {
    for (int i = 0; i < 8; i++) {
      hub->unregister_connection(name(i)).then([&](std::expected<void, Error> result) {
        answers++;
        EXPECT_EQ(result.error(), Error::unknown_connection);
      });
    }
    hub->join_room("", "ann").then([&](auto result) { EXPECT_EQ(result.error(), Error::invalid_argument); });
  });
  send(connect(), "go");
  EXPECT_EQ(answers, 8);
}

TEST_P(HubCalls, AwaitingInPlaceAndThroughAVariableGiveTheSame) {
  int same = 0;
  start([&](Connection& c, std::string_view) {
    c.spawn([](Hub& h, int& count) -> Task<> {
      for (int i = 0; i < 8; i++) {
        auto call = h.room_connection_count(name(i));
        const auto one = co_await call;
        const auto two = co_await h.room_connection_count(name(i));
        count += one && two && *one == *two;
      }
    }(*hub, same));
  });
  send(connect(), "go");
  EXPECT_EQ(same, 8);
}

TEST_P(HubCalls, ManyCallsOfOneTurnMayBeAwaitedInAnyOrder) {
  std::vector<std::size_t> counts;
  start([&](Connection& c, std::string_view) {
    c.spawn([](Hub& h, std::vector<std::size_t>& all) -> Task<> {
      auto first = h.connection_count();
      auto second = h.room_connection_count("x");
      auto third = h.rooms();
      all.push_back((co_await third)->size());
      (void)co_await brume::sleep(5ms);  // the others are answered by now
      all.push_back(*co_await first);
      all.push_back(*co_await second);
    }(*hub, counts));
  });
  send(connect(), "go");
  world->run_for(1s);
  EXPECT_EQ(counts, (std::vector<std::size_t>{0, 0, 0}));
}

TEST_P(HubCalls, AnExceptionOfACallbackIsCountedAndHarmsNobody) {
  start([&](Connection& c, std::string_view text) {
    if (text == "throw") {
      for (int i = 0; i < 8; i++)
        hub->room_connections(name(i)).then([](auto) -> void { throw std::runtime_error("asked for"); });
    } else {
      (void)c.send_text("alive");
    }
  });
  auto ann = connect(), bob = connect();
  send(ann, "throw");
  send(bob, "still there?");
  EXPECT_EQ(bob.last_text(), "alive");
  EXPECT_GE(server->stats().refused_by("handler_exception"), 1u);
}

TEST_P(HubCalls, EveryCallUnderWayIsAnsweredWhenTheHubGoes) {
  int stopping = 0;
  int answered = 0;
  start([&](Connection&, std::string_view) {
    for (int i = 0; i < 20; i++) {
      hub->room_connection_count(name(i)).then([&](auto count) {
        answered++;
        stopping += !count && count.error() == Error::stopping;
      });
    }
  });
  auto ann = connect();
  world->run_until_idle();
  ann.send_text("go");
  ASSERT_TRUE(world->run_until([&] { return answered != 0 || server->stats().messages_received != 0; }));
  hub.reset();
  EXPECT_EQ(answered, 20);
  EXPECT_EQ(stopping > 0, GetParam() > 1);
  EXPECT_TRUE(ann.is_open());
  server.reset();
}

TEST_P(HubCalls, AfterTheHubHasGoneARegistrationDoesNothing) {
  Error after{};
  start([&](Connection& c, std::string_view text) {
    if (text == "register")
      hub->register_connection("ann", c).then([this](auto me) { kept.push_back(*std::move(me)); });
    if (text == "join") kept[0].join("lobby").then([&](auto result) { after = result.error(); });
    if (text == "end") kept.clear();
  });
  auto ann = connect();
  send(ann, "register");
  ASSERT_EQ(kept.size(), 1u);
  hub.reset();
  send(ann, "join");
  EXPECT_EQ(after, Error::wrong_thread);
  send(ann, "end");
  EXPECT_TRUE(ann.is_open());
  server.reset();
}

INSTANTIATE_TEST_SUITE_P(Cores, HubCalls, testing::Values(1, 2, 3, 8),
                         [](const auto& cores) { return std::to_string(cores.param) + "_cores"; });

TEST(HubCall, AnAwaitEndsWithItsConnectionAndTheCallGoesOn) {
  test::SeedLoop seeds(100);
  int cut = 0;
  while (seeds.next()) {
    SimulatorOptions options = seeds.options(FaultRates{}.set(FaultKind::core_stall, 400'000));
    options.cores = 3;
    Simulator world(options);
    Server server{world};
    Hub hub(server);
    std::vector<Registration> kept;
    std::optional<std::size_t> members;
    const auto ask = [&](Connection& c) -> Task<> {
      // Joins through an id whose home may be elsewhere, and is cut off meanwhile.
      for (int i = 0; i < 8; i++) {
        const auto joined = co_await hub.join_room(name(i), "bob");
        cut += !joined && joined.error() == Error::connection_closed;
        if (i == 3 && !c.is_connected()) co_return;
      }
    };
    server.get("/ask", websocket([&](Connection& c) { return ask(c); }));
    server.get(
        "/", websocket(
                 {.open =
                      [&](Connection& c) {
                        hub.register_connection("bob", c).then([&](auto me) { kept.push_back(*std::move(me)); });
                      },
                  .message = [&](Connection&,
                                 const Message&) { hub.rooms().then([&](auto rooms) { members = rooms->size(); }); }}));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    auto bob = world.connect(server, "/");
    world.run_for(1s);
    ASSERT_EQ(kept.size(), 1u);
    auto ann = world.connect(server, "/ask");
    ASSERT_TRUE(world.run_until([&] { return ann.upgraded() || ann.is_over(); }));
    ann.abort();
    world.run_for(1s);
    bob.send_text("how many?");
    world.run_for(1s);
    ASSERT_TRUE(members);
    EXPECT_GE(*members, 1u) << "the first call was made, whoever waited for it";
  }
  EXPECT_GT(cut, 0);
}

}  // namespace
}  // namespace brume

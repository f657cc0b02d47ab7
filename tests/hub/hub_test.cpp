// The hub's calls one by one, on one, two, three and eight simulated cores.
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<std::string> texts(const SimulatedClient& client) {
  std::vector<std::string> all;
  for (const ReceivedMessage& message : client.messages()) all.push_back(message.data);
  return all;
}

std::string say(const std::expected<void, Error>& result) {
  return result ? "ok" : std::string(to_string(result.error()));
}
std::string say(const std::expected<std::size_t, Error>& result) {
  return result ? std::to_string(*result) : std::string(to_string(result.error()));
}
std::string say(std::expected<std::vector<std::string>, Error> result) {
  if (!result) return std::string(to_string(result.error()));
  std::ranges::sort(*result);
  std::string all;
  for (const std::string& name : *result) all += (all.empty() ? "" : ",") + name;
  return all;
}

// A server whose connections do what they are told: each message is a command, each answer a message. The id is the
// last segment of the path.
class HubTest : public testing::TestWithParam<std::size_t> {
 protected:
  void start(const HubConfig& hub_config = {}, Config config = {}) {
    world.emplace(SimulatorOptions{.seed = 5, .cores = GetParam()});
    server.emplace(*world, std::move(config));
    hub.emplace(*server, hub_config);
    server->get("/:id", websocket([this](Connection& connection) { return obey(connection); }));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }

  Task<> obey(Connection& connection) {
    const std::string id(connection.request().parameter("id"));
    auto me = co_await hub->register_connection(id, connection);
    (void)connection.send_text(me ? "registered" : to_string(me.error()));
    while (auto message = co_await connection.receive()) {
      const std::string text(message->text());
      const std::string verb = text.substr(0, text.find(' '));
      const std::string rest = text.find(' ') == std::string::npos ? "" : text.substr(text.find(' ') + 1);
      const std::string first = rest.substr(0, rest.find(' '));
      const std::string second = rest.find(' ') == std::string::npos ? "" : rest.substr(rest.find(' ') + 1);
      std::string answer;
      if (verb == "join") answer = say(co_await me->join(rest));
      if (verb == "leave") answer = say(co_await me->leave(rest));
      if (verb == "joinid") answer = say(co_await hub->join_room(first, second));
      if (verb == "leaveid") answer = say(co_await hub->leave_room(first, second));
      if (verb == "unregister") answer = say(co_await hub->unregister_connection(rest));
      if (verb == "all") answer = say(hub->broadcast_text(rest));
      if (verb == "room") answer = say(hub->broadcast_text_to_room(first, second));
      if (verb == "others") answer = say(hub->broadcast_text_to_room(first, second, {.except = connection.id()}));
      if (verb == "countall") answer = say(co_await hub->broadcast_text(rest, counted));
      if (verb == "countroom") answer = say(co_await hub->broadcast_text_to_room(first, second, counted));
      if (verb == "prepared") {
        const auto prepared = PreparedMessage::text(second);
        (void)hub->broadcast(*prepared);
        (void)hub->broadcast_to_room(first, *prepared, {.except = connection.id()});
        answer = say(co_await hub->broadcast_to_room(first, *prepared, counted)) + "," +
                 say(co_await hub->broadcast(*prepared, counted));
      }
      if (verb == "connections") answer = say(co_await hub->connection_count());
      if (verb == "members") answer = say(co_await hub->room_connection_count(rest));
      if (verb == "who") answer = say(co_await hub->room_connections(rest));
      if (verb == "rooms") answer = say(co_await hub->rooms());
      if (verb == "find") {
        auto found = co_await hub->find_connection(rest);
        answer = !found ? std::string(to_string(found.error())) : *found ? "found" : "nobody";
        if (found && *found) (void)(*found)->send_text("found you");
      }
      if (verb == "end") {
        me->end();
        answer = "ended";
      }
      (void)connection.send_text("= " + answer);
    }
  }

  SimulatedClient connect(const std::string& id) {
    auto client = world->connect(*server, "/" + id);
    world->run_until_idle();
    return client;
  }
  // Sends a command and returns the answer to it.
  std::string ask(SimulatedClient client, const std::string& command) {
    client.send_text(command);
    world->run_until_idle();
    const auto all = texts(client);
    for (auto text = all.rbegin(); text != all.rend(); ++text)
      if (text->starts_with("= ")) return text->substr(2);
    return "no answer";
  }
  std::vector<std::string> heard(const SimulatedClient& client) {
    std::vector<std::string> all;
    for (const std::string& text : texts(client))
      if (!text.starts_with("= ") && text != "registered") all.push_back(text);
    return all;
  }

  std::optional<Simulator> world;
  std::optional<Server> server;
  std::optional<Hub> hub;
};

TEST_P(HubTest, MembersOfARoomGetItsBroadcastsAndNobodyElse) {
  start();
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  EXPECT_THAT(texts(ann), ElementsAre("registered"));
  EXPECT_EQ(ask(ann, "join lobby"), "ok");
  EXPECT_EQ(ask(bob, "join lobby"), "ok");
  EXPECT_EQ(ask(ann, "join lobby"), "ok") << "again";
  EXPECT_EQ(ask(ann, "room lobby one"), "ok");
  EXPECT_EQ(ask(eve, "room lobby two"), "ok") << "a non-member may broadcast";
  EXPECT_EQ(ask(ann, "others lobby three"), "ok");
  EXPECT_EQ(ask(ann, "room nowhere x"), "ok");
  EXPECT_THAT(heard(ann), ElementsAre("one", "two"));
  EXPECT_THAT(heard(bob), ElementsAre("one", "two", "three"));
  EXPECT_THAT(heard(eve), IsEmpty());
}

TEST_P(HubTest, EverybodyRegisteredGetsWhatIsBroadcastToAll) {
  start();
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  EXPECT_EQ(ask(ann, "all hello"), "ok");
  EXPECT_EQ(ask(bob, "countall again"), "3");
  EXPECT_EQ(ask(eve, "end"), "ended");
  EXPECT_EQ(ask(bob, "countall third"), "2");
  EXPECT_THAT(heard(ann), ElementsAre("hello", "again", "third"));
  EXPECT_THAT(heard(bob), ElementsAre("hello", "again", "third"));
  EXPECT_THAT(heard(eve), ElementsAre("hello", "again"));
  EXPECT_EQ(ask(ann, "connections"), "2");
}

TEST_P(HubTest, APreparedMessageGoesWhereOneThatIsNotWould) {
  start();
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  for (auto client : {ann, bob}) EXPECT_EQ(ask(client, "join lobby"), "ok");
  EXPECT_EQ(ask(ann, "prepared lobby tick"), "2,3");
  EXPECT_THAT(heard(ann), ElementsAre("tick", "tick", "tick"));
  EXPECT_THAT(heard(bob), ElementsAre("tick", "tick", "tick", "tick"));
  EXPECT_THAT(heard(eve), ElementsAre("tick", "tick"));
}

TEST_P(HubTest, CountsAndListsAreExact) {
  start();
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  EXPECT_EQ(ask(ann, "members lobby"), "0");
  EXPECT_EQ(ask(ann, "who lobby"), "");
  EXPECT_EQ(ask(ann, "countroom lobby x"), "0");
  for (auto client : {ann, bob, eve}) EXPECT_EQ(ask(client, "join lobby"), "ok");
  EXPECT_EQ(ask(bob, "join den"), "ok");
  EXPECT_EQ(ask(ann, "members lobby"), "3");
  EXPECT_EQ(ask(eve, "who lobby"), "ann,bob,eve");
  EXPECT_EQ(ask(eve, "rooms"), "den,lobby");
  EXPECT_EQ(ask(eve, "countroom lobby x"), "3");
  EXPECT_EQ(ask(bob, "leave den"), "ok");
  EXPECT_EQ(ask(bob, "leave den"), "not a member");
  EXPECT_EQ(ask(bob, "leave lobby"), "ok");
  EXPECT_EQ(ask(eve, "rooms"), "lobby");
  EXPECT_EQ(ask(eve, "who lobby"), "ann,eve");
  ann.close();
  world->run_for(1s);
  EXPECT_EQ(ask(eve, "who lobby"), "eve");
  EXPECT_EQ(ask(eve, "connections"), "2");
  EXPECT_EQ(ask(eve, "leave lobby"), "ok");
  EXPECT_EQ(ask(eve, "rooms"), "");
}

TEST_P(HubTest, WhoeverHoldsAnIdIsReachedByIt) {
  start();
  auto ann = connect("ann"), bob = connect("bob");
  EXPECT_EQ(ask(ann, "joinid lobby bob"), "ok");
  EXPECT_EQ(ask(ann, "joinid lobby nobody"), "unknown connection");
  EXPECT_EQ(ask(ann, "who lobby"), "bob");
  EXPECT_EQ(ask(ann, "find bob"), "found");
  EXPECT_EQ(ask(ann, "find nobody"), "nobody");
  EXPECT_EQ(ask(ann, "leaveid den bob"), "not a member");
  EXPECT_EQ(ask(ann, "leaveid lobby bob"), "ok");
  EXPECT_EQ(ask(ann, "rooms"), "");
  EXPECT_EQ(ask(ann, "unregister bob"), "ok");
  EXPECT_EQ(ask(ann, "unregister bob"), "unknown connection");
  EXPECT_EQ(ask(bob, "join lobby"), "unknown connection") << "its registration is over";
  EXPECT_TRUE(bob.is_open());
  EXPECT_THAT(heard(bob), ElementsAre("found you"));
}

TEST_P(HubTest, Fault5_ANewerConnectionOfTheSameIdReplacesTheOlderAndOutlivesItsEnd) {
  start();
  auto first = connect("ann"), other = connect("bob");
  EXPECT_EQ(ask(first, "join lobby"), "ok");
  auto second = connect("ann");
  EXPECT_THAT(texts(second), ElementsAre("registered"));
  EXPECT_EQ(first.close_code(), 4000);
  EXPECT_EQ(first.close_reason(), "replaced");
  world->run_for(10s);
  EXPECT_EQ(ask(other, "members lobby"), "0") << "the older one has left its rooms";
  EXPECT_EQ(ask(second, "join lobby"), "ok");
  EXPECT_EQ(ask(other, "find ann"), "found");
  EXPECT_EQ(ask(other, "who lobby"), "ann");
  EXPECT_EQ(ask(other, "connections"), "2");
}

TEST_P(HubTest, WithoutReplacingAnIdThatIsTakenIsRefused) {
  start({.on_same_id = SameId::reject});
  auto first = connect("ann"), second = connect("ann");
  EXPECT_THAT(texts(second), ElementsAre("id taken"));
  EXPECT_TRUE(first.is_open());
  first.close();
  world->run_for(1s);
  auto third = connect("ann");
  EXPECT_THAT(texts(third), ElementsAre("registered"));
}

TEST_P(HubTest, LimitsAreNamedInTheError) {
  HubConfig config;
  config.max_rooms_per_connection = 2;
  config.max_members_per_room = 2;
  config.max_name_size = 20;
  start(config);
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  EXPECT_EQ(ask(ann, "join a"), "ok");
  EXPECT_EQ(ask(ann, "join b"), "ok");
  EXPECT_EQ(ask(ann, "join c"), "too many rooms");
  EXPECT_EQ(ask(ann, "join " + std::string(21, 'x')), "name too long");
  EXPECT_EQ(ask(bob, "join a"), "ok");
  EXPECT_EQ(ask(eve, "join a"), "room full");
  EXPECT_EQ(ask(bob, "leave a"), "ok");
  EXPECT_EQ(ask(eve, "join a"), "ok");
  EXPECT_EQ(ask(bob, "join a"), "room full");
  EXPECT_EQ(ask(bob, "who a"), "ann,eve");
  auto longer = connect(std::string(21, 'y'));
  EXPECT_THAT(texts(longer), ElementsAre("name too long"));
}

TEST_P(HubTest, AConnectionThatBroadcastsEachMessageItSendsNeverMeetsAFullHubHoweverDeepItPipelines) {
  start({.max_waiting_broadcasts = 4});
  auto ann = connect("ann"), bob = connect("bob"), eve = connect("eve");
  for (auto client : {ann, bob, eve}) EXPECT_EQ(ask(client, "join lobby"), "ok");
  std::vector<std::string> sent;
  for (int i = 0; i < 100; i++) {
    sent.push_back("message" + std::to_string(i));
    ann.send_text("room lobby " + sent.back());
  }
  world->run_until_idle();
  EXPECT_EQ(heard(bob), sent);
  EXPECT_EQ(heard(eve), sent);
  EXPECT_THAT(texts(ann), testing::Not(testing::Contains("= hub overloaded")));
}

TEST_P(HubTest, StoppingAnswersUntilAllHaveEnded) {
  start();
  auto ann = connect("ann"), bob = connect("bob");
  EXPECT_EQ(ask(ann, "join lobby"), "ok");
  EXPECT_EQ(ask(bob, "join lobby"), "ok");
  server->stop();
  world->run_for(20s);
  EXPECT_EQ(ann.close_code(), 1001);
  EXPECT_EQ(server->stats().sockets, 0u);
  server->wait();
  EXPECT_EQ(hub->broadcast_text("late").error(), Error::stopping);
}

TEST_P(HubTest, AHubMayGoBeforeItsServerAndLeavesConnectionsAlone) {
  start();
  auto ann = connect("ann"), bob = connect("bob");
  EXPECT_EQ(ask(ann, "join lobby"), "ok");
  ann.send_text("countroom lobby x");
  hub.reset();
  EXPECT_TRUE(bob.is_open());
}

INSTANTIATE_TEST_SUITE_P(Cores, HubTest, testing::Values(1, 2, 3, 8),
                         [](const auto& cores) { return std::to_string(cores.param) + "_cores"; });

}  // namespace
}  // namespace brume

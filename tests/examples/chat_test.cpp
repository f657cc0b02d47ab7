// The chat's rules, one by one: who gets what, what is ignored, what is refused.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/examples/common/chat.h>
#include <brume/tests/examples/application_fixture.h>

namespace examples {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Json system(std::string content) {
  return {{"type", "system"}, {"sender", "server"}, {"content", std::move(content)}};
}
Json system(std::string content, std::string room) {
  Json json = system(std::move(content));
  json["room"] = std::move(room);
  return json;
}

class ChatRules : public testing::Test {
 protected:
  void start(const ChatOptions& options = {}, std::size_t cores = 1, std::uint64_t seed = 1) {
    world = std::make_unique<World>(seed, cores);
    chat = std::make_unique<Chat>(world->server, options, world->sources());
    world->start();
  }
  void TearDown() override {
    if (world) world->stop();
  }

  brume::SimulatedClient connect() { return world->connect("/ws/chat"); }
  void send(brume::SimulatedClient& client, const Json& message) { world->send(client, message); }
  Json status(std::string_view query = {}) {
    const auto [code, body] = world->request("GET", "/ws/status" + std::string(query));
    EXPECT_EQ(code, 200) << body;
    return Json::parse(body);
  }

  std::unique_ptr<World> world;
  std::unique_ptr<Chat> chat;
};

TEST_F(ChatRules, TheNewOneAloneIsWelcomedAndThenAllHearOfIt) {
  start();
  auto ann = connect();
  const Json welcome{{"type", "welcome"}, {"sender", "server"}, {"content", "id-1"}};
  EXPECT_THAT(heard(ann), ElementsAre(welcome, system("New user joined")));
  auto bob = connect();
  EXPECT_THAT(heard(ann), ElementsAre(system("New user joined")));
  EXPECT_EQ(heard(bob).size(), 2u);
}

TEST_F(ChatRules, MembersOfAMessageComeInTheOrderOfTheSpecificationWithUnixSeconds) {
  start();
  auto ann = connect();
  heard(ann);
  send(ann, {{"type", "join"}, {"room", "tea"}});
  send(ann, {{"type", "room"}, {"room", "tea"}, {"content", "x"}});
  const auto seconds = std::to_string(unix_seconds(world->simulator.wall_clock()));
  EXPECT_EQ(ann.last_text(),
            R"({"type":"room","sender":"id-1","room":"tea","content":"x","timestamp":)" + seconds + "}");
  send(ann, {{"type", "chat"}, {"content", "x"}});
  EXPECT_EQ(ann.last_text(), R"({"type":"chat","sender":"id-1","content":"x","timestamp":)" + seconds + "}");
}

TEST_F(ChatRules, ChatGoesToEverybodyAndTheServerSetsTheSender) {
  start({}, 3);
  auto ann = connect(), bob = connect(), carl = connect();
  for (auto* client : {&ann, &bob, &carl}) heard(*client);
  send(bob, {{"type", "chat"}, {"sender", "id-1"}, {"timestamp", "never"}, {"content", "hi"}});
  const Json said{{"type", "chat"}, {"sender", "id-2"}, {"content", "hi"}};
  for (auto* client : {&ann, &bob, &carl}) EXPECT_THAT(heard(*client), ElementsAre(said));
}

TEST_F(ChatRules, BinaryInvalidAndMistypedMessagesAreIgnored) {
  start();
  auto ann = connect();
  heard(ann);
  ann.send_binary(R"({"type":"chat","content":"x"})");
  for (const char* text : {"", "x", "{", "null", "[]", "1e999", R"({"type":"chat","content":1})", R"({"type":{}})",
                           R"({"type":"join","room":[]})", R"({"type":"room","room":true,"content":"x"})",
                           R"({"type":"chat","content":"\ud800"})", R"({"type":"other","content":"x"})", "{}"})
    ann.send_text(text);
  ann.send_text(std::string(100'000, '['));
  world->simulator.run_until_idle();
  EXPECT_THAT(heard(ann), IsEmpty());
  EXPECT_TRUE(ann.is_open());
  send(ann, {{"type", "chat"}, {"content", nullptr}});
  EXPECT_EQ(heard(ann).at(0)["content"], "");
}

TEST_F(ChatRules, ARoomsMembersAloneReadItAndLearnWhoComesAndGoes) {
  start({}, 2);
  auto ann = connect(), bob = connect(), carl = connect();
  for (auto* client : {&ann, &bob, &carl}) heard(*client);
  send(ann, {{"type", "join"}, {"room", "tea"}});
  EXPECT_THAT(heard(ann), ElementsAre(system("User id-1 joined \"tea\"", "tea")));
  send(bob, {{"type", "join"}, {"room", "tea"}});
  for (auto* client : {&ann, &bob}) EXPECT_THAT(heard(*client), ElementsAre(system("User id-2 joined \"tea\"", "tea")));
  send(bob, {{"type", "room"}, {"room", "tea"}, {"content", "milk?"}});
  const Json said{{"type", "room"}, {"sender", "id-2"}, {"room", "tea"}, {"content", "milk?"}};
  for (auto* client : {&ann, &bob}) EXPECT_THAT(heard(*client), ElementsAre(said));
  send(bob, {{"type", "leave"}, {"room", "tea"}});
  EXPECT_THAT(heard(ann), ElementsAre(system("User id-2 left \"tea\"", "tea")));
  EXPECT_THAT(heard(bob), IsEmpty());
  EXPECT_THAT(heard(carl), IsEmpty());
}

TEST_F(ChatRules, WhoIsNoMemberIsToldSoAndNobodyElse) {
  start();
  auto ann = connect(), bob = connect();
  send(ann, {{"type", "join"}, {"room", "tea"}});
  for (auto* client : {&ann, &bob}) heard(*client);
  const Json refusal = system("You are not in room \"tea\".", "tea");
  send(bob, {{"type", "room"}, {"room", "tea"}, {"content", "x"}});
  EXPECT_THAT(heard(bob), ElementsAre(refusal));
  send(bob, {{"type", "leave"}, {"room", "tea"}});
  EXPECT_THAT(heard(bob), ElementsAre(refusal));
  send(ann, {{"type", "leave"}, {"room", "tea"}});
  send(ann, {{"type", "room"}, {"room", "tea"}, {"content", "x"}});
  EXPECT_THAT(heard(ann), ElementsAre(refusal));
}

TEST_F(ChatRules, JoiningTwiceTellsTheRoomOnce) {
  start();
  auto ann = connect(), bob = connect();
  for (auto* client : {&ann, &bob}) send(*client, {{"type", "join"}, {"room", "tea"}});
  for (auto* client : {&ann, &bob}) heard(*client);
  send(ann, {{"type", "join"}, {"room", "tea"}});
  EXPECT_THAT(heard(ann), ElementsAre(system("You are in room \"tea\" already.", "tea")));
  EXPECT_THAT(heard(bob), IsEmpty());
}

TEST_F(ChatRules, TheEndOfAConnectionIsToldToAllHoweverItEnds) {
  start({}, 2);
  auto ann = connect();
  const std::vector<void (*)(brume::SimulatedClient&)> ends{[](auto& c) { c.close(); }, [](auto& c) { c.shutdown(); },
                                                            [](auto& c) { c.abort(); },
                                                            [](auto& c) { c.send_bytes("\xff\xff\xff\xff"); }};
  int id = 1;
  for (const auto end : ends) {
    auto other = connect();
    heard(ann);
    end(other);
    world->simulator.run_for(10s);
    EXPECT_THAT(heard(ann), ElementsAre(system("User id-" + std::to_string(++id) + " left")));
  }
  auto silent = connect();
  heard(ann);
  silent.vanish();
  world->simulator.run_for(120s);  // read_timeout
  EXPECT_THAT(heard(ann), ElementsAre(system("User id-" + std::to_string(++id) + " left")));
  EXPECT_EQ(status()["connections"], 1);
}

TEST_F(ChatRules, TheUserValuesAreSetAndTheStatusKnowsRoomsAndMembers) {
  start({}, 2);
  auto ann = connect(), bob = connect();
  EXPECT_EQ(status(), Json::parse(R"({"connections":2,"rooms":[]})"));
  for (auto* client : {&bob, &ann}) send(*client, {{"type", "join"}, {"room", "a b&c"}});
  send(bob, {{"type", "join"}, {"room", "1"}});
  EXPECT_EQ(status("?room=a%20b%26c"), Json::parse(R"({"connections":2,"rooms":["1","a b&c"],"room":"a b&c",
                                                        "room_connections":2,"connections_list":["id-1","id-2"]})"));
  EXPECT_EQ(status("?room=none"), Json::parse(R"({"connections":2,"rooms":["1","a b&c"],"room":"none",
                                                   "room_connections":0,"connections_list":[]})"));
  bob.close();
  world->simulator.run_for(10s);
  EXPECT_EQ(status(), Json::parse(R"({"connections":1,"rooms":["a b&c"]})"));
}

TEST_F(ChatRules, TheWelcomeIsFirstWhateverIsSaidMeanwhileOnManyCores) {
  for (std::uint64_t seed = 1; seed <= 60; seed++) {
    start({}, 1 + seed % 3, seed);
    std::vector<brume::SimulatedClient> clients;
    for (int i = 0; i < 8; i++) {
      clients.push_back(world->simulator.connect(world->server, "/ws/chat"));
      clients.back().send_text(R"({"type":"chat","content":"x"})");
    }
    world->simulator.run_until_idle();
    for (auto& client : clients) {
      const auto messages = heard(client);
      ASSERT_GE(messages.size(), 3u) << "seed " << seed;
      EXPECT_EQ(messages[0]["type"], "welcome") << "seed " << seed;
    }
    world->stop();
  }
}

// ---- limits

// What the notices said; where they stand among broadcasts is not fixed.
std::vector<std::string> notices(brume::SimulatedClient& client) {
  std::vector<std::string> contents;
  for (const Json& message : heard(client))
    if (message["type"] == "system") contents.push_back(message["content"]);
  return contents;
}

TEST_F(ChatRules, TheFirstBreachOfTheMessageRateWarnsAndTheNextSoonAfterCloses) {
  ChatOptions options;
  options.rates = {3, 0};
  start(options);
  auto ann = connect(), bob = connect();
  for (auto* client : {&ann, &bob}) heard(*client);
  for (int i = 0; i < 4; i++) bob.send_text(R"({"type":"chat","content":"x"})");
  world->simulator.run_until_idle();
  EXPECT_EQ(heard(ann).size(), 3u);
  EXPECT_EQ(bob.messages().size(), 4u);
  EXPECT_THAT(notices(bob), ElementsAre(testing::StartsWith("Too fast: at most 3 messages a second.")));
  EXPECT_TRUE(bob.is_open());
  for (int i = 0; i < 4; i++) bob.send_text("not even JSON");
  world->simulator.run_for(5s);
  EXPECT_EQ(bob.close_code(), 1008);
  EXPECT_THAT(heard(ann), ElementsAre(system("User id-2 left")));
}

TEST_F(ChatRules, ABreachIsForgivenTenSecondsLater) {
  ChatOptions options;
  options.rates = {1, 0};
  start(options);
  auto ann = connect();
  for (int i = 0; i < 3; i++) {
    heard(ann);
    for (int k = 0; k < 2; k++) ann.send_text("x");
    world->simulator.run_for(10s + 100ms);
    EXPECT_EQ(heard(ann).size(), 1u);
    EXPECT_TRUE(ann.is_open());
  }
  for (int k = 0; k < 2; k++) ann.send_text("x");
  world->simulator.run_for(9s);
  for (int k = 0; k < 2; k++) ann.send_text("x");
  world->simulator.run_for(1s);
  EXPECT_EQ(ann.close_code(), 1008);
}

TEST_F(ChatRules, BytesAreCountedTooAndBinaryOnesAsWell) {
  ChatOptions options;
  options.rates = {0, 1000};
  start(options);
  auto ann = connect();
  heard(ann);
  ann.send_binary(std::string(600, 'x'));
  ann.send_binary(std::string(600, 'x'));
  world->simulator.run_until_idle();
  EXPECT_THAT(notices(ann), ElementsAre(testing::StartsWith("Too fast: at most 1000 bytes a second.")));
}

TEST_F(ChatRules, EachRefusalNamesItsLimit) {
  ChatOptions options;
  options.hub.max_rooms_per_connection = 2;
  options.hub.max_members_per_room = 1;
  options.hub.max_name_size = 8;
  start(options, 2);
  auto ann = connect(), bob = connect();
  for (const char* room : {"one", "two"}) send(ann, {{"type", "join"}, {"room", room}});
  for (auto* client : {&ann, &bob}) heard(*client);
  const auto answer = [&](brume::SimulatedClient& client, std::string room) {
    send(client, {{"type", "join"}, {"room", room}});
    return heard(client);
  };
  EXPECT_THAT(answer(ann, "three"), ElementsAre(system("Not joined: a connection is in at most 2 rooms.", "three")));
  EXPECT_THAT(answer(bob, "one"), ElementsAre(system("Not joined: room \"one\" is full, at most 1 members.", "one")));
  EXPECT_THAT(answer(bob, "123456789"), ElementsAre(system("A room's name has at most 8 bytes.")));
  EXPECT_THAT(answer(bob, ""), ElementsAre(system("A room needs a name.")));
  send(ann, {{"type", "leave"}, {"room", "one"}});
  EXPECT_THAT(answer(bob, "one"), ElementsAre(system("User id-2 joined \"one\"", "one")));
}

TEST_F(ChatRules, AMessageThatGrewTooLargeIsRefusedToItsSender) {
  ChatOptions options;
  options.rates = {};
  start(options);
  auto ann = connect(), bob = connect();
  for (auto* client : {&ann, &bob}) heard(*client);
  const std::string frame = R"({"type":"chat","content":""})";
  ann.send_text(R"({"type":"chat","content":")" + std::string(512 * 1024 - frame.size(), 'x') + "\"}");
  world->simulator.run_for(1s);
  EXPECT_THAT(heard(ann), ElementsAre(system("Not sent: message too large.")));
  EXPECT_THAT(heard(bob), IsEmpty());
}

}  // namespace
}  // namespace examples

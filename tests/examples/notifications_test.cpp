// The notifications' rules: who gets one, what is counted, what is refused.
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/examples/common/notifications.h>
#include <brume/tests/examples/application_fixture.h>

namespace examples {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class NotificationRules : public testing::Test {
 protected:
  void SetUp() override { world.start(); }
  void TearDown() override { world.stop(); }

  brume::SimulatedClient connect(std::string user) {
    auto client = world.connect("/ws/notifications/" + user);
    EXPECT_EQ(heard(client).size(), 1u);
    return client;
  }
  std::string notify(const Json& notification) {
    const auto [status, body] = world.request("POST", "/api/notify", notification.dump());
    EXPECT_EQ(status, 200);
    return body;
  }

  World world{1, 3};
  Notifications notifications{world.server, world.sources()};
};

TEST_F(NotificationRules, TheWelcomeHasItsTimeByRfc3339) {
  auto ann = world.connect("/ws/notifications/ann");
  EXPECT_EQ(ann.last_text(), R"({"type":"welcome","message":"Connected, notifications for ann come here","time":")" +
                                 rfc3339(world.simulator.wall_clock()) + "\"}");
}

TEST_F(NotificationRules, Fault8_ANoticeThatIsPostedGoesToItsUserAloneOrToAllAndIsCounted) {
  auto ann = connect("ann"), bob = connect("bob"), carl = connect("carl");
  EXPECT_EQ(notify({{"user_id", "bob"}, {"type", "info"}, {"message", "x"}}), R"({"success":true,"sent_to":1})");
  EXPECT_THAT(heard(bob), ElementsAre(Json{{"type", "info"}, {"message", "x"}}));
  for (const Json& to_all :
       {Json{{"type", "info"}, {"message", "y"}}, Json{{"user_id", ""}, {"type", "info"}, {"message", "y"}},
        Json{{"user_id", nullptr}, {"type", "info"}, {"message", "y"}}}) {
    EXPECT_EQ(notify(to_all), R"({"success":true,"sent_to":3})");
    for (auto* client : {&ann, &bob, &carl})
      EXPECT_THAT(heard(*client), ElementsAre(Json{{"type", "info"}, {"message", "y"}}));
  }
  EXPECT_EQ(notify({{"user_id", "dora"}, {"message", "x"}}), R"({"success":true,"sent_to":0})");
  for (auto* client : {&ann, &bob, &carl}) EXPECT_THAT(heard(*client), IsEmpty());
}

TEST_F(NotificationRules, ANewerConnectionOfAUserReplacesTheOlderOneWhichStaysAway) {
  auto older = connect("ann");
  auto newer = connect("ann");
  world.simulator.run_for(10s);
  EXPECT_EQ(older.close_code(), 4000);
  EXPECT_EQ(older.close_reason(), "replaced");
  EXPECT_TRUE(newer.is_open());
  EXPECT_EQ(notify({{"user_id", "ann"}, {"message", "x"}}), R"({"success":true,"sent_to":1})");
  EXPECT_EQ(heard(newer).size(), 1u);
}

TEST_F(NotificationRules, ASilentClientIsPingedAfterTwentySeconds) {
  auto ann = connect("ann");
  world.simulator.run_for(19s);
  EXPECT_THAT(ann.pings(), IsEmpty());
  world.simulator.run_for(2s);
  EXPECT_EQ(ann.pings().size(), 1u);
}

TEST_F(NotificationRules, BadJsonIsRefusedWithItsPlace) {
  const auto refusal = [&](std::string_view body) {
    const auto [status, text] = world.request("POST", "/api/notify", body);
    EXPECT_EQ(status, 400) << body;
    const Json json = Json::parse(text);
    EXPECT_EQ(json["success"], false);
    return std::string(json["error"]);
  };
  EXPECT_THAT(refusal("{\n  \"message\": \"x\",\n  \"type\" \"info\"\n}"), HasSubstr("line 3, column 10"));
  EXPECT_THAT(refusal(R"({"message":"x"} y)"), HasSubstr("line 1, column 17"));
  EXPECT_THAT(refusal(R"({"message":"x","user_id":7})"), HasSubstr("\"user_id\" is no string"));
  EXPECT_THAT(refusal("\"text\""), HasSubstr("no object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("\"message\" is missing"));
  EXPECT_THAT(refusal("{\"message\":\"\xff\"}"), HasSubstr("line 1, column 13"));
}

TEST_F(NotificationRules, AConnectionWithoutAUsersIdIsRefused) {
  for (const char* path : {"/ws/notifications", "/ws/notifications/"}) {
    auto client = world.connect(path);
    EXPECT_EQ(client.status(), 400) << path;
  }
}

}  // namespace
}  // namespace examples

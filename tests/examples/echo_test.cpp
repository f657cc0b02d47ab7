// What the echo program's routes do with what they are sent.
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include <brume/examples/common/echo.h>
#include <brume/tests/examples/application_fixture.h>

namespace examples {
namespace {

class ClosingAsTold : public testing::Test {
 protected:
  void SetUp() override {
    world.server.get("/ws/close", closing());
    world.start();
    client.emplace(world.connect("/ws/close"));
  }
  void TearDown() override { world.stop(); }

  void say(std::string_view text) {
    client->send_text(text);
    world.simulator.run_until_idle();
  }

  World world;
  std::optional<brume::SimulatedClient> client;
};

TEST_F(ClosingAsTold, ClosesWithTheCodeAndTheReasonOfTheMessage) {
  say("4001 bis später 👋");
  EXPECT_EQ(client->close_code(), 4001);
  EXPECT_EQ(client->close_reason(), "bis später 👋");
}

TEST_F(ClosingAsTold, ClosesWithoutAReasonWhereTheMessageHasNone) {
  say("1000");
  EXPECT_EQ(client->close_code(), 1000);
  EXPECT_EQ(client->close_reason(), "");
}

TEST_F(ClosingAsTold, StaysOpenAndSaysWhyWhereItCannotCloseSo) {
  for (const std::string_view text : {"1006 never in a frame", "65536", "soon"}) {
    say(text);
    ASSERT_TRUE(client->is_open()) << text;
    EXPECT_NE(client->last_text(), "") << text;
    client->take_messages();
  }
  client->send_binary("4001");
  world.simulator.run_until_idle();
  EXPECT_TRUE(client->is_open());
  EXPECT_EQ(client->last_text(), "expected: a text message");
}

}  // namespace
}  // namespace examples

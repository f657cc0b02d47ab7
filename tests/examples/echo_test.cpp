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

class WhoAmI : public testing::Test {
 protected:
  void start(const brume::Config& config) {
    server.emplace(simulator, config);
    server->get("/ws/whoami", whoami());
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  Json told(brume::ClientOptions options) {
    options.from = brume::io::Address::parse("10.0.0.9:4711");
    options.host = "brume.test";
    auto client = simulator.connect(*server, "/ws/whoami", options);
    simulator.run_until_idle();
    return Json::parse(client.last_text(), nullptr, false);
  }

  brume::Simulator simulator{world_options(1, 1)};
  std::optional<brume::Server> server;
};

TEST_F(WhoAmI, TellsTheConnectionsAddressWhereNoProxyIsTrusted) {
  start({});
  brume::ClientOptions options;
  options.headers = {{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "https"}};
  EXPECT_EQ(told(options),
            Json({{"client", "10.0.0.9"}, {"remote", "10.0.0.9:4711"}, {"scheme", ""}, {"host", "brume.test"}}));
}

TEST_F(WhoAmI, TellsWhatATrustedProxySays) {
  brume::Config config;
  config.trusted_proxies = {"10.0.0.0/8"};
  start(config);
  brume::ClientOptions options;
  options.headers = {{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "https"}};
  const Json seen = told(options);
  EXPECT_EQ(seen["client"], "192.0.2.7");
  EXPECT_EQ(seen["remote"], "10.0.0.9:4711");
  EXPECT_EQ(seen["scheme"], "https");
}

}  // namespace
}  // namespace examples

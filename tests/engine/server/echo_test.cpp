// The echo server of README, in a simulation: both handler styles, and what a client sees.
#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

Task<> echo(Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;
}

Callbacks echo_callbacks() {
  return {.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }};
}

class EchoTest : public testing::TestWithParam<bool> {
 protected:
  EchoTest() {
    server.get("/ws/echo", GetParam() ? websocket(echo_callbacks()) : websocket(echo));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }

  Simulator world{{.seed = 7}};
  Server server{world};
};

TEST_P(EchoTest, EachMessageComesBackWithItsType) {
  auto client = world.connect(server, "/ws/echo");
  client.send_text("hello");
  client.send_binary(std::string("\0\xff", 2));
  client.send_text("");
  world.run_until_idle();
  ASSERT_TRUE(client.upgraded());
  ASSERT_EQ(client.messages().size(), 3u);
  EXPECT_EQ(client.messages()[0].data, "hello");
  EXPECT_EQ(client.messages()[0].type, MessageType::text);
  EXPECT_EQ(client.messages()[1].data, std::string("\0\xff", 2));
  EXPECT_EQ(client.messages()[1].type, MessageType::binary);
  EXPECT_EQ(client.messages()[2].data, "");
}

TEST_P(EchoTest, TheClosingHandshakeEchoesTheCodeAndFreesTheConnection) {
  auto client = world.connect(server, "/ws/echo");
  world.run_until_idle();
  EXPECT_EQ(server.stats().connections, 1u);
  client.close(3000, "bye");
  world.run_for(std::chrono::seconds(10));
  EXPECT_EQ(client.close_code(), 3000);
  EXPECT_TRUE(client.is_over());
  EXPECT_FALSE(client.received_rst());
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_P(EchoTest, StopClosesEveryConnectionWith1001) {
  std::vector<SimulatedClient> clients;
  for (int i = 0; i < 50; i++) clients.push_back(world.connect(server, "/ws/echo"));
  world.run_until_idle();
  server.stop();
  server.wait();
  world.run_until_idle();
  for (const SimulatedClient& client : clients) {
    EXPECT_EQ(client.close_code(), 1001);
    EXPECT_TRUE(client.is_over());
  }
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_P(EchoTest, ABurstOf100000MessagesComesBackInOrderWithinTheDefaultOutbox) {
  auto client = world.connect(server, "/ws/echo");
  constexpr int kCount = 100'000;
  for (int i = 0; i < kCount; i++) client.send_text(std::to_string(i));
  world.run_until_idle();
  ASSERT_EQ(client.messages().size(), static_cast<std::size_t>(kCount));
  for (int i = 0; i < kCount; i++) ASSERT_EQ(client.messages()[static_cast<std::size_t>(i)].data, std::to_string(i));
  EXPECT_TRUE(client.is_open());
}

TEST_P(EchoTest, APeerThatIsGoneWithoutAWordIsCutAfterTheReadTimeout) {
  auto client = world.connect(server, "/ws/echo");
  world.run_until_idle();
  client.vanish();
  world.run_for(std::chrono::seconds(59));
  EXPECT_EQ(server.stats().connections, 1u);
  world.run_for(std::chrono::seconds(12));
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
}

INSTANTIATE_TEST_SUITE_P(Styles, EchoTest, testing::Bool(),
                         [](const auto& style) { return style.param ? "callbacks" : "coroutine"; });

}  // namespace
}  // namespace brume

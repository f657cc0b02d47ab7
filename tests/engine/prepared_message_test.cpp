// A message that is prepared once, and what a direct send does by a policy.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using testing::ElementsAre;

TEST(PreparedMessage, IsTheFrameThatASendWouldWrite) {
  const auto text = PreparedMessage::text("fog");
  ASSERT_TRUE(text);
  EXPECT_EQ(text->type(), MessageType::text);
  EXPECT_EQ(as_text(text->data()), "fog");
  EXPECT_EQ(as_text(text->frame()),
            "\x81\x03"
            "fog");
  const std::string large(70'000, 'x');
  const auto binary = PreparedMessage::binary(as_bytes(large));
  ASSERT_TRUE(binary);
  EXPECT_EQ(binary->frame().size(), large.size() + 10);
  EXPECT_EQ(as_text(binary->data()), large);
  EXPECT_EQ(as_text(PreparedMessage::text("")->frame()), std::string_view("\x81\0", 2));
}

TEST(PreparedMessage, IsNotMadeOfWhatMayNotBeSent) {
  EXPECT_EQ(PreparedMessage::text("\xff").error(), Error::invalid_utf8);
  EXPECT_TRUE(PreparedMessage::binary(as_bytes("\xff")));
  EXPECT_EQ(PreparedMessage::make(MessageType::ping, as_bytes("x")).error(), Error::invalid_message_type);
}

// One connection whose server side does what the test says.
class Sending : public testing::Test {
 protected:
  void start(std::function<void(Connection&)> act, std::uint32_t messages = 256) {
    RouteConfig route;
    route.message_buffer_size = messages;
    route.max_message_size = 1000;
    world.emplace(SimulatorOptions{.seed = 11, .window_size = 64});
    server.emplace(*world);
    server->get("/", websocket(route, {.message = [act](Connection& c, const Message&) { act(c); },
                                       .dropped = [this](Connection&, std::uint64_t count) { dropped += count; }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
    client.emplace(world->connect(*server, "/"));
    world->run_until_idle();
  }
  void go() {
    client->send_text("go");
    world->run_until_idle();
  }
  std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const ReceivedMessage& message : client->messages()) all.push_back(message.data);
    return all;
  }

  std::optional<Simulator> world;
  std::optional<Server> server;
  std::optional<SimulatedClient> client;
  std::uint64_t dropped = 0;
};

TEST_F(Sending, APreparedMessageGoesByConnectionAndByHandle) {
  const auto prepared = *PreparedMessage::text("tick");
  start([&](Connection& c) {
    EXPECT_TRUE(c.send(prepared));
    EXPECT_TRUE(c.send(prepared, {.policy = SlowConsumerPolicy::drop_oldest}));
    EXPECT_TRUE(c.handle().send(prepared));
    EXPECT_EQ(c.send(*PreparedMessage::text(std::string(1001, 'x'))).error(), Error::message_too_large);
  });
  go();
  EXPECT_THAT(texts(), ElementsAre("tick", "tick", "tick"));
}

TEST_F(Sending, WithoutAPolicyAFullOutboxIsToldAndNothingIsDropped) {
  std::vector<bool> taken;
  start(
      [&](Connection& c) {
        for (int i = 0; i < 4; i++) taken.push_back(c.send(*PreparedMessage::text(std::to_string(i))).has_value());
      },
      2);
  go();
  EXPECT_THAT(taken, ElementsAre(true, true, false, false));
  EXPECT_THAT(texts(), ElementsAre("0", "1"));
  EXPECT_EQ(dropped, 0u);
}

TEST_F(Sending, DropOldestKeepsTheNewest) {
  start(
      [&](Connection& c) {
        for (int i = 0; i < 10; i++)
          EXPECT_TRUE(c.send(MessageType::text, as_bytes(std::to_string(i)), {SlowConsumerPolicy::drop_oldest}));
      },
      3);
  go();
  EXPECT_THAT(texts(), ElementsAre("7", "8", "9"));
  EXPECT_EQ(dropped, 7u);
}

TEST_F(Sending, LatestOnlyReplacesItsKeyOnceTheOutboxIsFull) {
  start(
      [&](Connection& c) {
        const auto send = [&](std::string_view text, std::string_view key) {
          return c.send(MessageType::text, as_bytes(text), {SlowConsumerPolicy::latest_only, key}).has_value();
        };
        EXPECT_TRUE(send("a1", "a"));
        EXPECT_TRUE(send("b1", "b"));
        EXPECT_TRUE(send("a2", "a")) << "a socket that takes it all is given it all";
        // Full now, and nothing of key c to replace.
        EXPECT_FALSE(send("c1", "c"));
      },
      3);
  go();
  EXPECT_THAT(texts(), ElementsAre("a1", "b1", "a2"));
  EXPECT_EQ(dropped, 1u);
}

TEST_F(Sending, LatestOnlyReplacesWhatWaitsForASocketThatTakesNothing) {
  std::string text(100, '.');
  int turn = 0;
  start([&](Connection& c) {
    if (turn++ == 0) {
      // More than the window: from here on the socket is not writable.
      EXPECT_TRUE(c.send_text(std::string(900, 'x')));
      return;
    }
    for (int i = 0; i < 5; i++) {
      text[0] = static_cast<char>('0' + i);
      EXPECT_TRUE(c.send(MessageType::text, as_bytes(text), {SlowConsumerPolicy::latest_only, "price"}));
    }
  });
  client->pause_reading();
  go();
  go();
  client->resume_reading();
  world->run_until_idle();
  ASSERT_EQ(client->messages().size(), 2u);
  EXPECT_EQ(client->last_text(), text) << "only the newest of them";
  EXPECT_EQ(dropped, 4u);
}

TEST_F(Sending, DisconnectClosesWhoIsTooSlow) {
  std::optional<Error> error;
  start(
      [&](Connection& c) {
        for (int i = 0; i < 5 && !error; i++) {
          const auto sent = c.send(MessageType::text, as_bytes(std::to_string(i)), {SlowConsumerPolicy::disconnect});
          if (!sent) error = sent.error();
        }
      },
      3);
  go();
  EXPECT_EQ(error, Error::connection_closed);
  EXPECT_EQ(client->close_code(), 1013);
}

TEST_F(Sending, DropNewestSaysThatItWasNotTaken) {
  std::vector<bool> taken;
  start(
      [&](Connection& c) {
        for (int i = 0; i < 3; i++) {
          const SendOptions options{SlowConsumerPolicy::drop_newest};
          taken.push_back(c.send(MessageType::text, as_bytes("x"), options).has_value());
        }
        EXPECT_EQ(c.send(MessageType::text, as_bytes("\xff"), {SlowConsumerPolicy::drop_newest}).error(),
                  Error::invalid_utf8);
      },
      2);
  go();
  EXPECT_THAT(taken, ElementsAre(true, true, false));
  EXPECT_EQ(dropped, 1u);
}

}  // namespace
}  // namespace brume

// Broadcasts to receivers with permessage-deflate: compressed once a core for all who agreed on the same.
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

std::string json(int number, std::size_t size = 1000) {
  std::string text = "[";
  while (text.size() < size) text += R"({"id":)" + std::to_string(number++) + R"(,"name":"somebody","online":true},)";
  return text;
}

class CompressedBroadcasts : public testing::Test {
 protected:
  void start(std::size_t cores, Compression compression, HubConfig hub_config = {}) {
    SimulatorOptions options;
    options.cores = cores;
    world.emplace(options);
    Config config;
    compression.enabled = true;
    config.compression = compression;
    config.cores = cores;
    config.slow_turn = 0ms;
    config.message_buffer_size = 8;
    server.emplace(*world, config);
    hub.emplace(*server, hub_config);
    server->get("/", websocket([this](Connection& connection) { return serve(connection); }));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  Task<> serve(Connection& connection) {
    const std::string id = std::to_string(connection.id());
    auto me = co_await hub->register_connection(id, connection);
    if (!me || !co_await me->join("room")) co_return;
    while (auto message = co_await connection.receive()) {
      if (message->text() == "all") {
        (void)hub->broadcast_text(json(0));
      } else if (message->text() == "counted") {
        const std::string text = json(1);
        auto counted = co_await hub->broadcast_text_to_room("room", text, brume::counted);
        taken.push_back(counted ? *counted : 0);
      } else if (message->text() == "burst") {
        for (int i = 0; i < 5; i++) (void)hub->broadcast_text_to_room("room", i % 2 == 0 ? json(i) : "small");
      } else if (message->text() == "leave between") {
        const std::string after = json(2);
        (void)hub->broadcast_text_to_room("room", json(1));
        (void)me->leave("room");
        auto counted = co_await hub->broadcast_text_to_room("room", after, brume::counted);
        taken.push_back(counted ? *counted : 0);
      } else if (message->text() == "reply") {
        (void)connection.send_text(json(7));
      }
    }
  }
  SimulatedClient connect(std::optional<codec::DeflateOffer> offer) {
    ClientOptions options;
    options.compression = offer;
    auto client = world->connect(*server, "/", options);
    world->run_until_idle();
    return client;
  }
  std::vector<SimulatedClient> connect_many(std::size_t count, std::optional<codec::DeflateOffer> offer) {
    ClientOptions options;
    options.compression = offer;
    std::vector<SimulatedClient> clients;
    for (std::size_t i = 0; i < count; i++) clients.push_back(world->connect(*server, "/", options));
    world->run_until_idle();
    return clients;
  }
  void say(SimulatedClient& client, std::string_view text) {
    client.send_text(text);
    world->run_until_idle();
  }

  std::vector<std::size_t> taken;
  std::optional<Simulator> world;
  std::optional<Server> server;
  std::optional<Hub> hub;
};

TEST_F(CompressedBroadcasts, AMessageToAThousandIsCompressedOnceACore) {
  for (const std::size_t cores : {1u, 2u}) {
    start(cores, {});
    auto clients = connect_many(1000, codec::DeflateOffer{});
    for (int round = 1; round <= 3; round++) {
      say(clients[0], round % 2 == 0 ? "all" : "counted");
      EXPECT_EQ(server->stats().compressions, static_cast<std::uint64_t>(round) * cores);
      const std::string expected = json(round % 2 == 0 ? 0 : 1);
      for (SimulatedClient& client : clients) {
        ASSERT_EQ(client.messages().size(), 1u);
        const ReceivedMessage message = client.take_messages()[0];
        ASSERT_EQ(message.data, expected);
        ASSERT_TRUE(message.compressed);
      }
    }
    EXPECT_EQ(taken, (std::vector<std::size_t>{1000, 1000}));
    taken.clear();
    hub.reset();
    server.reset();
  }
}

TEST_F(CompressedBroadcasts, EachReceiverGetsWhatItAgreedOn) {
  start(1, {});
  auto plain = connect_many(10, std::nullopt);
  auto wide = connect_many(10, codec::DeflateOffer{});
  auto narrow = connect_many(10, codec::DeflateOffer{.settings = {.server_max_window_bits = 9}});
  say(plain[0], "counted");
  EXPECT_EQ(server->stats().compressions, 2u);
  EXPECT_EQ(taken, std::vector<std::size_t>{30});
  for (auto* group : {&plain, &wide, &narrow}) {
    for (SimulatedClient& client : *group) {
      ASSERT_EQ(client.messages().size(), 1u);
      EXPECT_EQ(client.messages()[0].data, json(1));
      EXPECT_EQ(client.messages()[0].compressed, group != &plain);
    }
  }
}

TEST_F(CompressedBroadcasts, ABurstKeepsItsOrderAndSmallMessagesGoAsTheyAre) {
  start(1, {});
  auto clients = connect_many(20, codec::DeflateOffer{});
  say(clients[0], "burst");
  EXPECT_EQ(server->stats().compressions, 3u);
  for (SimulatedClient& client : clients) {
    ASSERT_EQ(client.messages().size(), 5u);
    for (int i = 0; i < 5; i++) {
      const ReceivedMessage& message = client.messages()[static_cast<std::size_t>(i)];
      EXPECT_EQ(message.data, i % 2 == 0 ? json(i) : "small");
      EXPECT_EQ(message.compressed, i % 2 == 0);
    }
  }
}

TEST_F(CompressedBroadcasts, WhoLeavesWithinATurnHasWhatWasSaidBefore) {
  start(1, {});
  auto clients = connect_many(10, codec::DeflateOffer{});
  say(clients[0], "leave between");
  EXPECT_EQ(server->stats().compressions, 2u);
  EXPECT_EQ(taken, std::vector<std::size_t>{9});
  ASSERT_EQ(clients[0].messages().size(), 1u);
  EXPECT_EQ(clients[0].messages()[0].data, json(1));
  for (std::size_t i = 1; i < clients.size(); i++) {
    ASSERT_EQ(clients[i].messages().size(), 2u);
    EXPECT_EQ(clients[i].messages()[0].data, json(1));
    EXPECT_EQ(clients[i].messages()[1].data, json(2));
  }
}

TEST_F(CompressedBroadcasts, WithContextTakeoverEachReceiverHasAStreamOfItsOwn) {
  start(1, {.server_context_takeover = true, .client_context_takeover = true});
  auto keeping = connect_many(5, codec::DeflateOffer{});
  auto forgetting = connect_many(5, codec::DeflateOffer{.settings = {.server_no_context_takeover = true}});
  for (int round = 0; round < 4; round++) {
    say(keeping[0], "burst");
    say(keeping[1], "reply");
    say(forgetting[1], "reply");
    EXPECT_EQ(keeping[1].last_text(), json(7));
    EXPECT_EQ(forgetting[1].last_text(), json(7));
  }
  // A burst has three messages worth it: once each for five that keep, and once for all that do not.
  EXPECT_EQ(server->stats().compressions, 4u * (3 * 5 + 3 + 2));
  for (auto* group : {&keeping, &forgetting}) {
    for (SimulatedClient& client : *group) {
      EXPECT_TRUE(client.is_open());
      EXPECT_GE(client.messages().size(), 20u);
    }
  }
}

// Whatever is dropped or replaced on the way, what arrives can be read: the context has no gap.
TEST_F(CompressedBroadcasts, WhatAPolicyDropsLeavesNoGapInAContext) {
  for (const auto policy :
       {SlowConsumerPolicy::drop_newest, SlowConsumerPolicy::drop_oldest, SlowConsumerPolicy::latest_only}) {
    SCOPED_TRACE(to_string(policy));
    HubConfig hub_config;
    hub_config.policy = policy;
    start(1, {.server_context_takeover = true, .client_context_takeover = true}, hub_config);
    auto slow = connect(codec::DeflateOffer{});
    auto other = connect(codec::DeflateOffer{.settings = {.server_no_context_takeover = true}});
    auto speaker = connect(std::nullopt);
    for (int round = 0; round < 3; round++) {
      slow.pause_reading();
      other.pause_reading();
      for (int i = 0; i < 300; i++) say(speaker, "burst");
      EXPECT_GT(server->stats().messages_sent, 0u);
      slow.resume_reading();
      other.resume_reading();
      world->run_until_idle();
      say(slow, "reply");
      say(other, "reply");
      EXPECT_EQ(slow.last_text(), json(7));
      EXPECT_EQ(other.last_text(), json(7));
    }
    EXPECT_EQ(slow.violation(), std::nullopt);
    EXPECT_EQ(other.violation(), std::nullopt);
    EXPECT_TRUE(slow.is_open());
    EXPECT_TRUE(other.is_open());
    hub.reset();
    server.reset();
  }
}

}  // namespace
}  // namespace brume

// permessage-deflate through a whole server: what is agreed on, what travels, what it costs.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/tests/engine/server/deflate_fixture.h>

namespace brume::test {
namespace {

TEST_F(Deflates, MessagesTravelCompressedBothWays) {
  start();
  auto client = connect();
  EXPECT_EQ(client.response_field("Sec-WebSocket-Extensions"),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  for (const std::size_t size : {1'000u, 20'000u, 300'000u}) {
    const auto before = server->stats();
    client.send_text(json(size));
    world->run_until_idle();
    ASSERT_EQ(client.messages().size(), 1u);
    const ReceivedMessage echoed = client.take_messages()[0];
    EXPECT_TRUE(echoed.data == json(size));
    EXPECT_TRUE(echoed.compressed);
    EXPECT_LT(server->stats().bytes_sent - before.bytes_sent, size / 2);
    EXPECT_LT(server->stats().bytes_received - before.bytes_received, size / 2);
  }
  EXPECT_EQ(server->stats().compressions, 3u);
}

TEST_F(Deflates, WithoutAnOfferNothingIsCompressed) {
  start();
  auto plain = world->connect(*server, "/");
  world->run_until_idle();
  EXPECT_EQ(plain.response_field("Sec-WebSocket-Extensions"), "");
  plain.send_text(json(1000));
  world->run_until_idle();
  EXPECT_EQ(plain.last_text(), json(1000));
  EXPECT_FALSE(plain.messages()[0].compressed);
  EXPECT_EQ(server->stats().compressions, 0u);
}

TEST_F(Deflates, WhereItIsOffAnOfferIsDeclined) {
  start_with({});
  EXPECT_EQ(connect().compression(), std::nullopt);
}

TEST_F(Deflates, TheConnectionSaysWhatWasAgreedOnAlsoWhereAHookTunedIt) {
  for (const std::string want : {"", "none", "small"}) {
    Config config;
    config.compression = {.enabled = true, .server_context_takeover = true};
    config.choose_compression = [](const Request& request, auto, Compression& use) {
      if (request.query("want") == "none") use.enabled = false;
      if (request.query("want") == "small") use = {.enabled = true, .server_max_window_bits = 9};
    };
    server.reset();
    world.emplace();
    server.emplace(*world, config);
    std::vector<std::optional<codec::DeflateSettings>> agreed;
    server->get("/", websocket({.open = [&](Connection& c) { agreed.push_back(c.compression()); },
                                .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
    ClientOptions options;
    options.compression.emplace();
    auto client = world->connect(*server, "/?want=" + want, options);
    client.send_text(json(1000));
    world->run_until_idle();
    ASSERT_EQ(agreed.size(), 1u);
    EXPECT_EQ(agreed[0], client.compression());
    EXPECT_EQ(client.compression().has_value(), want != "none");
    if (want == "small") {
      EXPECT_EQ(agreed[0]->server_max_window_bits, 9);
    } else if (want.empty()) {
      EXPECT_FALSE(agreed[0]->server_no_context_takeover);
    }
    EXPECT_EQ(client.last_text(), json(1000));
    (void)world->connect(*server, "/");
    world->run_until_idle();
    ASSERT_EQ(agreed.size(), 2u);
    EXPECT_EQ(agreed[1], std::nullopt);
  }
}

TEST_F(Deflates, BelowTheThresholdAndWhereItDoesNotGetSmallerAMessageGoesAsItIs) {
  start({.threshold = 100});
  auto client = connect();
  std::mt19937_64 random(1);
  std::string noise;
  while (noise.size() < 5000) noise += static_cast<char>(random());
  client.send_text(json(99));
  client.send_text(json(100));
  client.send_binary(noise);
  client.send_text("");
  world->run_until_idle();
  ASSERT_EQ(client.messages().size(), 4u);
  EXPECT_FALSE(client.messages()[0].compressed);
  EXPECT_TRUE(client.messages()[1].compressed);
  EXPECT_FALSE(client.messages()[2].compressed);
  EXPECT_TRUE(client.messages()[2].data == noise);
  EXPECT_FALSE(client.messages()[3].compressed);
}

TEST_F(Deflates, WithContextTakeoverAMessageRefersToTheOneBefore) {
  start({.server_context_takeover = true, .client_context_takeover = true});
  auto client = connect();
  EXPECT_EQ(client.response_field("Sec-WebSocket-Extensions"), "permessage-deflate");
  std::vector<std::uint64_t> sizes;
  for (int i = 0; i < 5; i++) {
    const auto before = server->stats().bytes_sent;
    client.send_text(json(1000, 100 + i));
    world->run_until_idle();
    EXPECT_EQ(client.last_text(), json(1000, 100 + i));
    sizes.push_back(server->stats().bytes_sent - before);
  }
  EXPECT_LT(sizes[1], sizes[0] / 2);
  EXPECT_LT(sizes[4], sizes[0] / 2);
}

TEST_F(Deflates, EachSideMayKeepItsContextAlone) {
  for (const bool of_server : {false, true}) {
    start({.server_context_takeover = of_server, .client_context_takeover = !of_server});
    auto client = connect();
    ASSERT_TRUE(client.compression());
    EXPECT_EQ(client.compression()->server_no_context_takeover, !of_server);
    EXPECT_EQ(client.compression()->client_no_context_takeover, of_server);
    for (int i = 0; i < 5; i++) {
      client.send_text(json(1000, i));
      world->run_until_idle();
      EXPECT_EQ(client.last_text(), json(1000, i));
    }
    EXPECT_TRUE(client.is_open());
  }
}

// The client inflates in a window of the size agreed on, and no more.
TEST_F(Deflates, WindowsOfEverySizeHold) {
  for (const bool takeover : {false, true}) {
    for (std::uint8_t bits = 9; bits <= 15; bits++) {
      start({.server_context_takeover = takeover, .client_context_takeover = takeover});
      auto client = connect({.settings = {.server_max_window_bits = bits, .client_max_window_bits = bits}});
      ASSERT_TRUE(client.compression());
      EXPECT_EQ(client.compression()->server_max_window_bits, bits);
      EXPECT_EQ(client.compression()->client_max_window_bits, bits);
      for (int i = 0; i < 4; i++) {
        client.send_text(json(40'000, i));
        world->run_until_idle();
        ASSERT_TRUE(client.last_text() == json(40'000, i));
      }
    }
  }
}

TEST_F(Deflates, AKeptMessageOutlivesItsView) {
  std::vector<KeptMessage> kept;
  Config config;
  config.compression.enabled = true;
  serve(config, websocket({.message = [&](Connection&, const Message& m) { kept.push_back(m.keep()); }}));
  auto client = connect();
  for (int i = 0; i < 5; i++) client.send_text(json(3000, i));
  world->run_until_idle();
  ASSERT_EQ(kept.size(), 5u);
  for (int i = 0; i < 5; i++) EXPECT_EQ(kept[static_cast<std::size_t>(i)].text(), json(3000, i));
}

Task<> echo_slowly(Connection& connection) {
  while (auto message = co_await connection.receive()) {
    const KeptMessage kept = message->keep();
    if (!co_await sleep(5ms)) co_return;
    if (!connection.send(kept.type(), kept.data())) co_return;
  }
}

TEST_F(Deflates, AMessageThatNobodyWaitsForYetIsHeldInflated) {
  Config config;
  config.compression = {.enabled = true, .server_context_takeover = true, .client_context_takeover = true};
  serve(config, websocket(echo_slowly));
  auto client = connect();
  for (int i = 0; i < 5; i++) client.send_text(json(2000, i));
  world->run_for(1s);
  ASSERT_EQ(client.messages().size(), 5u);
  for (int i = 0; i < 5; i++) EXPECT_EQ(client.messages()[static_cast<std::size_t>(i)].data, json(2000, i));
}

TEST_F(Deflates, AnIdleConnectionOwnsAWindowOnlyOnceItHasUsedItsContext) {
  for (const bool takeover : {false, true}) {
    std::vector<connection::Session*> sessions;
    Config config;
    config.compression = {.enabled = true, .server_context_takeover = takeover, .client_context_takeover = takeover};
    serve(config, websocket({.open = [&](Connection& c) { sessions.push_back(&static_cast<connection::Session&>(c)); },
                             .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    auto client = connect();
    ASSERT_TRUE(client.compression());
    ASSERT_EQ(sessions.size(), 1u);
    EXPECT_EQ(sessions[0]->held_bytes(), 0u);
    client.send_text(json(1000));
    world->run_until_idle();
    EXPECT_EQ(client.last_text(), json(1000));
    const core::Ledger& ledger = sessions[0]->context().reactor.ledger();
    EXPECT_EQ(ledger.held(core::Ledger::Kind::messages), sessions[0]->held_bytes());
    if (takeover) {
      EXPECT_GT(sessions[0]->held_bytes(), 200'000u);
      EXPECT_LE(sessions[0]->held_bytes(), codec::Deflater::most_bytes(15) + codec::StreamInflater::most_bytes(15));
    } else {
      EXPECT_EQ(sessions[0]->held_bytes(), 0u);
      EXPECT_LT(sessions[0]->context().deflate.held_bytes(), 600'000u);
    }
    client.close();
    world->run_for(1s);
    EXPECT_EQ(ledger.held(core::Ledger::Kind::messages), 0u);
  }
}

}  // namespace
}  // namespace brume::test

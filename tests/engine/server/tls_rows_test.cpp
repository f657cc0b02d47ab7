// Rows T1 and T3 to T7 of the bad-input table over TLS, limits on handshakes, and breaks at every step.
#include <memory>
#include <span>

#include <brume/engine/tls/tls_filter.h>
#include <brume/tests/engine/server/tls_fixture.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

// A client whose every record the test may touch.
struct RawTls final : tls::Output {
  RawTls(Simulator& w, const Server& server, const std::shared_ptr<const tls::TlsContext>& context)
      : world(w), socket(w.connect_raw(server)) {
    EXPECT_TRUE(filter.begin_client(context, "a.test", nullptr));
    step({});
  }
  bool take_records(std::span<const std::byte> records) noexcept override {
    const std::string_view text(reinterpret_cast<const char*>(records.data()), records.size());
    if (holding)
      held += text;
    else
      socket.send(text);
    return true;
  }
  void step(std::string_view bytes) {
    std::vector<std::byte> plain(4 * tls::TlsFilter::kMaxRecordPayload);
    const auto done = filter.step(std::as_bytes(std::span(bytes)), plain, *this, {});
    opened.append(reinterpret_cast<const char*>(plain.data()), done.opened);
  }
  // Until nothing more comes.
  void run() {
    using State = tls::TlsFilter::State;
    for (;;) {
      world.run_until_idle();
      const std::string bytes = socket.take_received();
      if (bytes.empty() || (filter.state() != State::handshake && filter.state() != State::open)) return;
      step(bytes);
    }
  }
  void seal(std::string_view text) { EXPECT_TRUE(filter.seal(std::as_bytes(std::span(text)), *this, {})); }
  void upgrade(std::string_view path = "/echo") {
    run();
    seal("GET " + std::string(path) +
         " HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    run();
    EXPECT_EQ(opened.substr(0, 12), "HTTP/1.1 101");
    opened.clear();
  }

  Simulator& world;
  SimulatedSocket socket;
  tls::TlsFilter filter;
  std::string opened;
  bool holding = false;
  std::string held;  // not sent yet
};

// "hi" as a masked text frame.
const std::string kHi("\x81\x82\x00\x00\x00\x00hi", 8);

class TlsRows : public TlsServerTest {
 protected:
  std::shared_ptr<const tls::TlsContext> context(const TlsClientConfig& wanted) {
    auto made = tls::TlsContext::for_client(wanted);
    EXPECT_TRUE(made);
    return *made;
  }
  // Of a server of its own, upgraded.
  RawTls& upgraded() {
    start();
    raw.emplace(*world, *server, context(client_tls));
    raw->upgrade();
    return *raw;
  }
  void expect_nothing_left() {
    EXPECT_EQ(server->stats().sockets, 0U);
    EXPECT_EQ(server->stats().connections, 0U);
    EXPECT_EQ(static_cast<std::size_t>(opened), closed.size());
  }
  void expect_nothing_left_of(RawTls& client) {
    client.socket.close();
    world->run_for(10s);
    expect_nothing_left();
  }

  std::optional<RawTls> raw;
};

TEST_F(TlsRows, T1_APeerThatSaysNothingIsClosedAtTheHandshakesDeadline) {
  start();
  auto silent = world->connect_raw(*server);
  world->run_for(9s);
  EXPECT_EQ(server->stats().sockets, 1U);
  world->run_for(2s);
  expect_nothing_left();
  EXPECT_TRUE(silent.received_rst() || silent.received_fin());
  EXPECT_EQ(server->stats().refused_by("tls_timeout"), 1U);
}

TEST_F(TlsRows, T4_HttpInClearOnATlsPortGetsAPlain400) {
  start();
  auto plain = world->connect_raw(*server);
  plain.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  world->run_until_idle();
  EXPECT_EQ(plain.received().substr(0, 26), "HTTP/1.1 400 Bad Request\r\n");
  EXPECT_TRUE(plain.received_fin());
  plain.close();
  world->run_until_idle();
  expect_nothing_left();
  EXPECT_TRUE(logged("plain_http"));
}

TEST_F(TlsRows, T4_BytesThatAreNoTlsGetAnAlertOrNothingAndAClose) {
  start();
  auto noise = world->connect_raw(*server);
  noise.send(std::string(100, '\x7f'));
  world->run_until_idle();
  EXPECT_TRUE(noise.received_fin());
  noise.close();
  world->run_until_idle();
  expect_nothing_left();
  EXPECT_EQ(server->stats().refused_by("tls_handshake"), 1U);
}

TEST_F(TlsRows, T5_ADrippedHelloEndsAtTheDeadlineAndA16MbOneAtOnce) {
  start();
  auto dripping = world->connect_raw(*server);
  dripping.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  for (int i = 0; i < 100; i++) dripping.send("x", 1s);
  auto huge = world->connect_raw(*server);
  huge.send(std::string("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9));
  world->run_for(5s);
  EXPECT_EQ(huge.received(), std::string("\x15\x03\x03\x00\x02\x02\x2f", 7));
  EXPECT_TRUE(huge.received_fin());
  EXPECT_EQ(server->stats().refused_by("tls_handshake"), 1U);
  world->run_for(6s);
  EXPECT_TRUE(dripping.received_fin() || dripping.received_rst());
  expect_nothing_left();
}

TEST_F(TlsRows, T6_AFloodOfKeyUpdatesIsCut) {
  RawTls& client = upgraded();
  for (int i = 0; i < 90; i++) {
    ASSERT_TRUE(client.filter.update_keys());
    client.seal(kHi);
  }
  client.run();
  EXPECT_EQ(server->stats().connections, 1U) << "so many are allowed";
  for (int i = 0; i < 200; i++) {
    ASSERT_TRUE(client.filter.update_keys());
    client.seal(kHi);
  }
  client.run();
  EXPECT_EQ(closed, std::vector<int>{1006});
  EXPECT_EQ(server->stats().refused_by("tls_bare_records"), 1U);
  expect_nothing_left_of(client);
}

TEST_F(TlsRows, T7_AnEndWithoutCloseNotifyIsUncleanEvenAfterAWholeMessage) {
  RawTls& client = upgraded();
  client.seal(kHi);
  client.socket.shutdown();
  client.run();
  EXPECT_EQ(client.opened, std::string("\x81\x02hi"));
  EXPECT_EQ(closed, std::vector<int>{1006});
  EXPECT_EQ(server->stats().refused_by("tls_truncated"), 1U);
  world->run_for(10s);
  expect_nothing_left();
}

TEST_F(TlsRows, T7_ARecordChangedOnItsWayEndsTheConnectionWithAnAlert) {
  RawTls& client = upgraded();
  client.seal(kHi);
  client.run();
  EXPECT_EQ(client.opened, std::string("\x81\x02hi")) << "what came before it";
  client.holding = true;
  client.seal(kHi);
  client.held.back() = static_cast<char>(client.held.back() ^ 1);
  client.socket.send(client.held);
  client.run();
  EXPECT_EQ(client.filter.fault().error, tls::TlsError::alert_received);
  EXPECT_EQ(closed, std::vector<int>{1006});
  EXPECT_EQ(server->stats().refused_by("tls_record"), 1U);
  expect_nothing_left_of(client);
}

TEST_F(TlsRows, T7_CloseNotifyWithoutACloseFrameIs1006AndEndsInOrder) {
  RawTls& client = upgraded();
  client.seal(kHi);
  client.filter.close(client, {});
  client.run();
  EXPECT_EQ(client.opened, std::string("\x81\x02hi"));
  EXPECT_EQ(client.filter.state(), tls::TlsFilter::State::closed) << "the server says close_notify, too";
  EXPECT_EQ(closed, std::vector<int>{1006});
  EXPECT_EQ(server->stats().refused_by("tls_truncated"), 0U);
  expect_nothing_left_of(client);
}

TEST_F(TlsRows, T7_CloseNotifyInsideTheHandshakeOpensNothing) {
  start();
  raw.emplace(*world, *server, context(client_tls));
  raw->socket.send(std::string("\x15\x03\x03\x00\x02\x01\x00", 7));
  world->run_for(1s);
  EXPECT_TRUE(raw->socket.received_fin());
  EXPECT_EQ(server->stats().tls_handshakes, 0U);
  EXPECT_EQ(server->stats().requests, 0U);
  expect_nothing_left_of(*raw);
}

TEST_F(TlsRows, T7_WhatCameBeforeCloseNotifyMayBeAskedForAsLongAsWithoutTls) {
  make(config());
  std::vector<std::string> got;
  server->get("/slow", websocket([&got](Connection& connection) -> Task<> {
                while (auto message = co_await connection.receive()) {
                  got.emplace_back(message->text());
                  co_await sleep(3s);
                }
              }));
  listen();
  raw.emplace(*world, *server, context(client_tls));
  raw->upgrade("/slow");
  for (int i = 0; i < 3; i++) raw->seal(kHi);
  raw->filter.close(*raw, {});
  world->run_for(9s);
  EXPECT_EQ(got, std::vector<std::string>(3, "hi"));
  expect_nothing_left_of(*raw);
}

TEST_F(TlsRows, X2_Http2IsNeverAgreedOnAndItsPrefaceGets505) {
  start();
  raw.emplace(*world, *server, context(client_tls));
  raw->run();
  EXPECT_EQ(raw->filter.info().protocol, "http/1.1");
  raw->seal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  raw->run();
  EXPECT_EQ(raw->opened.substr(0, 13), "HTTP/1.1 505 ");
  EXPECT_EQ(raw->filter.state(), tls::TlsFilter::State::closed) << "and the end is said";
  EXPECT_EQ(opened, 0);
  expect_nothing_left_of(*raw);
}

TEST_F(TlsRows, T9_MessagesBeforeAndBehindThePauseOfAHandlerAreAllDelivered) {
  make(config());
  std::vector<std::string> got;
  server->get("/slow", websocket([&got](Connection& connection) -> Task<> {
                while (auto message = co_await connection.receive()) {
                  got.emplace_back(message->text());
                  co_await sleep(10ms);
                }
              }));
  listen();
  auto client = connect("/slow");
  for (int i = 0; i < 200; i++) client.send_text(std::to_string(i) + std::string(500, '.'));
  world->run_for(60s);
  ASSERT_EQ(got.size(), 200U);
  for (int i = 0; i < 200; i++)
    EXPECT_EQ(got[static_cast<std::size_t>(i)].substr(0, 3), (std::to_string(i) + "..").substr(0, 3));
}

// ---- limits

TEST_F(TlsRows, WhoIsNotLetInIsClosedBeforeTheHandshake) {
  Config limited = config();
  limited.max_connections = 1;
  start(limited);
  auto first = connect();
  world->run_until_idle();
  auto second = connect();
  world->run_until_idle();
  EXPECT_TRUE(first.is_open());
  EXPECT_EQ(second.status(), 0);
  EXPECT_TRUE(second.is_over());
  EXPECT_EQ(server->stats().refused_by("over_capacity"), 1U);
  EXPECT_EQ(server->stats().tls_handshakes, 1U);
}

TEST_F(TlsRows, ManyHandshakesAtOnceWaitInLineAndAllComeToTheirEnd) {
  tls.max_handshakes = 3;
  tls.handshakes_per_turn = 1;
  start();
  std::vector<SimulatedClient> clients;
  for (int i = 0; i < 60; i++) clients.push_back(connect());
  auto leaving = connect();
  for (int i = 0; i < 40; i++) world->step();
  leaving.abort();
  world->run_until_idle();
  for (auto& client : clients) EXPECT_TRUE(client.upgraded()) << client.tls_failure();
}

TEST_F(TlsRows, PeersThatHoldAllPlacesForHandshakesLoseThemAtTheDeadline) {
  tls.max_handshakes = 2;
  start();
  std::vector<SimulatedSocket> holders;
  for (int i = 0; i < 2; i++) {
    holders.push_back(world->connect_raw(*server));
    holders.back().send(std::string("\x16\x03\x01", 3));
  }
  world->run_for(5s);
  auto client = connect();
  world->run_for(1s);
  EXPECT_FALSE(client.upgraded());
  world->run_for(6s);
  EXPECT_TRUE(client.upgraded()) << client.tls_failure();
  EXPECT_EQ(server->stats().refused_by("tls_timeout"), 2U);
}

// ---- breaks

TEST_F(TlsRows, T3_ABreakAtEveryStepFreesTheConnectionAndHarmsNobody) {
  start();
  auto bystander = connect();
  world->run_until_idle();
  for (int steps = 0; steps < 120; steps++) {
    for (const int way : {0, 1, 2}) {
      auto client = connect();
      client.send_text(std::string(20'000, 'x'));
      for (int i = 0; i < steps; i++) world->step();
      if (way == 0) client.abort();
      if (way == 1) client.shutdown();
      if (way == 2) client.close();
      world->run_for(1s);
      if (way != 0) client.abort();
      world->run_for(20s);
      ASSERT_EQ(server->stats().sockets, 1U) << steps << ' ' << way;
      ASSERT_EQ(static_cast<std::size_t>(opened), closed.size() + 1) << steps << ' ' << way;
      bystander.send_text("there?");
      world->run_until_idle();
      ASSERT_EQ(bystander.take_messages().size(), 1U);
    }
  }
}

TEST_F(TlsRows, AStormOfFaultsLosesConnectionsButNeverOrderOrMemory) {
  test::SeedLoop seeds(60);
  while (seeds.next()) {
    opened = 0;
    closed.clear();
    Config stormy = config();
    stormy.log = {};
    start(stormy, seeds.options(FaultRates::storm(seeds.seed())));
    std::vector<SimulatedClient> clients;
    for (int i = 0; i < 6; i++) {
      clients.push_back(connect());
      for (int k = 0; k < 20; k++)
        clients.back().send_text(std::to_string(k) + std::string(static_cast<std::size_t>(k * k * 7), '.'));
    }
    world->run_for(20s);
    for (auto& client : clients) {
      const auto& messages = client.messages();
      for (std::size_t k = 0; k < messages.size(); k++)
        ASSERT_EQ(messages[k].data, std::to_string(k) + std::string(k * k * 7, '.'));
      EXPECT_FALSE(client.violation());
      client.close();
    }
    world->run_for(30s);
    for (auto& client : clients) client.abort();
    world->run_for(120s);
    expect_nothing_left();
    seeds.add(world->fault_counts());
  }
}

}  // namespace
}  // namespace brume

// Rows T1, T2 and H3 to H22 of the bad-input table through a whole server, as far as they are about more than one
// refused head (http_refusals_test.cpp): time, order, ends, limits and what handlers do.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/upgrade_text.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::upgrade_text;
using test::UpgradeText;

class HttpRow : public testing::Test {
 protected:
  HttpRow() {
    server.get("/ws", websocket({.open = [this](Connection&) { opened++; },
                                 .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    server.get("/plain", [](Request&) { return Response::text("plain"); });
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }

  Simulator world{SimulatorOptions{}};
  int opened = 0;
  Server server{world};
};

TEST_F(HttpRow, T1_APeerThatSendsNothingGets408AtTheDeadlineFromAccept) {
  auto socket = world.connect_raw(server);
  world.run_for(9s);
  EXPECT_EQ(server.stats().sockets, 1u);
  world.run_for(7s);
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 408 "));
  socket.close();
  world.run_for(6s);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(HttpRow, H18_AHeadThatDripsMeetsTheSameDeadline) {
  auto socket = world.connect_raw(server);
  const std::string head = UpgradeText().text();
  for (std::size_t i = 0; i < 12; i++) {
    socket.send(head.substr(i, 1));
    world.run_for(1s);
  }
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 408 ")) << socket.received();
  EXPECT_EQ(opened, 0);
}

TEST_F(HttpRow, T2_AnEndInsideTheHeadIsDroppedWithoutAnAnswer) {
  const std::string head = UpgradeText().text();
  for (std::size_t cut = 0; cut < head.size(); cut += 7) {
    for (const bool reset : {false, true}) {
      auto socket = world.connect_raw(server);
      socket.send(head.substr(0, cut));
      world.run_until_idle();
      reset ? socket.abort() : socket.shutdown();
      world.run_for(100ms);
      EXPECT_EQ(socket.received(), "");
    }
  }
  world.run_for(10s);
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(HttpRow, T2_AResetBeforeTheServerAcceptsHarmsNobody) {
  for (int i = 0; i < 20; i++) {
    auto socket = world.connect_raw(server);
    socket.send("GET");
    socket.abort();
    auto other = world.connect(server, "/ws");
    world.run_for(10ms);
    EXPECT_TRUE(other.upgraded());
    other.close();
  }
  world.run_for(20s);
  EXPECT_EQ(opened, 20);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(HttpRow, H3_AnAbsoluteTargetIsAcceptedAndOverridesHost) {
  auto socket = world.connect_raw(server);
  socket.send(upgrade_text([](UpgradeText& u) {
    u.line = "GET http://example.org/ws HTTP/1.1";
    u.more = "Origin: http://example.org\r\n";
  }));
  world.run_until_idle();
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 101 ")) << socket.received();
}

TEST_F(HttpRow, H16_FramesRightBehindTheHeadReachTheHandlerFirstAndInOrder) {
  auto socket = world.connect_raw(server);
  const std::string frames = "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"s;
  socket.send(UpgradeText().text() + frames);
  world.run_until_idle();
  const std::size_t end = socket.received().find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(socket.received().substr(end + 4),
            "\x81\x01"
            "a\x81\x01"
            "b");
}

TEST_F(HttpRow, H16_BytesBehindARefusedUpgradeAreNeverASecondRequest) {
  auto socket = world.connect_raw(server);
  socket.send(upgrade_text([](UpgradeText& u) { u.key = ""; }) + UpgradeText().text());
  world.run_for(1s);
  EXPECT_EQ(socket.received().find("HTTP/1.1 101"), std::string::npos);
  EXPECT_EQ(opened, 0);
}

TEST_F(HttpRow, AnUpgradeThatExpects100HearsItBefore101AndARefusedOneDoesNot) {
  const std::string expect = "Expect: 100-continue\r\n";
  for (const bool good : {true, false}) {
    auto socket = world.connect_raw(server);
    socket.send(upgrade_text([&](UpgradeText& u) {
      u.more = expect;
      if (!good) u.key = "";
    }));
    world.run_for(100ms);
    EXPECT_TRUE(socket.received().starts_with(good ? "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 " : "HTTP/1.1 400 "))
        << socket.received();
    socket.abort();
  }
}

TEST(HttpRowOwnServer, H17_PipelinedRequestsAreAnsweredInOrderBeforeTheUpgrade) {
  Simulator world;
  Server server{world};
  server.get("/slow/:n", [](Request& request) -> Task<Response> {
    const std::string n(request.parameter("n"));
    if (n == "1") (void)co_await sleep(50ms);
    co_return Response::text("answer " + n);
  });
  server.get("/ws", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto socket = world.connect_raw(server);
  socket.send("GET /slow/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /slow/2 HTTP/1.1\r\nHost: a\r\n\r\n" + UpgradeText().text() +
              "\x81\x81\0\0\0\0z"s);
  world.run_for(1s);
  const std::string& all = socket.received();
  const std::size_t first = all.find("answer 1");
  const std::size_t second = all.find("answer 2");
  const std::size_t third = all.find("HTTP/1.1 101 ");
  ASSERT_NE(third, std::string::npos) << all;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_TRUE(all.ends_with("\x81\x01z"));
}

TEST(HttpRowOwnServer, H20_ALateDecisionAboutAPeerThatLeftDoesNothingAndAThrowIs500) {
  Simulator world;
  Server server{world};
  int served = 0;
  Upgrader upgrader;
  server.get("/late", [&](Request& request) -> Task<Response> {
    (void)co_await sleep(200ms);
    co_return upgrader.upgrade(request, [&](Connection&) -> Task<> {
      served++;
      co_return;
    });
  });
  server.get("/throw", [](Request&) -> Task<Response> {
    throw std::runtime_error("no");
    co_return Response();
  });
  server.get("/no", [](Request&) { return Response::unauthorized("no session"); });
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto left = world.connect(server, "/late");
  world.run_for(50ms);
  left.abort();
  auto stayed = world.connect(server, "/late");
  world.run_for(1s);
  EXPECT_TRUE(stayed.upgraded());
  EXPECT_EQ(served, 1);
  auto thrown = world.connect(server, "/throw");
  auto refused = world.connect(server, "/no");
  world.run_for(1s);
  EXPECT_EQ(thrown.status(), 500);
  EXPECT_EQ(refused.status(), 401);
  world.run_for(20s);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST(HttpRowOwnServer, H21_AFieldWithALineBreakAndASubprotocolThatWasNotOfferedGive500) {
  Simulator world;
  Server server{world};
  Upgrader upgrader;
  server.get("/field", [](Request&) { return Response::text("x").header("X-A", "b\r\nX-C: d"); });
  server.get("/protocol", [&](Request& request) {
    return upgrader.upgrade(request, [](Connection&) -> Task<> { co_return; }, "chosen.alone");
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto field = world.connect(server, "/field");
  auto protocol = world.connect(server, "/protocol");
  world.run_for(1s);
  EXPECT_EQ(field.status(), 500);
  EXPECT_EQ(field.response_head().find("X-C"), std::string::npos);
  EXPECT_EQ(protocol.status(), 500);
}

TEST(HttpRowOwnServer, H22_AboveTheLimitsAPeerGets503WithRetryAfter) {
  Simulator world;
  Config config;
  config.max_connections = 3;
  config.max_connections_per_address = 2;
  Server server{world, config};
  server.get("/ws", websocket({}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  ClientOptions same;
  same.from = io::Address::parse("10.9.9.9:0");
  std::vector<SimulatedClient> clients;
  for (int i = 0; i < 3; i++) clients.push_back(world.connect(server, "/ws", same));
  world.run_for(100ms);
  std::ranges::stable_partition(clients, &SimulatedClient::upgraded);  // who came last is the network's doing
  EXPECT_TRUE(clients[0].upgraded());
  EXPECT_TRUE(clients[1].upgraded());
  EXPECT_EQ(clients[2].status(), 503);
  EXPECT_EQ(clients[2].response_field("Retry-After"), "5");
  auto third = world.connect(server, "/ws");
  world.run_for(100ms);
  EXPECT_TRUE(third.upgraded());
  auto fourth = world.connect(server, "/ws");
  world.run_for(100ms);
  EXPECT_EQ(fourth.status(), 503);
  clients[0].close();
  world.run_for(10s);
  auto fifth = world.connect(server, "/ws");
  world.run_for(100ms);
  EXPECT_TRUE(fifth.upgraded());
}

TEST_F(HttpRow, H22_WhileItDrainsAnUpgradeGets503WithRetryAfterAndAPlainRequestItsAnswer) {
  const std::string upgrade = UpgradeText().text();
  const std::string plain = "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n";
  auto open = world.connect(server, "/ws");
  auto upgrading = world.connect_raw(server);
  auto asking = world.connect_raw(server);
  upgrading.send(upgrade.substr(0, 20));
  asking.send(plain.substr(0, 20));
  world.run_for(100ms);
  server.stop();
  world.run_for(100ms);
  EXPECT_EQ(open.close_code(), 1001);
  upgrading.send(upgrade.substr(20));
  asking.send(plain.substr(20));
  world.run_for(100ms);
  EXPECT_TRUE(upgrading.received().starts_with("HTTP/1.1 503 ")) << upgrading.received();
  EXPECT_NE(upgrading.received().find("\r\nRetry-After: 5\r\n"), std::string::npos);
  EXPECT_NE(upgrading.received().find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(asking.received().ends_with("plain")) << asking.received();
  EXPECT_NE(asking.received().find("\r\nConnection: close\r\n"), std::string::npos);
  upgrading.close();
  asking.close();
  EXPECT_TRUE(world.run_until([&] { return server.stopped(); }, 1s));
  EXPECT_EQ(opened, 1);
  EXPECT_EQ(server.stats().refused_by("draining"), 1u);
}

TEST(HttpRowOwnServer, H22_AHandlerThatUpgradesWhileTheServerDrainsGives503) {
  Simulator world;
  Server server{world};
  Upgrader upgrader;
  int served = 0;
  server.get("/", [&](Request& request) -> Task<Response> {
    (void)co_await sleep(100ms);
    co_return upgrader.upgrade(request, [&](Connection&) -> Task<> {
      served++;
      co_return;
    });
  });
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto client = world.connect(server, "/");
  world.run_for(50ms);
  server.stop();
  world.run_for(1s);
  EXPECT_EQ(client.status(), 503);
  EXPECT_EQ(client.response_field("Retry-After"), "5");
  EXPECT_EQ(served, 0);
}

TEST(HttpRowOwnServer, H22_AConnectionThatIsAcceptedWhileTheServerDrainsGets503) {
  std::size_t refused = 0;
  for (std::uint64_t seed = 1; seed <= 400; seed++) {
    SimulatorOptions options;
    options.seed = seed;
    options.cores = 2;  // one hands a socket to the other, which may have begun to stop
    options.faults = FaultRates::storm().without_losses();
    Simulator world{options};
    Server server{world};
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    std::vector<SimulatedSocket> sockets;
    for (int i = 0; i < 40; i++) sockets.push_back(world.connect_raw(server));
    world.run_for(std::chrono::microseconds(seed));
    server.stop();
    world.run_for(1s);
    for (SimulatedSocket& socket : sockets) {
      if (socket.received().empty()) continue;
      refused++;
      EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 503 ")) << socket.received();
      EXPECT_NE(socket.received().find("\r\nRetry-After: 5\r\n"), std::string::npos);
      EXPECT_TRUE(socket.received_fin());
    }
    for (SimulatedSocket& socket : sockets) socket.close();
    EXPECT_TRUE(world.run_until([&] { return server.stopped(); }, 11s)) << seed;
  }
  EXPECT_GT(refused, 0u);
}

TEST(HttpRowOwnServer, ABodyIsReadByLengthAndInChunksAndBoundedBy413) {
  Simulator world;
  Config config;
  config.max_body_size = 10;
  Server server{world, config};
  server.post("/say", [](Request& request) { return Response::text(std::string(request.body_text())); });
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto socket = world.connect_raw(server);
  socket.send("POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  socket.send(
      "POST /say HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nwor\r\n2;x=y\r\nld\r\n0\r\n\r\n");
  socket.send("PUT /say HTTP/1.1\r\nHost: a\r\n\r\n");
  world.run_for(100ms);
  EXPECT_NE(socket.received().find("hello"), std::string::npos);
  EXPECT_NE(socket.received().find("world"), std::string::npos);
  EXPECT_NE(socket.received().find("HTTP/1.1 405 "), std::string::npos) << socket.received();
  EXPECT_NE(socket.received().find("Allow: POST"), std::string::npos);
  for (const char* large : {"Content-Length: 11\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n"}) {
    auto other = world.connect_raw(server);
    other.send("POST /say HTTP/1.1\r\nHost: a\r\n"s + large);
    world.run_for(100ms);
    EXPECT_TRUE(other.received().starts_with("HTTP/1.1 413 ")) << other.received();
  }
}

}  // namespace
}  // namespace brume

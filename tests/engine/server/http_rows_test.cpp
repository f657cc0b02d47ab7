// Rows T1, T2, T4 and H1 to H22 of the bad-input table through a whole server: the exact answer, whatever the split,
// and that no handler ran.
#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";

struct Upgrade {
  std::string line = "GET /ws HTTP/1.1";
  std::string host = "Host: example.com\r\n";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string connection = "Connection: Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: " + std::string(kKey) + "\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string more = {};
  std::string text() const { return line + "\r\n" + host + upgrade + connection + key + version + more + "\r\n"; }
};

struct Case {
  std::string row;
  std::string request;
  int status;
  std::vector<std::string> fields = {};  // that the answer must have
};

template <class F>
std::string with(F&& change) {
  Upgrade upgrade;
  change(upgrade);
  return upgrade.text();
}

std::vector<Case> cases() {
  using U = Upgrade;
  const std::vector<std::string> both = {"Upgrade: websocket", "Sec-WebSocket-Version: 13"};
  std::vector<Case> all = {
      {"H1", with([](U& u) { u.line = "POST /ws HTTP/1.1"; }), 405, {"Allow: GET"}},
      {"H1", with([](U& u) { u.line = "HEAD /ws HTTP/1.1"; }), 405, {"Allow: GET"}},
      {"H1", with([](U& u) { u.line = "BREW /ws HTTP/1.1"; }), 501},
      {"H1", with([](U& u) { u.line = "G@T /ws HTTP/1.1"; }), 400},
      {"H2", with([](U& u) { u.line = "GET /ws HTTP/1.0"; }), 400},
      {"H2", with([](U& u) { u.line = "GET /ws HTTP/2.0"; }), 505},
      {"H2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"H2", with([](U& u) { u.line = "GET /ws HTTX/1.1"; }), 400},
      {"H3", with([](U& u) { u.line = "GET * HTTP/1.1"; }), 400},
      {"H3", with([](U& u) { u.line = "GET /a#b HTTP/1.1"; }), 400},
      {"H3", with([](U& u) { u.line = "GET /a b HTTP/1.1"; }), 400},
      {"H3", with([](U& u) { u.line = "GET /\xc3\xa9 HTTP/1.1"; }), 400},
      {"H3", with([](U& u) { u.line = "GET /" + std::string(17'000, 'a') + " HTTP/1.1"; }), 414},
      {"H4", with([](U& u) { u.host = ""; }), 400},
      {"H4", with([](U& u) { u.host += u.host; }), 400},
      {"H4", with([](U& u) { u.host = "Host: a, b\r\n"; }), 400},
      {"H4", with([](U& u) { u.host = "Host: a:99999\r\n"; }), 400},
      {"H5", with([](U& u) { u.upgrade = ""; }), 426, both},
      {"H5", with([](U& u) { u.upgrade = "Upgrade: h2c\r\n"; }), 426, both},
      {"H6", with([](U& u) { u.connection = ""; }), 400},
      {"H6", with([](U& u) { u.connection = "Connection: keep-alive\r\n"; }), 400},
      {"H7", with([](U& u) { u.key = ""; }), 400},
      {"H7", with([](U& u) { u.key += u.key; }), 400},
      {"H7", with([](U& u) { u.key = "Sec-WebSocket-Key: short==\r\n"; }), 400},
      {"H7", with([](U& u) { u.key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSB*b25jZQ==\r\n"; }), 400},
      {"H7", with([](U& u) { u.key = "Sec-WebSocket-Key: " + std::string(8'000, 'A') + "\r\n"; }), 400},
      {"H8", with([](U& u) { u.version = ""; }), 400},
      {"H8", with([](U& u) { u.version += u.version; }), 400},
      {"H9", with([](U& u) { u.more = "Sec-WebSocket-Protocol: a,,b\r\n"; }), 400},
      {"H9", with([](U& u) { u.more = "Sec-WebSocket-Protocol: a, a\r\n"; }), 400},
      {"H9", with([](U& u) { u.more = "Sec-WebSocket-Protocol: b@d\r\n"; }), 400},
      {"H10", with([](U& u) { u.more = "Sec-WebSocket-Extensions: x; y=\"open\r\n"; }), 400},
      {"H11", with([](U& u) { u.more = "X-A : b\r\n"; }), 400},
      {"H11", with([](U& u) { u.more = ": b\r\n"; }), 400},
      {"H11", with([](U& u) { u.more = "X(A): b\r\n"; }), 400},
      {"H11", with([](U& u) { u.host = " Host: example.com\r\n"; }), 400},
      {"H12", with([](U& u) { u.more = "X-A: b\r\n c\r\n"; }), 400},
      {"H13", "GET /ws HTTP/1.1\nHost: a\n\n", 400},
      {"H13", with([](U& u) { u.more = "X-A: a\rb\r\n"; }), 400},
      {"H13", with([](U& u) { u.more = "X-A: a\0b\r\n"s; }), 400},
      {"H13", "\r\n\r\n" + Upgrade().text(), 400},
      {"H14", with([](U& u) { u.more = "X-A: " + std::string(17'000, 'a') + "\r\n"; }), 431},
      {"H15", with([](U& u) { u.more = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: 4\r\nContent-Length: 5\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: +1\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: 0x1\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: 1,1\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: 99999999999999999999\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Transfer-Encoding: chunked\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Content-Length: 4\r\n"; }), 400},
      {"H15", with([](U& u) { u.more = "Transfer-Encoding: gzip, chunked\r\n"; }), 400},
      {"H19", with([](U& u) { u.more = "Origin: http://elsewhere.net\r\n"; }), 403},
      {"H19", with([](U& u) { u.more = "Origin: null\r\n"; }), 403},
      {"H19", with([](U& u) { u.more = "Origin: http://example.com.evil\r\n"; }), 403},
      {"H19", with([](U& u) { u.more = "Origin: http://example.com\r\nOrigin: http://example.com\r\n"; }), 403},
      {"404", with([](U& u) { u.line = "GET /nowhere HTTP/1.1"; }), 404},
      {"404", with([](U& u) { u.line = "GET /../ws HTTP/1.1"; }), 404},
      {"404", with([](U& u) { u.line = "GET /%2e%2e/ws HTTP/1.1"; }), 404},
      {"404", with([](U& u) { u.line = "GET /ws%00 HTTP/1.1"; }), 404},
      {"T4", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
  };
  for (const char* version : {"0", "7", "8", "12", "14", "013", "13,8", "99999999999"})
    all.push_back({"H8", with([&](U& u) { u.version = "Sec-WebSocket-Version: "s + version + "\r\n"; }), 426, both});
  std::string many;
  for (int i = 0; i < 100; i++) many += "X-" + std::to_string(i) + ": y\r\n";
  all.push_back({"H14", with([&](U& u) { u.more = many; }), 431});
  return all;
}

class HttpRows : public testing::TestWithParam<bool> {
 protected:
  HttpRows() {
    server.get("/ws", websocket({.open = [this](Connection&) { opened++; },
                                 .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }

  Simulator world{SimulatorOptions{}};
  int opened = 0;
  Server server{world};
};

TEST_P(HttpRows, EachRefusalHasItsStatusItsFieldsAndEndsTheConnection) {
  const bool byte_by_byte = GetParam();
  auto other = world.connect(server, "/ws");
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.row + " " + testing::PrintToString(each.request.substr(0, 300)));
    auto socket = world.connect_raw(server);
    if (byte_by_byte) {
      std::vector<std::size_t> offsets;
      for (std::size_t i = 1; i < std::min<std::size_t>(each.request.size(), 600); i++) offsets.push_back(i);
      socket.send_split(each.request, offsets, 1us);
    } else {
      socket.send(each.request);
    }
    world.run_for(1s);
    const std::string status = "HTTP/1.1 " + std::to_string(each.status) + " ";
    EXPECT_TRUE(socket.received().starts_with(status)) << socket.received();
    for (const std::string& field : each.fields)
      EXPECT_NE(socket.received().find("\r\n" + field + "\r\n"), std::string::npos) << socket.received();
    const bool names_upgrade = each.status == 426;  // RFC 9110, section 7.8: who sends Upgrade names it here
    const std::string connection = "\r\nConnection: close"s + (names_upgrade ? ", Upgrade" : "") + "\r\n";
    EXPECT_NE(socket.received().find(connection), std::string::npos) << socket.received();
    EXPECT_TRUE(socket.received_fin() || socket.received_rst());
    socket.close();
    if (HasFailure()) return;
  }
  world.run_for(15s);
  EXPECT_EQ(opened, 1);  // the other client's
  EXPECT_EQ(server.stats().sockets, 1u);
  other.send_text("still here");
  world.run_until_idle();
  EXPECT_EQ(other.last_text(), "still here");
}

INSTANTIATE_TEST_SUITE_P(Splits, HttpRows, testing::Bool(),
                         [](const auto& split) { return split.param ? "ByteByByte" : "Whole"; });

class HttpRow : public HttpRows {};
INSTANTIATE_TEST_SUITE_P(Row, HttpRow, testing::Values(false));

TEST_P(HttpRow, T1_APeerThatSendsNothingGets408AtTheDeadlineFromAccept) {
  auto socket = world.connect_raw(server);
  world.run_for(9s);
  EXPECT_EQ(server.stats().sockets, 1u);
  world.run_for(7s);
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 408 "));
  socket.close();
  world.run_for(6s);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_P(HttpRow, H18_AHeadThatDripsMeetsTheSameDeadline) {
  auto socket = world.connect_raw(server);
  const std::string head = Upgrade().text();
  for (std::size_t i = 0; i < 12; i++) {
    socket.send(head.substr(i, 1));
    world.run_for(1s);
  }
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 408 ")) << socket.received();
  EXPECT_EQ(opened, 0);
}

TEST_P(HttpRow, T2_AnEndInsideTheHeadIsDroppedWithoutAnAnswer) {
  const std::string head = Upgrade().text();
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

TEST_P(HttpRow, H3_AnAbsoluteTargetIsAcceptedAndOverridesHost) {
  auto socket = world.connect_raw(server);
  socket.send(with([](Upgrade& u) {
    u.line = "GET http://example.org/ws HTTP/1.1";
    u.more = "Origin: http://example.org\r\n";
  }));
  world.run_until_idle();
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 101 ")) << socket.received();
}

TEST_P(HttpRow, H5H6H7H10H15_WhatIsOddButAllowedIsAccepted) {
  for (const std::string& request : {
           with([](Upgrade& u) { u.upgrade = "Upgrade: h2c, WebSocket\r\n"; }),
           with([](Upgrade& u) { u.connection = "Connection: keep-alive, upgrade\r\n"; }),
           with([](Upgrade& u) { u.key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAB==\r\n"; }),
           with([](Upgrade& u) { u.more = "Sec-WebSocket-Extensions: constructor; toString=1\r\n"; }),
           with([](Upgrade& u) { u.more = "Content-Length: 0\r\n"; }),
           with([](Upgrade& u) { u.more = "Origin: HTTP://EXAMPLE.com:80\r\n"; }),
           "\r\n" + Upgrade().text(),
       }) {
    auto socket = world.connect_raw(server);
    socket.send(request);
    world.run_until_idle();
    EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 101 ")) << request << socket.received();
  }
}

TEST_P(HttpRow, H9_WithNoCommonSubprotocolThe101HasNoSuchField) {
  auto socket = world.connect_raw(server);
  socket.send(with([](Upgrade& u) { u.more = "Sec-WebSocket-Protocol: unheard.of\r\n"; }));
  world.run_until_idle();
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 101 "));
  EXPECT_EQ(socket.received().find("Sec-WebSocket-Protocol"), std::string::npos);
}

TEST_P(HttpRow, H16_FramesRightBehindTheHeadReachTheHandlerFirstAndInOrder) {
  auto socket = world.connect_raw(server);
  const std::string frames = "\x81\x81\0\0\0\0a\x81\x81\0\0\0\0b"s;
  socket.send(Upgrade().text() + frames);
  world.run_until_idle();
  const std::size_t end = socket.received().find("\r\n\r\n");
  ASSERT_NE(end, std::string::npos);
  EXPECT_EQ(socket.received().substr(end + 4),
            "\x81\x01"
            "a\x81\x01"
            "b");
}

TEST_P(HttpRow, H16_BytesBehindARefusedUpgradeAreNeverASecondRequest) {
  auto socket = world.connect_raw(server);
  socket.send(with([](Upgrade& u) { u.key = ""; }) + Upgrade().text());
  world.run_for(1s);
  EXPECT_EQ(socket.received().find("HTTP/1.1 101"), std::string::npos);
  EXPECT_EQ(opened, 0);
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
  socket.send("GET /slow/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /slow/2 HTTP/1.1\r\nHost: a\r\n\r\n" + Upgrade().text() +
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

// Connections from proxies that speak the PROXY protocol: whose they are, and what those get that break its rules.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/proxy_text.h>
#include <brume/tests/support/request_text.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::get_with;
using test::proxy_v2;
using test::tls_vector;
using test::upgrade_with;

constexpr std::string_view kLine = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 80\r\n";
const io::Address kProxy = *io::Address::parse("10.0.0.9:1000");

bool is_over(const SimulatedSocket& socket) {
  return socket.received_fin() || socket.received_rst();
}

class Proxied : public testing::Test {
 protected:
  void start(Config config = {}) {
    config.proxy_protocol = {"10.0.0.0/8", "unix"};
    config.log = [this](LogLevel, std::string_view line) { log.append(line).append("\n"); };
    server.emplace(world, config);
    server->get("/", [](Request& request) {
      return Response::text("from " + request.remote_address().to_string() + " by " + std::string(request.scheme()) +
                            ".");
    });
    server->get("/ws", websocket({.open =
                                      [this](Connection& c) {
                                        opened.push_back(c.remote_address().to_string());
                                        schemes.emplace_back(c.request().scheme());
                                      },
                                  .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  SimulatedSocket connect(const io::Address& from = kProxy) { return world.connect_raw(*server, from); }
  // What the server sends to whoever sends this and then waits.
  std::string answer_to(std::string_view bytes, const io::Address& from = kProxy) {
    SimulatedSocket socket = connect(from);
    socket.send(bytes);
    world.run_for(100ms);
    return socket.received();
  }
  void expect_nothing_left() {
    world.run_for(30s);
    EXPECT_EQ(server->stats().sockets, 0u);
    EXPECT_EQ(world.connection_count(), 0u);
  }

  Simulator world{SimulatorOptions{}};
  std::string log;
  std::vector<std::string> opened;
  std::vector<std::string> schemes;
  std::optional<Server> server;
};

TEST_F(Proxied, TheHeaderNamesThePeerInBothVersions) {
  start();
  EXPECT_NE(answer_to(std::string(kLine) + get_with("")).find("from 192.0.2.7:4711"), std::string::npos);
  const std::string v2 = proxy_v2(0x21, 0x11, "\xc0\x00\x02\x08\x0a\x00\x00\x01\x12\x34\x00\x50"s);
  EXPECT_NE(answer_to(v2 + get_with("")).find("from 192.0.2.8:4660"), std::string::npos);
  EXPECT_NE(answer_to("PROXY TCP6 2001:db8::5 ::1 1 2\r\n" + get_with("")).find("from [2001:db8::5]:1"),
            std::string::npos);
  EXPECT_NE(answer_to("PROXY TCP6 ::ffff:192.0.2.9 ::1 1 2\r\n" + get_with("")).find("from 192.0.2.9:1"),
            std::string::npos);
  EXPECT_NE(answer_to(proxy_v2(0x21, 0x31, std::string(216, '\0')) + get_with("")).find("from unix"),
            std::string::npos);
}

TEST_F(Proxied, AHeaderThatNamesNobodyLeavesTheProxysOwnName) {
  start();
  for (const std::string& header : {proxy_v2(0x20, 0x00, ""), proxy_v2(0x21, 0x00, ""), "PROXY UNKNOWN\r\n"s})
    EXPECT_NE(answer_to(header + get_with("")).find("from 10.0.0.9:1000"), std::string::npos);
}

TEST_F(Proxied, TheHeaderTellsTheScheme) {
  start();
  const std::string addresses = "\xc0\x00\x02\x08\x0a\x00\x00\x01\x12\x34\x00\x50"s;
  const auto seen = [&](std::string_view header) {
    const std::string answer = answer_to(std::string(header) + get_with("X-Forwarded-Proto: ftp\r\n"));
    return answer.substr(std::min(answer.find("from "), answer.size()));
  };
  const std::string by_tls = tls_vector(1, test::vector(0x21, "TLSv1.3"));
  EXPECT_EQ(seen(proxy_v2(0x21, 0x11, addresses + by_tls)), "from 192.0.2.8:4660 by https.");
  EXPECT_EQ(seen(proxy_v2(0x21, 0x11, addresses + tls_vector(0))), "from 192.0.2.8:4660 by http.");
  EXPECT_EQ(seen(proxy_v2(0x21, 0x11, addresses)), "from 192.0.2.8:4660 by .");
  EXPECT_EQ(seen(kLine), "from 192.0.2.7:4711 by .");
  EXPECT_EQ(seen(proxy_v2(0x20, 0x11, addresses + by_tls)), "from 10.0.0.9:1000 by .");
  // Of every request of the connection.
  const std::string both = answer_to(proxy_v2(0x21, 0x11, addresses + by_tls) + get_with("") + get_with(""));
  EXPECT_NE(both.find("by https."), both.rfind("by https."));
}

TEST_F(Proxied, H19_TheOriginsSchemeCountsWhereAHeaderSaysTheOwn) {
  start();
  const std::string addresses(12, 'a');
  const auto status = [&](std::string_view header, std::string_view origin) {
    const std::string fields = "Origin: " + std::string(origin) + "\r\nX-Forwarded-Proto: https\r\n";
    return answer_to(std::string(header) + upgrade_with(fields)).substr(9, 3);
  };
  const std::string by_tls = proxy_v2(0x21, 0x11, addresses + tls_vector(1));
  EXPECT_EQ(status(by_tls, "https://a.example"), "101");
  EXPECT_EQ(status(by_tls, "http://a.example"), "403");
  EXPECT_EQ(status(by_tls, "https://b.example"), "403");
  const std::string in_clear = proxy_v2(0x21, 0x11, addresses + tls_vector(0));
  EXPECT_EQ(status(in_clear, "http://a.example"), "101");
  EXPECT_EQ(status(in_clear, "https://a.example"), "403");
  for (const std::string_view origin : {"http://a.example", "https://a.example"})
    EXPECT_EQ(status(kLine, origin), "101");
  EXPECT_EQ(schemes, (std::vector<std::string>{"https", "http", "", ""}));
}

TEST_F(Proxied, AProxyInFrontOfTheOneThatWroteTheHeaderKnowsTheSchemeBetter) {
  Config config;
  config.trusted_proxies = {"192.0.2.0/24"};
  start(config);
  const auto seen = [&](int last_byte, int bits, std::string_view fields) {
    const std::string addresses = "\xc0\x00\x02"s + static_cast<char>(last_byte) + "\x0a\x00\x00\x01\x12\x34\x00\x50"s;
    return answer_to(proxy_v2(0x21, 0x11, addresses + tls_vector(bits)) + get_with(fields));
  };
  EXPECT_NE(seen(8, 1, "X-Forwarded-Proto: http\r\n").find("by http."), std::string::npos);
  EXPECT_NE(seen(8, 0, "X-Forwarded-Proto: https\r\n").find("by https."), std::string::npos);
  EXPECT_NE(seen(8, 1, "").find("by https."), std::string::npos);
}

TEST_F(Proxied, AnySplitOfHeaderRequestAndFramesIsTheSame) {
  start();
  const std::string frame = "\x81\x82\0\0\0\0hi"s;
  const std::string text = std::string(kLine) + upgrade_with("") + frame + frame;
  const std::string whole = answer_to(text);
  ASSERT_NE(whole.find("101"), std::string::npos);
  ASSERT_TRUE(whole.ends_with("\x81\x02hi\x81\x02hi"));
  for (std::size_t cut = 1; cut < text.size(); cut++) {
    SimulatedSocket socket = connect();
    socket.send_split(text, {cut});
    world.run_for(50ms);
    EXPECT_EQ(socket.received().substr(socket.received().find("Upgrade:")), whole.substr(whole.find("Upgrade:")))
        << cut;
    socket.abort();
  }
  SimulatedSocket dripped = connect();
  for (char c : text) dripped.send(std::string(1, c), 1ms);
  world.run_for(2s);
  EXPECT_TRUE(dripped.received().ends_with("hi\x81\x02hi"));
  for (const std::string& name : opened) EXPECT_EQ(name, "192.0.2.7:4711");
  EXPECT_EQ(opened.size(), text.size() + 1);
}

TEST_F(Proxied, ATrustedPeerWithoutAValidHeaderIsCutWithoutAWordAndCounted) {
  start();
  const std::vector<std::pair<std::string, std::string_view>> broken = {
      {get_with(""), "proxy_no_signature"},
      {"PROXY TCP4 x 10.0.0.1 1 2\r\n" + get_with(""), "proxy_text_address"},
      {proxy_v2(0x21, 0x12, std::string(12, 'a')), "proxy_binary_not_a_stream"},
      {"PROXY " + std::string(200, 'x'), "proxy_text_too_long"},
      {proxy_v2(0x21, 0x11, std::string(12, 'a') + test::vector(0x20, "\x01\0\0\0"s)) + get_with(""),
       "proxy_tls_malformed"},
      {proxy_v2(0x21, 0x11, std::string(12, 'a') + tls_vector(0) + tls_vector(1)) + get_with(""),
       "proxy_tls_malformed"},
      {proxy_v2(0x21, 0x11, std::string(12, 'a') + tls_vector(1, "\x21")) + get_with(""), "proxy_binary_vector_cut"},
  };
  std::map<std::string_view, std::uint64_t> seen;
  for (const auto& [text, rule] : broken) {
    log.clear();
    SimulatedSocket socket = connect();
    socket.send(text);
    world.run_for(100ms);
    EXPECT_EQ(socket.received(), "") << rule;
    EXPECT_TRUE(is_over(socket)) << rule;
    EXPECT_EQ(server->stats().refused_by(rule), ++seen[rule]);
    EXPECT_NE(log.find("10.0.0.9:1000 " + std::string(rule)), std::string::npos) << log;
  }
  EXPECT_EQ(server->stats().requests, 0u);
  expect_nothing_left();
}

TEST_F(Proxied, FromAnybodyElseAHeaderIsABadRequestLine) {
  start();
  const io::Address stranger = *io::Address::parse("192.0.2.50:9");
  for (const std::string& header :
       {std::string(kLine), "PROXY UNKNOWN\r\n"s, proxy_v2(0x21, 0x11, std::string(12, 'a')), proxy_v2(0x20, 0, "")})
    EXPECT_TRUE(answer_to(header + get_with(""), stranger).starts_with("HTTP/1.1 400 ")) << header;
  EXPECT_NE(answer_to(get_with(""), stranger).find("from 192.0.2.50:9"), std::string::npos);
}

TEST_F(Proxied, ASecondHeaderIsABadRequestLineToo) {
  start();
  EXPECT_TRUE(answer_to(std::string(kLine) + std::string(kLine) + get_with("")).starts_with("HTTP/1.1 400 "));
}

TEST_F(Proxied, TheHandshakeTimeoutHoldsForHeaderAndHeadTogether) {
  Config config;
  config.handshake_timeout = 1s;
  start(config);
  SimulatedSocket silent = connect();
  SimulatedSocket half = connect();
  half.send(kLine.substr(0, 20));
  SimulatedSocket no_head = connect();
  no_head.send(kLine, 900ms);
  world.run_for(999ms);
  EXPECT_FALSE(is_over(silent));
  EXPECT_EQ(no_head.received(), "");
  world.run_for(300ms);
  EXPECT_TRUE(is_over(silent));
  EXPECT_TRUE(is_over(half));
  EXPECT_EQ(silent.received() + half.received(), "");
  EXPECT_TRUE(no_head.received().starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(server->stats().refused_by("proxy_timeout"), 2u);
  expect_nothing_left();
}

TEST_F(Proxied, TheLimitForAnAddressCountsWhomTheHeaderNames) {
  Config config;
  config.max_connections_per_address = 2;
  start(config);
  const auto open = [&](std::string_view name) {
    SimulatedSocket socket = connect();
    socket.send("PROXY TCP4 " + std::string(name) + " 10.0.0.1 1 2\r\n" + upgrade_with(""));
    world.run_for(100ms);
    return socket;
  };
  std::vector<SimulatedSocket> ann;
  for (int i = 0; i < 3; i++) ann.push_back(open("192.0.2.1"));
  std::vector<SimulatedSocket> waiting;  // they are nobody's yet
  for (int i = 0; i < 5; i++) waiting.push_back(connect());
  world.run_for(100ms);
  EXPECT_NE(ann[0].received().find("101"), std::string::npos);
  EXPECT_NE(ann[1].received().find("101"), std::string::npos);
  EXPECT_TRUE(ann[2].received().starts_with("HTTP/1.1 503 "));
  EXPECT_NE(open("192.0.2.2").received().find("101"), std::string::npos);
  // One that goes makes room again, whichever way it ended.
  ann[0].abort();
  world.run_for(1s);
  EXPECT_NE(open("192.0.2.1").received().find("101"), std::string::npos);
  EXPECT_TRUE(open("192.0.2.1").received().starts_with("HTTP/1.1 503 "));
  EXPECT_FALSE(is_over(waiting[0]));
}

TEST_F(Proxied, AServerThatIsFullSaysSoBeforeTheHeader) {
  Config config;
  config.max_connections = 1;
  start(config);
  SimulatedSocket first = connect();
  world.run_for(100ms);
  EXPECT_TRUE(answer_to(std::string(kLine) + get_with("")).starts_with("HTTP/1.1 503 "));
  first.send(std::string(kLine) + get_with(""));
  world.run_for(100ms);
  EXPECT_NE(first.received().find("from 192.0.2.7:4711"), std::string::npos);
}

TEST_F(Proxied, APeerThatEndsBeforeItsHeaderIsForgotten) {
  start();
  SimulatedSocket silent = connect();
  SimulatedSocket cut = connect();
  cut.send(kLine.substr(0, 10));
  SimulatedSocket reset = connect();
  reset.send(kLine.substr(0, 10));
  world.run_for(10ms);
  silent.close();
  cut.shutdown();
  reset.abort();
  world.run_for(1s);
  EXPECT_EQ(server->stats().sockets, 0u);
  EXPECT_EQ(server->stats().refused.size(), 0u);
  EXPECT_EQ(cut.received(), "");
}

TEST_F(Proxied, StoppingEndsThoseThatHaveNoHeaderYet) {
  start();
  SimulatedSocket silent = connect();
  SimulatedSocket half = connect();
  half.send(kLine.substr(0, 10));
  world.run_for(100ms);
  server->stop();
  world.run_for(100ms);
  EXPECT_TRUE(is_over(silent));
  EXPECT_TRUE(is_over(half));
  EXPECT_TRUE(server->stopped());
}

TEST_F(Proxied, PeersOfAUnixSocketMayBeTrustedToo) {
  start();
  io::Address local;
  local.family = io::Address::Family::local;
  EXPECT_NE(answer_to(std::string(kLine) + get_with(""), local).find("from 192.0.2.7:4711"), std::string::npos);
  EXPECT_EQ(answer_to(get_with(""), local), "");
}

TEST(ProxyConfig, AListThatHoldsNoRangeIsRefusedAndTheErrorNamesIt) {
  for (const auto field : {&Config::proxy_protocol, &Config::trusted_proxies}) {
    Config config;
    (config.*field) = {"10.0.0.0/8", "10.0.0.1/8"};
    Server server(config);
    const auto listening = server.listen("127.0.0.1:0");
    ASSERT_FALSE(listening);
    EXPECT_EQ(listening.error().kind, SystemError::Kind::config);
    EXPECT_NE(listening.error().text.find("10.0.0.1/8"), std::string::npos);
    EXPECT_NE(listening.error().text.find(field == &Config::proxy_protocol ? "proxy_protocol" : "trusted_proxies"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace brume

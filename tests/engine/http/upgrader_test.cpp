// Upgrades inside an ordinary handler: what is judged, what is chosen, and whose configuration holds.
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/upgrader.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/request_text.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::ParsedRequest;
using test::upgrade_with;

Task<> echo(Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;
}

// What an upgrader answers to one request, without a server.
Response judged(const Upgrader& upgrader, std::string_view text, std::string_view subprotocol = {}) {
  const ParsedRequest parsed(text);
  const io::Address peer;
  const Request request(*parsed, {}, peer, {});
  return upgrader.upgrade(request, echo, subprotocol);
}

TEST(UpgraderTest, AGoodRequestGives101AndNothingElse) {
  const Response response = judged(Upgrader(), upgrade_with(""));
  EXPECT_EQ(response.status(), 101);
  ASSERT_TRUE(response.upgrade());
  EXPECT_EQ(response.upgrade()->name, "/ws");
  EXPECT_EQ(response.subprotocol(), "");
  EXPECT_TRUE(response.valid());
  EXPECT_FALSE(response.error());
}

TEST(UpgraderTest, ARequestThatBreaksARuleGetsItsRefusal) {
  using enum codec::HttpError;
  const std::vector<std::pair<std::string, codec::HttpError>> refusals = {
      {"POST /ws HTTP/1.1\r\nHost: a.example\r\n\r\n", upgrade_method_not_get},
      {"GET /ws HTTP/1.0\r\nUpgrade: websocket\r\n\r\n", upgrade_needs_http_1_1},
      {upgrade_with("", "Upgrade"), upgrade_required},
      {upgrade_with("", "Connection"), connection_lacks_upgrade},
      {upgrade_with("", "Sec-WebSocket-Key"), missing_key},
      {upgrade_with("Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version"), unsupported_websocket_version},
      {upgrade_with("Content-Length: 1\r\n"), body_on_upgrade},
      {upgrade_with("Origin: http://b.example\r\n"), origin_refused},
  };
  for (const auto& [text, error] : refusals) {
    const Response response = judged(Upgrader(), text);
    EXPECT_EQ(response.error(), error) << text;
    EXPECT_EQ(response.status(), codec::info(error).status);
    EXPECT_FALSE(response.upgrade());
  }
}

TEST(UpgraderTest, H19_TheUsersCheckTakesThePlaceOfTheSameOriginRule) {
  RouteConfig config;
  config.check_origin = [](const Request& request) { return request.header("Origin") == "http://friend.example"; };
  const Upgrader upgrader(config);
  EXPECT_EQ(judged(upgrader, upgrade_with("Origin: http://friend.example\r\n")).status(), 101);
  EXPECT_EQ(judged(upgrader, upgrade_with("Origin: http://a.example\r\n")).status(), 403);
  EXPECT_EQ(judged(upgrader, upgrade_with("")).status(), 403);
}

TEST(UpgraderTest, TheFirstConfiguredSubprotocolThatIsOfferedIsChosenUnlessTheHandlerChooses) {
  RouteConfig config;
  config.subprotocols = {"v2", "v1"};
  const Upgrader upgrader(config);
  EXPECT_EQ(judged(upgrader, upgrade_with("Sec-WebSocket-Protocol: v1, v2\r\n")).subprotocol(), "v2");
  EXPECT_EQ(judged(upgrader, upgrade_with("Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: x\r\n")).subprotocol(),
            "v1");
  EXPECT_EQ(judged(upgrader, upgrade_with("Sec-WebSocket-Protocol: V1\r\n")).subprotocol(), "");
  EXPECT_EQ(judged(upgrader, upgrade_with("Sec-WebSocket-Protocol: own, v2\r\n"), "own").subprotocol(), "own");
}

TEST(UpgraderTest, H21_AChosenSubprotocolThatWasNotOfferedOrIsNoTokenIs500) {
  const std::string offer = upgrade_with("Sec-WebSocket-Protocol: a\r\n");
  for (const char* chosen : {"b", "A", "a,b", "a\r\nX: y", " a"})
    EXPECT_EQ(judged(Upgrader(), offer, chosen).status(), 500) << chosen;
  EXPECT_EQ(judged(Upgrader(), upgrade_with(""), "a").status(), 500);
}

TEST(UpgraderTest, TheHookChoosesAmongWhatWasOfferedAndSeesTheRequest) {
  RouteConfig config;
  config.subprotocols = {"v1"};  // the hook takes its place
  std::vector<std::string> offers;
  config.choose_subprotocol = [&](const Request& request, std::span<const std::string_view> offered) {
    offers.assign(offered.begin(), offered.end());
    return std::string(request.query("want").value_or(""));
  };
  const Upgrader upgrader(config);
  const auto chosen = [&](std::string_view want, std::string_view fields, std::string_view own = {}) {
    std::string text = upgrade_with(fields);
    text.replace(text.find("/ws"), 3, "/ws?want=" + std::string(want));
    return judged(upgrader, text, own);
  };
  const std::string offer = "Sec-WebSocket-Protocol: v1, v2\r\nSec-WebSocket-Protocol: v3\r\n";
  EXPECT_EQ(chosen("v3", offer).subprotocol(), "v3");
  EXPECT_EQ(offers, (std::vector<std::string>{"v1", "v2", "v3"}));
  EXPECT_EQ(chosen("", offer).subprotocol(), "");
  EXPECT_EQ(chosen("", offer).status(), 101);
  EXPECT_EQ(chosen("", "").status(), 101);
  EXPECT_TRUE(offers.empty());
  EXPECT_EQ(chosen("v2", offer, "v1").subprotocol(), "v1");
  // H21: what was not offered, or is no token
  for (const char* want : {"v4", "V1", "v1%2C", "%0d%0a"}) EXPECT_EQ(chosen(want, offer).status(), 500) << want;
  EXPECT_EQ(chosen("v1", "").status(), 500);
}

TEST(UpgraderTest, TheHookOnCompressionSeesWhatIsOfferedAndSwitchesOffOrTunesOrRefusesNothing) {
  RouteConfig config;
  config.compression = {.enabled = true, .server_context_takeover = true, .level = 5};
  std::vector<std::string> offers;
  int calls = 0;
  config.choose_compression = [&](const Request& request, std::span<const std::string_view> offered, Compression& use) {
    calls++;
    offers.assign(offered.begin(), offered.end());
    EXPECT_TRUE(use.enabled && use.server_context_takeover);
    EXPECT_EQ(use.level, 5);
    const std::string want = request.query("want").value_or("");
    if (want == "none") use.enabled = false;
    if (want == "small") use.server_max_window_bits = use.client_max_window_bits = 9;
    if (want == "alone") use.server_context_takeover = false;
    if (want == "wrong") use.server_max_window_bits = 8;
  };
  const auto chosen = [&](std::string_view want, std::string_view offer) {
    std::string text =
        upgrade_with(offer.empty() ? std::string() : "Sec-WebSocket-Extensions: " + std::string(offer) + "\r\n");
    text.replace(text.find("/ws"), 3, "/ws?want=" + std::string(want));
    return judged(Upgrader(config), text);
  };
  const std::string offer = "x-other; a=\"b\", permessage-deflate; client_max_window_bits, permessage-deflate";
  const auto as_it_stands = chosen("", offer).deflate();
  ASSERT_TRUE(as_it_stands);
  EXPECT_FALSE(as_it_stands->settings.server_no_context_takeover);
  EXPECT_EQ(as_it_stands->settings.server_max_window_bits, 15);
  EXPECT_EQ(offers, (std::vector<std::string>{"x-other; a=\"b\"", "permessage-deflate; client_max_window_bits",
                                              "permessage-deflate"}));
  EXPECT_FALSE(chosen("none", offer).deflate());
  EXPECT_EQ(chosen("none", offer).status(), 101);
  const auto small = chosen("small", offer).deflate();
  ASSERT_TRUE(small);
  EXPECT_EQ(small->settings.server_max_window_bits, 9);
  EXPECT_EQ(small->settings.client_max_window_bits, 9);
  const auto alone = chosen("alone", offer).deflate();
  ASSERT_TRUE(alone);
  EXPECT_TRUE(alone->settings.server_no_context_takeover);
  EXPECT_EQ(chosen("wrong", offer).status(), 500);
  // Where nothing is offered there is nothing to choose.
  const int before = calls;
  EXPECT_EQ(chosen("wrong", "").status(), 101);
  EXPECT_EQ(calls, before);
}

TEST(UpgraderTest, TheHookOnCompressionMaySwitchItOnForOneRequestAndTheHookOnTheUpgradeSeesWhatWasAgreed) {
  RouteConfig config;  // off
  config.choose_compression = [](const Request& request, auto, Compression& use) {
    use.enabled = request.header("User-Agent") == "good";
  };
  std::vector<bool> agreed;
  config.on_upgrade = [&](const Request&, Response& response) { agreed.push_back(response.deflate().has_value()); };
  const std::string offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
  EXPECT_TRUE(judged(Upgrader(config), upgrade_with(offer + "User-Agent: good\r\n")).deflate());
  EXPECT_FALSE(judged(Upgrader(config), upgrade_with(offer + "User-Agent: bad\r\n")).deflate());
  EXPECT_EQ(agreed, (std::vector<bool>{true, false}));
}

TEST(UpgraderTest, TheHookOnAnUpgradeAddsFieldsOrRefuses) {
  RouteConfig config;
  config.on_upgrade = [](const Request& request, Response& response) {
    EXPECT_EQ(response.status(), 101);
    if (request.cookie("session")) {
      response.header("Set-Cookie", "seen=1");
    } else {
      response = Response::unauthorized("no session");
    }
  };
  const Response known = judged(Upgrader(config), upgrade_with("Cookie: session=a\r\n"));
  ASSERT_TRUE(known.upgrade());
  ASSERT_EQ(known.headers().size(), 1u);
  EXPECT_EQ(known.headers()[0].second, "seen=1");
  const Response stranger = judged(Upgrader(config), upgrade_with(""));
  EXPECT_FALSE(stranger.upgrade());
  EXPECT_EQ(stranger.status(), 401);
  EXPECT_EQ(stranger.body(), "no session");
  EXPECT_EQ(judged(Upgrader(config), upgrade_with("Origin: http://b.example\r\n")).status(), 403);
}

TEST(UpgraderTest, FieldsOfTheHandshakeAreTheServersAlone) {
  for (const char* name : {"Upgrade", "sec-websocket-accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions",
                           "Connection", "Content-Length"}) {
    Response response = judged(Upgrader(), upgrade_with(""));
    EXPECT_TRUE(response.valid());
    response.header(name, "x");
    EXPECT_FALSE(response.valid()) << name;
  }
  EXPECT_TRUE(Response(426).header("Upgrade", "websocket").valid());
}

class Upgrades : public testing::Test {
 protected:
  void start() {
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
  }
  static RouteConfig of_size(std::size_t max_message_size) {
    RouteConfig config;
    config.max_message_size = max_message_size;
    return config;
  }

  Simulator world{SimulatorOptions{}};
  Server server{world};
};

TEST_F(Upgrades, AnEndpointThatIsKeptServesEachUpgradeUnderThatUpgradersConfiguration) {
  const WebSocketEndpoint kept = websocket(echo);
  const Upgrader small(of_size(10));
  const Upgrader large(of_size(1000));
  server.get("/small", [&](Request& request) { return small.upgrade(request, kept); });
  server.get("/large", [&](Request& request) { return large.upgrade(request, kept); });
  start();
  auto one = world.connect(server, "/small");
  world.run_until_idle();
  auto two = world.connect(server, "/large");
  world.run_until_idle();
  one.send_text(std::string(20, 'a'));
  two.send_text(std::string(20, 'a'));
  world.run_until_idle();
  EXPECT_EQ(one.close_code(), 1009);
  EXPECT_EQ(two.last_text(), std::string(20, 'a'));
}

TEST_F(Upgrades, AConfigurationOutOfRangeIs500AndTheLogNamesItsField) {
  std::string log;
  server.set_log([&log](LogLevel, std::string_view line) { log.append(line).append("\n"); });
  RouteConfig broken;
  broken.max_fragments = 0;
  const Upgrader upgrader(broken);
  const WebSocketEndpoint endpoint = websocket(broken, echo);
  server.get("/upgrader", [&](Request& request) { return upgrader.upgrade(request, echo); });
  server.get("/endpoint", [&](Request& request) { return Upgrader().upgrade(request, endpoint); });
  start();
  for (const char* path : {"/upgrader", "/endpoint"}) {
    log.clear();
    auto client = world.connect(server, path);
    world.run_for(1s);
    EXPECT_EQ(client.status(), 500) << path;
    EXPECT_NE(log.find("max_fragments is 0"), std::string::npos) << log;
  }
}

TEST_F(Upgrades, HandlersChecksComeFirstAndSeeCookiesQueryAndPathParameters) {
  Upgrader upgrader;
  server.get("/private/:room", [&](Request& request) -> Task<Response> {
    const auto user = request.cookie("session");
    if (!user) co_return Response::unauthorized("no session");
    if (request.query("v") != "2") co_return Response::bad_request("old");
    co_return upgrader.upgrade(request,
                               [greeting = std::string(*user) + " in " +
                                           std::string(request.parameter("room"))](Connection& connection) -> Task<> {
                                 (void)connection.send_text(greeting);
                                 co_return;
                               });
  });
  start();
  ClientOptions known;
  known.headers = {{"Cookie", "a=b; session=ann"}};
  auto stranger = world.connect(server, "/private/lobby?v=2");
  auto old = world.connect(server, "/private/lobby", known);
  auto ann = world.connect(server, "/private/the%20lobby?v=2", known);
  world.run_until_idle();
  EXPECT_EQ(stranger.status(), 401);
  EXPECT_EQ(stranger.response_body(), "no session");
  EXPECT_EQ(old.status(), 400);
  EXPECT_EQ(ann.last_text(), "ann in the lobby");
}

TEST_F(Upgrades, HooksServePlainWebSocketRoutesAndOneThatThrowsIs500) {
  RouteConfig config;
  config.choose_subprotocol = [](const Request&, std::span<const std::string_view> offered) {
    if (offered.empty()) throw std::runtime_error("nothing offered");
    return std::string(offered.back());
  };
  config.on_upgrade = [](const Request& request, Response& response) {
    if (request.header("X-Fail")) throw std::runtime_error("as asked");
    response.header("X-Served-By", "core");
    if (request.header("X-Split")) response.header("X", "a\r\nb");
  };
  server.get("/", websocket(config, echo));
  start();
  ClientOptions two;
  two.subprotocols = {"a", "b"};
  ClientOptions failing = two;
  failing.headers = {{"X-Fail", "1"}};
  ClientOptions splitting = two;
  splitting.headers = {{"X-Split", "1"}};
  auto good = world.connect(server, "/", two);
  auto none = world.connect(server, "/");
  auto fails = world.connect(server, "/", failing);
  auto splits = world.connect(server, "/", splitting);
  good.send_text("hi");
  world.run_for(1s);
  EXPECT_EQ(good.subprotocol(), "b");
  EXPECT_EQ(good.response_field("X-Served-By"), "core");
  EXPECT_EQ(good.last_text(), "hi");
  EXPECT_EQ(none.status(), 500);
  EXPECT_EQ(fails.status(), 500);
  EXPECT_EQ(splits.status(), 500);
  EXPECT_EQ(server.stats().refused_by("handler_exception"), 2u);
}

TEST_F(Upgrades, PlainRequestsThenTheUpgradeAndFramesRightBehindItShareOneConnection) {
  server.get("/", websocket(echo));
  server.get("/plain", [](Request&) { return Response::text("ok"); });
  start();
  auto socket = world.connect_raw(server);
  const std::string plain = "GET /plain HTTP/1.1\r\nHost: a.example\r\n\r\n";
  std::string upgrade = upgrade_with("");
  upgrade.replace(upgrade.find("/ws"), 3, "/");
  using namespace std::string_literals;
  const std::string frames =
      "\x81\x81\0\0\0\0"
      "a\x81\x81\0\0\0\0"
      "b"s;
  socket.send(plain);
  world.run_for(1s);
  socket.send(plain + upgrade + frames);
  world.run_for(1s);
  const std::string& all = socket.received();
  EXPECT_EQ(server.stats().accepted, 1u);
  EXPECT_EQ(server.stats().requests, 3u);
  EXPECT_NE(all.find("101 Switching Protocols"), std::string::npos);
  EXPECT_TRUE(
      all.ends_with("\r\n\r\n\x81\x01"
                    "a\x81\x01"
                    "b"))
      << all;
}

TEST_F(Upgrades, FieldsAddedToAnUpgradeAreSentWithThe101) {
  Upgrader upgrader;
  server.get("/", [&](Request& request) { return upgrader.upgrade(request, echo).header("Set-Cookie", "a=b"); });
  server.get("/bad", [&](Request& request) { return upgrader.upgrade(request, echo).header("X", "a\r\nb"); });
  start();
  auto client = world.connect(server, "/");
  auto bad = world.connect(server, "/bad");
  world.run_until_idle();
  EXPECT_TRUE(client.upgraded());
  EXPECT_EQ(client.response_field("Set-Cookie"), "a=b");
  EXPECT_EQ(bad.status(), 500);
}

}  // namespace
}  // namespace brume

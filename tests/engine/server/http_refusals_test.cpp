// Each form of the bad-input rows T4 and H1 to H19 that is refused, through a whole server: the exact status and the
// fields it demands, the end of the connection, that no handler ran and that nobody else noticed; whatever the split.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/request_text.h>
#include <brume/tests/support/upgrade_text.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using test::repeat;
using test::upgrade_text;
using test::UpgradeText;

struct Case {
  std::string row;
  std::string request;
  int status;
  std::vector<std::string> fields = {};  // that the answer must have
};

class Cases {
 public:
  // One case for each value of one line of the upgrade request.
  void lines(std::string_view row, int status, std::string UpgradeText::* line, const std::vector<std::string>& values,
             const std::vector<std::string>& fields = {}) {
    for (const std::string& value : values)
      all.push_back({std::string(row), upgrade_text([&](UpgradeText& u) { u.*line = value; }), status, fields});
  }
  // One for each value of a field that stands on a line of its own.
  void values(std::string_view row, int status, std::string UpgradeText::* line, std::string_view name,
              const std::vector<std::string>& values, const std::vector<std::string>& fields = {}) {
    for (const std::string& value : values)
      lines(row, status, line, {std::string(name) + ": " + value + "\r\n"}, fields);
  }
  void texts(std::string_view row, int status, const std::vector<std::string>& requests) {
    for (const std::string& request : requests) all.push_back({std::string(row), request, status});
  }

  std::vector<Case> all;
};

std::string post(std::string_view fields, std::string_view body = {}, std::string_view version = "1.1") {
  return "POST /say HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n" +
         std::string(body);
}

void add_request_lines(Cases& cases) {
  using U = UpgradeText;
  for (const char* method : {"POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT"})
    cases.lines("H1", 405, &U::line, {method + " /ws HTTP/1.1"s}, {"Allow: GET"});
  cases.lines("H1", 501, &U::line, {"BREW /ws HTTP/1.1", "get /ws HTTP/1.1", "GETT /ws HTTP/1.1"});
  cases.lines("H1", 400, &U::line, {"G@T /ws HTTP/1.1", "G(T /ws HTTP/1.1", " /ws HTTP/1.1", "G\xc3T /ws HTTP/1.1"});
  cases.lines("H2", 400, &U::line, {"GET /ws HTTP/1.0"});
  cases.lines("H2", 505, &U::line, {"GET /ws HTTP/2.0", "GET /ws HTTP/3.0", "GET /ws HTTP/0.9", "GET /ws HTTP/1.2"});
  cases.texts("H2", 505, {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"});
  cases.lines("H2", 400, &U::line,
              {"GET /ws HTTX/1.1", "GET /ws http/1.1", "GET /ws HTTP/1", "GET /ws HTTP/1.10", "GET /ws HTTP/11.1",
               "GET /ws HTTP/1,1", "GET /ws HTTP/a.b", "GET /ws HTTP/", "GET /ws", "GET /ws ", "GET",
               "GET /ws\tHTTP/1.1", "GET /ws HTTP/1.1 ", "GET  /ws HTTP/1.1", "GET /ws  HTTP/1.1"});
  cases.lines(
      "H3", 400, &U::line,
      {"GET * HTTP/1.1", "GET example.com:80 HTTP/1.1", "GET ws HTTP/1.1", "GET /a#b HTTP/1.1", "GET /ws# HTTP/1.1",
       "GET /a b HTTP/1.1", "GET /a\x01 HTTP/1.1", "GET /a\tb HTTP/1.1", "GET /a\x7f HTTP/1.1",
       "GET /\xc3\xa9 HTTP/1.1", "GET /ws?\xff HTTP/1.1", "GET ftp://a/ws HTTP/1.1", "GET http:///ws HTTP/1.1",
       "GET http://u@a/ws HTTP/1.1", "GET http://a:x/ws HTTP/1.1", "GET /a"s + '\0' + " HTTP/1.1"});
  cases.lines("H3", 414, &U::line, {"GET /" + std::string(17'000, 'a') + " HTTP/1.1", std::string(17'000, 'G')});
  cases.lines("404", 404, &U::line,
              {"GET /nowhere HTTP/1.1", "GET /../ws HTTP/1.1", "GET /%2e%2e/ws HTTP/1.1", "GET /ws%00 HTTP/1.1",
               "GET /ws%2 HTTP/1.1", "GET /%zz HTTP/1.1", "GET /x%2f..%2fws HTTP/1.1", "GET /ws/ HTTP/1.1",
               "GET /x\\..\\ws HTTP/1.1", "GET http://a HTTP/1.1", "GET /" + std::string(16'000, 'a') + " HTTP/1.1"});
}

void add_handshake_fields(Cases& cases) {
  using U = UpgradeText;
  const std::vector<std::string> both = {"Upgrade: websocket", "Sec-WebSocket-Version: 13"};
  cases.lines("H4", 400, &U::host, {"", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n"});
  cases.values(
      "H4", 400, &U::host, "Host",
      {"", "a, b", "a:99999", "a:b", "a b", "a/b", "u@a", "[::1", "[::g]", "::1", "a:1:2", "http://a", "a\xc3"});
  cases.lines("H5", 426, &U::upgrade, {""}, both);
  cases.values("H5", 426, &U::upgrade, "Upgrade", {"", "h2c", "web socket", "websockets", "\"websocket\"", "h2c, ws"},
               both);
  cases.lines("H6", 400, &U::connection, {""});
  cases.values("H6", 400, &U::connection, "Connection", {"", "keep-alive", "close", "upgraded", "keep-alive Upgrade"});
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  cases.lines("H7", 400, &U::key, {"", key + key, key + "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"});
  cases.values("H7", 400, &U::key, "Sec-WebSocket-Key",
               {"", "short==", "dGhlIHNhbXBsZSB*b25jZQ==", "dGhlIHNhbXBsZSB_b25jZQ==", "dGhlIHNhbXBs ZSBub25jZQ=",
                "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=A",
                "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZWE=", "dGhlIHNhbXBsZSBub25jZWFi",
                "=GhlIHNhbXBsZSBub25jZQ==", "\"dGhlIHNhbXBsZSBub25jZQ\"", std::string(8'000, 'A')});
  const std::string version = "Sec-WebSocket-Version: 13\r\n";
  cases.lines("H8", 400, &U::version, {"", version + version, version + "Sec-WebSocket-Version: 8\r\n"});
  cases.values("H8", 426, &U::version, "Sec-WebSocket-Version",
               {"0", "7", "8", "12", "14", "013", "13,8", "8, 13", "99999999999", "", "+13", "13.0", "0x0d", "1 3",
                "\"13\"", "-13", std::string(8'000, '1')},
               both);
  cases.values("H9", 400, &U::more, "Sec-WebSocket-Protocol",
               {"", ",", "a,,b", ",a", "a,", "a, ,b", "a, a", "b@d", "a b", "\"a\"", "a;b", "\xc3\xa9",
                std::string(15'000, ' ') + ",", "a," + std::string(15'000, ' ') + "b@d"});
  cases.lines("H9", 400, &U::more, {"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n"});
  cases.values("H10", 400, &U::more, "Sec-WebSocket-Extensions",
               {"", ",", "x,,y", "x; y=\"open", "x;", ";y", "x; =1", "x; y=", "x y", "\"x\"", "x; y=a b", "x; y=\"\\",
                "x; y=\"" + repeat("\\c", 7'000), std::string(15'000, ' ')});
  cases.values(
      "H19", 403, &U::more, "Origin",
      {"http://elsewhere.net", "null", "NULL", "", "http://example.com.evil", "http://evil-example.com",
       "http://example.com:8080", "http://example.com@evil", "http://example.com/", "http://", "example.com",
       "file://example.com", "http://example.com, http://example.com", "http://[::1]", "javascript:example.com"});
  cases.lines("H19", 403, &U::more,
              {"Origin: http://example.com\r\nOrigin: http://example.com\r\n", "Origin: null\r\nCookie: s=1\r\n"});
}

void add_field_lines(Cases& cases) {
  using U = UpgradeText;
  cases.lines("H11", 400, &U::more,
              {"X-A : b\r\n", "X-A\t: b\r\n", ": b\r\n", "X(A): b\r\n", "X A: b\r\n", "\xc3: b\r\n", "no colon\r\n"});
  cases.lines("H11", 400, &U::host, {" Host: example.com\r\n", "\tHost: example.com\r\n"});
  cases.lines("H12", 400, &U::more, {"X-A: b\r\n c\r\n", "X-A: b\r\n\tc\r\n", "X-A:\r\n b\r\n", "X-A: b\r\n \r\n"});
  cases.texts("H13", 400,
              {"GET /ws HTTP/1.1\nHost: a\n\n", "\n" + UpgradeText().text(), "\r\n\r\n" + UpgradeText().text(),
               "\r" + UpgradeText().text(), " " + UpgradeText().text(), "\r\n " + UpgradeText().text(),
               std::string(1, '\0') + UpgradeText().text()});
  cases.lines("H13", 400, &U::more,
              {"X-A: b\n", "X-A: a\rb\r\n", "X-A: a\r\r\n", "X-A: a\0b\r\n"s, "X\0A: b\r\n"s, "X-A: a\x01\r\n",
               "X-A: a\x7f\r\n", "X-A: \x1b[31m\r\n", "X-A: b\r\n\n"});
  cases.lines("H14", 431, &U::more,
              {"X-A: " + std::string(17'000, 'a') + "\r\n", "X-A: " + std::string(17'000, ' ') + "\r\n",
               std::string(17'000, 'X') + ": a\r\n", "X-A: " + std::string(200'000, 'a'), repeat("X: y\r\n", 96),
               repeat("X: y\r\n", 2'000)});
  cases.texts("T4", 400, {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "\x16"s, "\x15\x03\x01\x00\x02\x02\x0a"s});
}

void add_bodies(Cases& cases) {
  using U = UpgradeText;
  const std::vector<std::string> lengths = {
      "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 4\r\nContent-Length: 5\r\n",
      "Content-Length: 4\r\nContent-Length: 4\r\n",
      "Content-Length: +1\r\n",
      "Content-Length: -1\r\n",
      "Content-Length: 0x1\r\n",
      "Content-Length: 1,1\r\n",
      "Content-Length: 1 1\r\n",
      "Content-Length: \r\n",
      "Content-Length: 1a\r\n",
      "Content-Length: 18446744073709551616\r\n",
      "Content-Length: 99999999999999999999\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked, gzip\r\n",
      "Transfer-Encoding: \r\n",
      "Transfer-Encoding: chunked;x\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
  };
  cases.lines("H15", 400, &U::more, lengths);
  cases.lines("H15", 400, &U::more,
              {"Content-Length: 4\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n"});
  for (const std::string& fields : lengths) cases.texts("H15", 400, {post(fields)});
  cases.texts("H15", 501, {post("Transfer-Encoding: gzip, chunked\r\n")});
  cases.texts(
      "H15", 400,
      {post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "1.0"), post("Transfer-Encoding: chunked\r\n", "x\r\n"),
       post("Transfer-Encoding: chunked\r\n", "1\nab"), post("Transfer-Encoding: chunked\r\n", "1\r\nab"),
       post("Transfer-Encoding: chunked\r\n", "-1\r\n"), post("Transfer-Encoding: chunked\r\n", "0x1\r\n"),
       post("Transfer-Encoding: chunked\r\n", "00000000000000001\r\n"),
       post("Transfer-Encoding: chunked\r\n", "0\r\nX-A : b\r\n"),
       "GET /plain HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
       "HEAD /plain HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"});
  cases.texts("413", 413,
              {post("Content-Length: 1001\r\n"), post("Content-Length: 18446744073709551615\r\n"),
               post("Transfer-Encoding: chunked\r\n", "3e9\r\n"),
               post("Transfer-Encoding: chunked\r\n", "ffffffffffffffff\r\n"),
               post("Transfer-Encoding: chunked\r\n", "3e8\r\n" + std::string(1000, 'a') + "\r\n1\r\n")});
  cases.all.push_back({"405", "PUT /say HTTP/1.1\r\nHost: a\r\n\r\n", 405, {"Allow: POST"}});
  cases.all.push_back({"405", "DELETE /plain HTTP/1.1\r\nHost: a\r\n\r\n", 405, {"Allow: GET, HEAD"}});
}

std::vector<Case> all_cases() {
  Cases cases;
  add_request_lines(cases);
  add_handshake_fields(cases);
  add_field_lines(cases);
  add_bodies(cases);
  return std::move(cases.all);
}

class HttpRefusals : public testing::TestWithParam<bool> {
 protected:
  HttpRefusals() : server(world, config()) {
    server.get("/ws", websocket({.open = [this](Connection&) { called++; },
                                 .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    server.post("/say", [this](Request& request) {
      called++;
      return Response::text(std::string(request.body_text()));
    });
    server.get("/plain", [this](Request&) {
      called++;
      return Response::text("plain");
    });
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }
  static Config config() {
    Config config;
    config.max_body_size = 1000;
    return config;
  }
  void send(SimulatedSocket socket, const std::string& request) const {
    if (!GetParam()) return socket.send(request);
    std::vector<std::size_t> offsets;
    for (std::size_t i = 1; i < request.size(); i++) offsets.push_back(i);
    socket.send_split(request, offsets, 1us);
  }

  Simulator world{SimulatorOptions{}};
  int called = 0;
  Server server;
};

INSTANTIATE_TEST_SUITE_P(Splits, HttpRefusals, testing::Bool(),
                         [](const auto& split) { return split.param ? "ByteByByte" : "Whole"; });

TEST_P(HttpRefusals, EachHasItsStatusItsFieldsAndEndsTheConnection) {
  auto other = world.connect(server, "/ws");
  world.run_until_idle();
  const std::vector<Case> cases = all_cases();
  for (const Case& each : cases) {
    SCOPED_TRACE(each.row + " " + testing::PrintToString(each.request.substr(0, 300)));
    auto socket = world.connect_raw(server);
    send(socket, each.request);
    world.run_for(1s);
    const std::string& answer = socket.received();
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(each.status) + " ")) << answer;
    for (const std::string& field : each.fields)
      EXPECT_NE(answer.find("\r\n" + field + "\r\n"), std::string::npos) << answer;
    // RFC 9110, section 7.8: who sends Upgrade names it in Connection.
    const std::string connection = each.status == 426 ? "close, Upgrade" : "close";
    EXPECT_NE(answer.find("\r\nConnection: " + connection + "\r\n"), std::string::npos) << answer;
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << answer;
    EXPECT_TRUE(socket.received_fin() || socket.received_rst());
    socket.close();
    if (HasFailure()) return;
  }
  world.run_for(15s);
  EXPECT_EQ(called, 1);  // the other client's
  EXPECT_EQ(server.stats().sockets, 1u);
  other.send_text("still here");
  world.run_until_idle();
  EXPECT_EQ(other.last_text(), "still here");
  std::uint64_t counted = 0;
  for (const auto& [rule, count] : server.stats().refused) counted += count;
  EXPECT_EQ(counted, cases.size());
}

TEST_P(HttpRefusals, H3H4H5H6H7H9H10H13H15H19_WhatIsOddButAllowedIsAccepted) {
  using U = UpgradeText;
  Cases cases;
  cases.lines("H3", 101, &U::line,
              {"GET http://example.com/ws HTTP/1.1", "GET WS://example.com:80/ws?a=b HTTP/1.1",
               "GET /ws?a=/../b%zz HTTP/1.1", "GET /%77s HTTP/1.1"});
  cases.values("H4", 101, &U::host, "Host", {"example.com:", "[::1]:80", "a_b", "127.0.0.1:1"});
  cases.values("H5", 101, &U::upgrade, "Upgrade", {"h2c, WebSocket", "h2c\r\nUpgrade: websocket", "websocket, h2c"});
  cases.values("H6", 101, &U::connection, "Connection",
               {"keep-alive, upgrade", "UPGRADE", "keep-alive\r\nConnection: Upgrade", ",Upgrade"});
  cases.values("H7", 101, &U::key, "Sec-WebSocket-Key", {"AAAAAAAAAAAAAAAAAAAAAB==", "  AAAAAAAAAAAAAAAAAAAAAA==\t"});
  cases.values("H8", 101, &U::version, "Sec-WebSocket-Version", {" 13 "});
  cases.values("H9", 101, &U::more, "Sec-WebSocket-Protocol",
               {"unheard.of", "a,b", "a\r\nSec-WebSocket-Protocol: b", "a," + std::string(15'000, ' ') + "b"});
  cases.values("H10", 101, &U::more, "Sec-WebSocket-Extensions",
               {"constructor; toString=1", "x; y=\"a\"", "x\r\nSec-WebSocket-Extensions: y; z", "__proto__",
                repeat("x, ", 4'000) + "x", "x; y=\"" + repeat("\\c", 7'000) + "\""});
  cases.lines("H13", 101, &U::more, {"X-A: tab\tand \xc3\xa9\r\n", "X-A:\r\n"});
  cases.texts("H13", 101, {"\r\n" + UpgradeText().text()});
  cases.lines("H15", 101, &U::more, {"Content-Length: 0\r\n"});
  cases.values("H19", 101, &U::more, "Origin",
               {"HTTP://EXAMPLE.com:80", "http://example.com", "https://example.com", "ws://example.com"});
  for (const Case& each : cases.all) {
    auto socket = world.connect_raw(server);
    send(socket, each.request);
    world.run_for(1s);
    EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 101 ")) << each.row << " " << each.request << socket.received();
    EXPECT_EQ(socket.received().find("Sec-WebSocket-Protocol"), std::string::npos);
    EXPECT_EQ(socket.received().find("Sec-WebSocket-Extensions"), std::string::npos);
    socket.abort();
  }
  EXPECT_EQ(called, static_cast<int>(cases.all.size()));
}

TEST_P(HttpRefusals, H14_OneFieldAndOneByteBelowAtAndAboveTheLimitsWithUpgradeLast) {
  constexpr int kFields = 100;
  for (const int count : {kFields - 1, kFields, kFields + 1}) {
    UpgradeText upgrade;
    std::string head = upgrade.line + "\r\n" + upgrade.host;
    for (int i = 0; i < count - 5; i++) head += "X-" + std::to_string(i) + ": y\r\n";
    head += upgrade.connection + upgrade.key + upgrade.version + upgrade.upgrade + "\r\n";
    auto socket = world.connect_raw(server);
    send(socket, head);
    world.run_for(1s);
    EXPECT_TRUE(socket.received().starts_with(count <= kFields ? "HTTP/1.1 101 " : "HTTP/1.1 431 ")) << count;
    socket.abort();
  }
  constexpr std::size_t kSize = 16 * 1024;
  for (const std::size_t size : {kSize - 1, kSize, kSize + 1}) {
    UpgradeText upgrade;
    const std::size_t filler = size - upgrade.text().size() - std::string_view("X: \r\n").size();
    upgrade.host += "X: " + std::string(filler, 'a') + "\r\n";
    ASSERT_EQ(upgrade.text().size(), size);
    auto socket = world.connect_raw(server);
    send(socket, upgrade.text());
    world.run_for(1s);
    EXPECT_TRUE(socket.received().starts_with(size <= kSize ? "HTTP/1.1 101 " : "HTTP/1.1 431 ")) << size;
    socket.abort();
  }
  EXPECT_EQ(called, 4);
}

}  // namespace
}  // namespace brume

// X-Forwarded-For and X-Forwarded-Proto: believed of trusted proxies, and of nobody else.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/forwarded.h>
#include <brume/engine/http/owned_request.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/request_text.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::get_with;
using test::ParsedRequest;

std::vector<io::AddressRange> trusted() {
  return {*io::AddressRange::parse("10.0.0.0/8"), *io::AddressRange::parse("fd00::/8"),
          *io::AddressRange::parse("unix")};
}

Forwarded forwarded(std::string_view fields, std::string_view peer = "10.0.0.1") {
  const ParsedRequest parsed(get_with(fields));
  io::Address address;
  address.family = io::Address::Family::local;
  if (peer != "unix") address = *io::Address::parse_host(peer);
  return http::read_forwarded(*parsed, address, trusted());
}

std::string client(std::string_view fields, std::string_view peer = "10.0.0.1") {
  const Forwarded found = forwarded(fields, peer);
  return found.client ? found.client->to_string() : "the peer";
}

TEST(Forwarded, TheRightmostAddressThatIsNotTrustedIsTheClient) {
  EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7, 10.9.9.9\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1, 192.0.2.7, 10.9.9.9, fd00::1\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1,2.2.2.2,192.0.2.7\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: 2001:db8::7\r\n", "fd00::2"), "[2001:db8::7]:0");
  EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7\r\n", "unix"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: ::ffff:192.0.2.7, ::ffff:10.1.1.1\r\n"), "192.0.2.7:0");
}

TEST(Forwarded, WhereAllAreTrustedItIsTheFirst) {
  EXPECT_EQ(client("X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n"), "10.1.1.1:0");
}

TEST(Forwarded, SeveralLinesAreOneList) {
  EXPECT_EQ(client("X-Forwarded-For: 1.1.1.1\r\nX: y\r\nx-forwarded-for: 192.0.2.7, 10.1.1.1\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7\r\nX-FORWARDED-FOR: 10.1.1.1\r\n"), "192.0.2.7:0");
}

TEST(Forwarded, PortsAndBracketsAreTakenOff) {
  EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7:4711\r\n"), "192.0.2.7:0");
  EXPECT_EQ(client("X-Forwarded-For: [2001:db8::7]\r\n"), "[2001:db8::7]:0");
  EXPECT_EQ(client("X-Forwarded-For: [2001:db8::7]:80, 10.0.0.2:1\r\n"), "[2001:db8::7]:0");
}

TEST(Forwarded, RubbishEndsTheWalkAtTheLastHopThatIsKnown) {
  for (const char* rubbish :
       {"", "unknown", "_hidden", "example.com", "1.2.3", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:123456", "[1.2.3.4]:80",
        "[::1", "[::1]80", "[::1]:", "\"1.2.3.4\"", "::1%eth0", "1.2.3.4 5.6.7.8"}) {
    const std::string text(rubbish);
    EXPECT_EQ(client("X-Forwarded-For: " + text + "\r\n"), "the peer") << rubbish;
    EXPECT_EQ(client("X-Forwarded-For: 192.0.2.7, " + text + ", 10.3.3.3\r\n"), "10.3.3.3:0") << rubbish;
    EXPECT_EQ(client("X-Forwarded-For: " + text + ", 192.0.2.7\r\n"), "192.0.2.7:0") << rubbish;
  }
  EXPECT_EQ(client("X-Forwarded-For: ,,,\r\n"), "the peer");
}

TEST(Forwarded, NothingIsBelievedOfAPeerThatIsNotTrusted) {
  for (const char* peer : {"192.0.2.99", "11.0.0.1", "::1", "fc00::1"}) {
    const Forwarded found = forwarded("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: https\r\n", peer);
    EXPECT_FALSE(found.client) << peer;
    EXPECT_EQ(found.scheme, "") << peer;
  }
}

TEST(Forwarded, TheSchemeIsTheNearestProxysWord) {
  EXPECT_EQ(forwarded("X-Forwarded-Proto: https\r\n").scheme, "https");
  EXPECT_EQ(forwarded("X-Forwarded-Proto: WSS\r\n").scheme, "https");
  EXPECT_EQ(forwarded("X-Forwarded-Proto: ws\r\n").scheme, "http");
  EXPECT_EQ(forwarded("X-Forwarded-Proto: https, http\r\n").scheme, "http");
  EXPECT_EQ(forwarded("X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n").scheme, "https");
  for (const char* fields :
       {"", "X-Forwarded-Proto: \r\n", "X-Forwarded-Proto: ftp\r\n", "X-Forwarded-Proto: https,\r\n"})
    EXPECT_EQ(forwarded(fields).scheme, "") << fields;
}

TEST(Forwarded, TheWordOfAPROXYHeaderCountsWhereNoTrustedFieldSaysAScheme) {
  const auto scheme = [](std::string_view fields, std::string_view peer, std::string_view proxied) {
    const ParsedRequest parsed(get_with(fields));
    return http::read_forwarded(*parsed, *io::Address::parse_host(peer), trusted(), proxied).scheme;
  };
  for (const std::string_view word : {"https", "http", ""}) {
    EXPECT_EQ(scheme("", "192.0.2.7", word), word);
    EXPECT_EQ(scheme("", "10.0.0.1", word), word);
    EXPECT_EQ(scheme("X-Forwarded-Proto: ftp\r\n", "10.0.0.1", word), word);
    for (const std::string_view field : {"https", "http"}) {
      const std::string fields = "X-Forwarded-Proto: " + std::string(field) + "\r\n";
      EXPECT_EQ(scheme(fields, "10.0.0.1", word), field);
      EXPECT_EQ(scheme(fields, "192.0.2.7", word), word);
    }
  }
}

TEST(Forwarded, ARequestThatIsKeptKeepsIt) {
  const std::string text = get_with("X-Forwarded-For: 192.0.2.7\r\n");
  const ParsedRequest parsed(text);
  const io::Address peer = *io::Address::parse("10.0.0.1:5");
  const Request request(*parsed, {}, peer, {}, {io::Address::parse_host("192.0.2.7"), "https"});
  const auto kept = http::copy_request(request, text);
  EXPECT_EQ(kept->client_address().to_string(), "192.0.2.7:0");
  EXPECT_EQ(kept->remote_address().to_string(), "10.0.0.1:5");
  EXPECT_EQ(kept->scheme(), "https");
}

// Through a whole server: what a handler sees, and what the Origin check makes of the scheme.
class ForwardedServer : public testing::Test {
 protected:
  void SetUp() override {
    Config config;
    config.trusted_proxies = {"10.0.0.0/8"};
    server.emplace(world, config);
    server->get("/who", [](Request& request) {
      return Response::text(request.client_address().host() + " " + std::string(request.scheme()));
    });
    server->get("/ws", websocket({}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  SimulatedClient connect(std::string_view path, std::string_view from, std::string origin,
                          std::vector<std::pair<std::string, std::string>> headers) {
    ClientOptions options;
    options.from = io::Address::parse(from);
    options.origin = std::move(origin);
    options.host = "a.example";
    options.headers = std::move(headers);
    auto client = world.connect(*server, path, options);
    world.run_for(1s);
    return client;
  }

  Simulator world{SimulatorOptions{}};
  std::optional<Server> server;
};

TEST_F(ForwardedServer, HandlersSeeTheClientBehindATrustedProxyAndSpoofedFieldsAreIgnored) {
  EXPECT_EQ(connect("/who", "10.0.0.7:1", "", {{"X-Forwarded-For", "192.0.2.7"}, {"X-Forwarded-Proto", "https"}})
                .response_body(),
            "192.0.2.7 https");
  EXPECT_EQ(connect("/who", "192.0.2.9:1", "", {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-Proto", "https"}})
                .response_body(),
            "192.0.2.9 ");
}

TEST_F(ForwardedServer, H19_TheOriginsSchemeCountsWhereATrustedProxySaysTheOwn) {
  const auto status = [&](const char* from, const char* origin, const char* proto) {
    return connect("/ws", from, origin, {{"X-Forwarded-Proto", proto}}).status();
  };
  EXPECT_EQ(status("10.0.0.7:1", "https://a.example", "https"), 101);
  EXPECT_EQ(status("10.0.0.7:2", "http://a.example", "https"), 403);
  EXPECT_EQ(status("10.0.0.7:3", "https://a.example", "http"), 403);
  EXPECT_EQ(status("192.0.2.9:1", "http://a.example", "https"), 101);
  EXPECT_EQ(status("192.0.2.9:2", "https://b.example", "https"), 403);
}

}  // namespace
}  // namespace brume

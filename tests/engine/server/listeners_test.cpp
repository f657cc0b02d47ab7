// A server that listens at several addresses.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

class Listeners : public testing::Test {
 protected:
  void SetUp() override {
    server.get("/", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  }
  std::string echo_at(const io::Address& address, std::string text) {
    auto client = world.connect(address, "/");
    client.send_text(text);
    world.run_for(1s);
    return std::string(client.last_text());
  }
  static io::Address at(std::string_view host, std::uint16_t port) {
    io::Address address = *io::Address::parse_host(host);
    address.port = port;
    return address;
  }

  Simulator world{SimulatorOptions{.seed = 5, .cores = 2}};
  Server server{world};
};

TEST_F(Listeners, EachAddressIsServedByEveryCoreAndAllEndAtTheStop) {
  ASSERT_TRUE(server.listen("127.0.0.1:7001"));
  ASSERT_TRUE(server.listen("127.0.0.2:7002"));
  ASSERT_TRUE(server.listen("[::1]:7003"));
  EXPECT_EQ(server.address().to_string(), "127.0.0.1:7001");
  EXPECT_EQ(server.addresses(), (std::vector<std::string>{"127.0.0.1:7001", "127.0.0.2:7002", "[::1]:7003"}));
  ASSERT_TRUE(server.start());
  for (int i = 0; i < 8; i++) {
    EXPECT_EQ(echo_at(at("127.0.0.1", 7001), "one"), "one");
    EXPECT_EQ(echo_at(at("127.0.0.2", 7002), "two"), "two");
    EXPECT_EQ(echo_at(at("::1", 7003), "three"), "three");
  }
  EXPECT_EQ(echo_at(at("127.0.0.1", 7002), "nobody"), "");
  server.stop();
  world.run_for(20s);
  EXPECT_TRUE(server.stopped());
  auto late = world.connect(at("127.0.0.2", 7002), "/");
  world.run_for(1s);
  EXPECT_NE(late.connect_error(), 0);
}

TEST_F(Listeners, TheUnspecifiedIpv6AddressServesBothKindsAndTheIpv4OneItsOwn) {
  ASSERT_TRUE(server.listen("[::]:7001"));
  ASSERT_TRUE(server.listen(":7002"));
  EXPECT_FALSE(server.listen(":7001"));
  EXPECT_FALSE(server.listen("[::]:7002"));
  ASSERT_TRUE(server.start());
  EXPECT_EQ(echo_at(at("127.0.0.1", 7001), "four"), "four");
  EXPECT_EQ(echo_at(at("::1", 7001), "six"), "six");
  EXPECT_EQ(echo_at(at("127.0.0.1", 7002), "four"), "four");
  EXPECT_EQ(echo_at(at("::1", 7002), "six"), "");
}

TEST_F(Listeners, AUnixSocketIsOneMoreAddress) {
  ASSERT_TRUE(server.listen("unix:/run/app.sock"));
  const io::Address local = server.address();
  EXPECT_EQ(local.family, io::Address::Family::local);
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  EXPECT_EQ(server.address().family, io::Address::Family::v4);
  EXPECT_EQ(server.addresses().front(), "unix:/run/app.sock");
  const auto taken = server.listen("unix:/run/app.sock");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().kind, SystemError::Kind::address_in_use);
  ASSERT_TRUE(server.start());
  EXPECT_EQ(echo_at(local, "local"), "local");
  EXPECT_EQ(echo_at(server.address(), "tcp"), "tcp");
}

TEST_F(Listeners, AnAddressThatCannotBeOpenedLeavesTheOthers) {
  ASSERT_TRUE(server.listen("127.0.0.1:7001"));
  for (const char* text : {"127.0.0.1:7001", "nonsense", "", "127.0.0.1", "Unix:/x", "127.0.0.1:99999"})
    EXPECT_FALSE(server.listen(text)) << text;
  ASSERT_TRUE(server.start());
  EXPECT_EQ(echo_at(server.address(), "still"), "still");
  EXPECT_EQ(server.listen("127.0.0.1:7005").error().kind, SystemError::Kind::wrong_state);
}

TEST_F(Listeners, TheirNumberIsBounded) {
  for (int i = 0; i < 16; i++) ASSERT_TRUE(server.listen("127.0.0.1:0")) << i;
  const auto surplus = server.listen("127.0.0.1:0");
  ASSERT_FALSE(surplus);
  EXPECT_EQ(surplus.error().kind, SystemError::Kind::config);
}

TEST_F(Listeners, AServerThatNeverStartsGivesItsAddressesBack) {
  {
    Server other(world);
    ASSERT_TRUE(other.listen("127.0.0.1:7001"));
    ASSERT_TRUE(other.listen("unix:/run/x"));
    EXPECT_FALSE(server.listen("127.0.0.1:7001"));
  }
  EXPECT_TRUE(server.listen("127.0.0.1:7001"));
  EXPECT_TRUE(server.listen("unix:/run/x"));
}

TEST_F(Listeners, AListenThatFailsFirstLeavesTheServerAsItWas) {
  EXPECT_FALSE(server.listen("nonsense"));
  EXPECT_EQ(server.start().error().kind, SystemError::Kind::wrong_state);
  EXPECT_TRUE(server.listen("127.0.0.1:0"));
  EXPECT_TRUE(server.start());
}

TEST_F(Listeners, ARouteMayComeAfterListeningAndABadOneFailsTheStart) {
  const auto answer = [](Request&) { return Response::text("late"); };
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  server.get("/late", answer);
  ASSERT_TRUE(server.start());
  server.get("/too-late", answer);
  for (const auto& [path, status] : {std::pair("/late", "HTTP/1.1 200"), std::pair("/too-late", "HTTP/1.1 404")}) {
    auto client = world.connect_raw(server);
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: a\r\n\r\n");
    world.run_for(1s);
    EXPECT_TRUE(client.received().starts_with(status)) << path << ": " << client.received();
  }

  Server other(world);
  ASSERT_TRUE(other.listen("127.0.0.1:0"));
  other.get("no slash", answer);
  const auto started = other.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().text, "route \"GET no slash\" is taken or has a bad path");
}

}  // namespace
}  // namespace brume

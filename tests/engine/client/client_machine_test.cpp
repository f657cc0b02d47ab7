// A client and a server of brume on this machine's loopback, on both real backends.
#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/blocking_client.h>
#include <brume/engine/client.h>
#include <brume/engine/server.h>
#include <brume/tests/support/test_certificates.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 20s;

class ClientMachine : public testing::TestWithParam<io::Backend> {
 protected:
  void SetUp() override {
    Config config;
    config.cores = 2;
    config.io = GetParam();
    server = std::make_unique<Server>(config);
    RouteConfig route;
    route.subprotocols = {"echo"};
    Callbacks echo;
    echo.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); };
    server->get("/ws", websocket(route, echo));
    Callbacks bye;
    bye.open = [](Connection& c) { (void)c.close(4000, "bye"); };
    server->get("/bye", websocket(bye));
    const auto listening = server->listen("127.0.0.1:0");
    ASSERT_TRUE(listening) << listening.error().text;
    if (const auto started = server->start(); !started) GTEST_SKIP() << started.error().text;
  }

  std::string url(std::string_view host = "127.0.0.1", std::string_view path = "/ws") const {
    return "ws://" + std::string(host) + ":" + std::to_string(server->address().port) + std::string(path);
  }
  Config client_config() const {
    Config config;
    config.io = GetParam();
    return config;
  }

  std::unique_ptr<Server> server;
};

TEST_P(ClientMachine, ABlockingClientTalksAndCloses) {
  ConnectOptions options;
  options.subprotocols = {"echo"};
  auto client = BlockingClient::connect(url(), options, client_config());
  ASSERT_TRUE(client) << client.error().to_string();
  EXPECT_EQ(client->subprotocol(), "echo");
  for (const std::size_t size : {0u, 1u, 125u, 126u, 70'000u, 500'000u}) {
    const std::string text(size, 'x');
    ASSERT_TRUE(client->send_text(text));
    const auto answer = client->receive(kPatience);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->text(), text);
  }
  EXPECT_TRUE(client->ping(as_bytes("beat")));
  EXPECT_EQ(client->receive_pong(kPatience), "beat");
  EXPECT_EQ(client->receive(1ms).error(), Error::timed_out);
  EXPECT_EQ(client->send_text("\xff").error(), Error::invalid_utf8);
  EXPECT_TRUE(client->close(3000, "bye", kPatience));
  ASSERT_TRUE(client->end());
  EXPECT_EQ(client->end()->info.code, 3000);
  EXPECT_TRUE(client->end()->info.clean);
  EXPECT_EQ(client->send_text("late").error(), Error::connection_closed);
  EXPECT_EQ(client->receive(kPatience).error(), Error::connection_closed);
}

TEST_P(ClientMachine, ABlockingClientThatReconnectsEndsWhereItIsClosedGivenUpOrNotWanted) {
  ConnectOptions options;
  options.reconnect = Backoff(1ms, 2ms, 2);
  auto closed = BlockingClient::connect(url(), options, client_config());
  ASSERT_TRUE(closed) << closed.error().to_string();
  EXPECT_TRUE(closed->close(3000, "bye", kPatience));
  ASSERT_TRUE(closed->end());
  EXPECT_EQ(closed->end()->info.code, 3000);
  EXPECT_EQ(closed->receive(kPatience).error(), Error::connection_closed);

  auto given_up = BlockingClient::connect(url("127.0.0.1", "/bye"), options, client_config());
  ASSERT_TRUE(given_up) << given_up.error().to_string();
  EXPECT_EQ(given_up->receive(kPatience).error(), Error::connection_closed);
  ASSERT_TRUE(given_up->end());
  EXPECT_EQ(given_up->end()->info.code, 4000);

  options.reconnect->max_attempts = 0;
  int asked = 0;
  options.reconnect_after = [&](const CloseInfo& info) { return info.code == 4000 && ++asked < 3; };
  auto unwanted = BlockingClient::connect(url("127.0.0.1", "/bye"), options, client_config());
  ASSERT_TRUE(unwanted) << unwanted.error().to_string();
  EXPECT_EQ(unwanted->receive(kPatience).error(), Error::connection_closed);
  ASSERT_TRUE(unwanted->end());
  EXPECT_EQ(unwanted->end()->reason, "bye");
  EXPECT_EQ(asked, 3);
}

TEST_P(ClientMachine, TheHeartbeatsPongsAreNotThoseOfItsUser) {
  ConnectOptions options;
  options.connection.ping_interval = 20ms;
  auto client = BlockingClient::connect(url(), options, client_config());
  ASSERT_TRUE(client) << client.error().to_string();
  EXPECT_EQ(client->receive_pong(300ms).error(), Error::timed_out);
  EXPECT_TRUE(client->ping(as_bytes("beat")));
  EXPECT_EQ(client->receive_pong(kPatience), "beat");
  EXPECT_TRUE(client->ping());
  EXPECT_EQ(client->receive_pong(kPatience), "");
}

TEST_P(ClientMachine, ManyMessagesThatNobodyTakesYetHoldThePeerBackAndAllArrive) {
  auto client = BlockingClient::connect(url(), ConnectOptions(), client_config());
  ASSERT_TRUE(client) << client.error().to_string();
  constexpr int kCount = 1000;
  std::jthread sender([&] {
    for (int i = 0; i < kCount; i++)
      while (!client->send_text(std::to_string(i))) std::this_thread::yield();
  });
  for (int i = 0; i < kCount; i++) {
    const auto message = client->receive(kPatience);
    ASSERT_TRUE(message) << i;
    ASSERT_EQ(message->text(), std::to_string(i));
  }
}

TEST_P(ClientMachine, LocalhostIsLookedUpAndWhereOneFamilyRefusesTheOtherIsTried) {
  auto client = BlockingClient::connect(url("localhost"), ConnectOptions(), client_config());
  ASSERT_TRUE(client) << client.error().to_string();
  EXPECT_TRUE(client->send_text("hi"));
  EXPECT_TRUE(client->receive(kPatience));
}

TEST_P(ClientMachine, ANameThatDoesNotExistFailsToResolve) {
  // RFC 6761, section 6.4: never there.
  const auto client = BlockingClient::connect("ws://name.invalid/", ConnectOptions(), client_config());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().step, ConnectStep::resolve);
}

TEST_P(ClientMachine, APortWhereNobodyListensIsRefused) {
  std::uint16_t port = 0;
  {
    Server gone(client_config());
    ASSERT_TRUE(gone.listen("127.0.0.1:0"));
    port = gone.address().port;
  }
  const auto client =
      BlockingClient::connect("ws://127.0.0.1:" + std::to_string(port) + "/", ConnectOptions(), client_config());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().step, ConnectStep::connect);
  EXPECT_EQ(client.error().code, ECONNREFUSED);
}

TEST_P(ClientMachine, ARefusedUpgradeTellsItsStatus) {
  const auto client = BlockingClient::connect(url() + "/nowhere", ConnectOptions(), client_config());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().status, 404);
  EXPECT_FALSE(client.error().body.empty());
}

TEST_P(ClientMachine, AHundredConnectionsOfOneClientEchoAndEnd) {
  std::atomic<int> echoed{0};
  std::atomic<int> ended{0};
  {
    Config config = client_config();
    config.cores = 2;
    Client client(config);
    ASSERT_TRUE(client.start());
    constexpr int kConnections = 100;
    Callbacks callbacks;
    callbacks.open = [](Connection& c) { (void)c.send_text("hello"); };
    callbacks.message = [&](Connection& c, const Message&) {
      echoed++;
      (void)c.close();
    };
    callbacks.close = [&](Connection&, const CloseInfo&) { ended++; };
    for (int i = 0; i < kConnections; i++) ASSERT_TRUE(client.connect(url(), ConnectOptions(), callbacks));
    for (int i = 0; i < 2000 && ended != kConnections; i++) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(echoed, kConnections);
    EXPECT_EQ(ended, kConnections);
    client.stop();
    client.wait();
    EXPECT_EQ(client.stats().sockets, 0u);
  }
}

TEST_P(ClientMachine, AClientWithItsOwnLoopIsPolled) {
  Client client(client_config());
  ASSERT_TRUE(client.poll(0ms));
  std::string got;
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await client.connect(url());
    EXPECT_TRUE(feed);
    if (!feed) co_return;
    EXPECT_TRUE(feed->send_text("polled"));
    if (auto message = co_await feed->receive()) got = message->text();
  }));
  for (int i = 0; i < 2000 && got.empty(); i++) ASSERT_TRUE(client.poll(10ms));
  EXPECT_EQ(got, "polled");
}

TEST_P(ClientMachine, OptionsMayBeATemporaryOfTheAwait) {
  Client client(client_config());
  ASSERT_TRUE(client.start());
  std::atomic<int> outcome{0};
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await client.connect(url(), ConnectOptions());
    outcome = feed ? 1 : 2;
  }));
  for (int i = 0; i < 2000 && outcome == 0; i++) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(outcome, 1);
}

TEST_P(ClientMachine, WssEchoesAndClosesCleanly) {
  test::TestCertificates certificates;
  Config config = client_config();
  config.tls.emplace().certificates = {certificates.issue("localhost", "DNS:localhost,IP:127.0.0.1")};
  Server secure(config);
  secure.get("/ws",
             websocket(Callbacks{.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  ASSERT_TRUE(secure.listen("127.0.0.1:0"));
  ASSERT_TRUE(secure.start());
  ConnectOptions options;
  options.tls.ca_file = certificates.ca_file();
  for (const std::string host : {"127.0.0.1", "localhost"}) {
    const std::string to = "wss://" + host + ":" + std::to_string(secure.address().port) + "/ws";
    auto client = BlockingClient::connect(to, options, client_config());
    ASSERT_TRUE(client) << client.error().to_string();
    for (const std::size_t size : {0u, 1u, 16'384u, 70'000u, 500'000u}) {
      const std::string text(size, 'x');
      ASSERT_TRUE(client->send_text(text));
      const auto answer = client->receive(kPatience);
      ASSERT_TRUE(answer) << size;
      EXPECT_EQ(answer->text(), text);
    }
    EXPECT_TRUE(client->close(3000, "bye", kPatience));
    EXPECT_TRUE(client->end()->info.clean);
  }
  const auto stranger = BlockingClient::connect("wss://127.0.0.1:" + std::to_string(secure.address().port) + "/ws",
                                                ConnectOptions(), client_config());
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().step, ConnectStep::tls);
}

TEST_P(ClientMachine, WithCompressionMessagesOfEverySizeComeBackFromEachKindOfServer) {
  for (const std::string of_server : {"off", "on", "takeover"}) {
    Config config = client_config();
    config.compression.enabled = of_server != "off";
    config.compression.server_context_takeover = config.compression.client_context_takeover = of_server == "takeover";
    Server compressing(config);
    compressing.get(
        "/ws", websocket(Callbacks{.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    ASSERT_TRUE(compressing.listen("127.0.0.1:0"));
    ASSERT_TRUE(compressing.start());
    for (const bool takeover : {false, true}) {
      ConnectOptions options;
      options.connection.compression.enabled = true;
      options.connection.compression.server_context_takeover = takeover;
      options.connection.compression.client_context_takeover = takeover;
      auto client = BlockingClient::connect("ws://127.0.0.1:" + std::to_string(compressing.address().port) + "/ws",
                                            options, client_config());
      ASSERT_TRUE(client) << client.error().to_string();
      for (const std::size_t size : {0u, 1u, 255u, 256u, 16'384u, 70'000u, 500'000u}) {
        std::string text = std::to_string(size) + ":";
        while (text.size() < size) text += "brume, " + std::to_string(text.size() % 1000);
        text.resize(std::max<std::size_t>(size, 1));
        ASSERT_TRUE(client->send_text(text));
        const auto answer = client->receive(kPatience);
        ASSERT_TRUE(answer) << size;
        EXPECT_TRUE(answer->text() == text) << size;
      }
      EXPECT_TRUE(client->close(1000, "", kPatience));
      EXPECT_TRUE(client->end()->info.clean);
    }
    EXPECT_EQ(compressing.stats().compressions > 0, of_server != "off");
  }
}

TEST_P(ClientMachine, ConnectionsOfAllCoresResumeTheSessionsOfTls) {
  test::TestCertificates certificates;
  Config config = client_config();
  config.tls.emplace().certificates = {certificates.issue("localhost", "DNS:localhost,IP:127.0.0.1")};
  Server secure(config);
  secure.get("/ws",
             websocket(Callbacks{.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  ASSERT_TRUE(secure.listen("127.0.0.1:0"));
  ASSERT_TRUE(secure.start());
  Config two_cores = client_config();
  two_cores.cores = 2;
  Client client(two_cores);
  ASSERT_TRUE(client.start());
  ConnectOptions options;
  options.tls.ca_file = certificates.ca_file();
  const std::string to = "wss://127.0.0.1:" + std::to_string(secure.address().port) + "/ws";
  std::atomic<int> ended{0};
  std::atomic<int> resumed{0};
  Callbacks callbacks;
  callbacks.open = [](Connection& c) { (void)c.send_text("hello"); };
  callbacks.message = [&](Connection& c, const Message&) {
    if (c.tls_info()->resumed) resumed++;
    (void)c.close();
  };
  callbacks.close = [&](Connection&, const CloseInfo&) { ended++; };
  constexpr int kRounds = 10;
  constexpr int kAtATime = 4;
  for (int round = 1; round <= kRounds; round++) {
    for (int i = 0; i < kAtATime; i++) ASSERT_TRUE(client.connect(to, options, callbacks));
    for (int i = 0; i < 2000 && ended != round * kAtATime; i++) std::this_thread::sleep_for(10ms);
    ASSERT_EQ(ended, round * kAtATime);
  }
  // Those of the first round alone shake hands in full.
  EXPECT_EQ(resumed, (kRounds - 1) * kAtATime);
}

INSTANTIATE_TEST_SUITE_P(Backends, ClientMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& backend) {
                           return backend.param == io::Backend::epoll ? "epoll" : "io_uring";
                         });

}  // namespace
}  // namespace brume

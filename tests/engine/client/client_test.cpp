// A client and a server in one simulated world: what both see when all goes well, and how connections end.
#include <set>

#include <brume/hub/hub.h>
#include <brume/tests/engine/client/client_world.h>

namespace brume::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Task<> echo(Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;
}

class ClientTest : public testing::Test {
 protected:
  ClientTest() {
    RouteConfig config;
    config.subprotocols = {"chat.v1"};
    server.get("/ws", websocket(config, echo));
    server.get("/greet", websocket([](Connection& c) -> Task<> {
                 (void)c.send_text("hello");
                 (void)c.send_text("and goodbye");
                 (void)c.close(3001, "enough");
                 while (co_await c.receive()) {
                 }
               }));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }

  std::string url(std::string_view path = "/ws") const { return url_of(server.address(), path); }

  ClientWorld own;
  Simulator& world = own.world;
  Client& client = own.client;
  Server server{world};
};

TEST_F(ClientTest, ACoroutineConnectsSendsAndReceives) {
  ConnectOptions options;
  options.subprotocols = {"chat.v2", "chat.v1"};
  const auto outcome = own.follow(url(), options, "hi");
  world.run_until_idle();
  EXPECT_TRUE(outcome->connected);
  EXPECT_EQ(outcome->subprotocol, "chat.v1");
  EXPECT_THAT(outcome->messages, ElementsAre("hi"));
  EXPECT_EQ(server.stats().connections, 1u);
  EXPECT_EQ(client.stats().connections, 1u);
}

TEST_F(ClientTest, MessagesThatComeWithTheAnswerAreReceivedAndTheServersCloseIsTold) {
  const auto outcome = own.follow(url("/greet"));
  world.run_for(1s);
  EXPECT_THAT(outcome->messages, ElementsAre("hello", "and goodbye"));
  EXPECT_EQ(outcome->close_code, 3001);
  EXPECT_EQ(outcome->close_reason, "enough");
  EXPECT_EQ(outcome->close_cause, CloseCause::peer);
  EXPECT_TRUE(outcome->clean);
  EXPECT_EQ(client.stats().sockets, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(ClientTest, TheCallbackFormHandlesTheConnectionAsARouteDoes) {
  std::vector<std::string> seen;
  Callbacks callbacks;
  callbacks.open = [&](Connection& c) {
    seen.push_back("open");
    (void)c.send_text("one");
    (void)c.ping(brume::as_bytes("p"));
  };
  callbacks.message = [&](Connection&, const Message& m) { seen.emplace_back(m.text()); };
  callbacks.pong = [&](Connection& c, brume::Bytes payload) {
    seen.push_back("pong " + std::string(brume::as_text(payload)));
    (void)c.close(1000, "done");
  };
  callbacks.close = [&](Connection&, const CloseInfo& info) { seen.push_back("close " + std::to_string(info.code)); };
  ASSERT_TRUE(client.connect(url(), ConnectOptions(), callbacks));
  world.run_for(1s);
  EXPECT_THAT(seen, ElementsAre("open", "one", "pong p", "close 1000"));
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, AHandlersCoroutineServesTheConnectionAndItsReturnCloses) {
  std::string got;
  ASSERT_TRUE(client.connect(url(), ConnectOptions(), [&](Connection& c) -> Task<> {
    (void)c.send_text("question");
    auto message = co_await c.receive();
    if (message) got = message->text();
  }));
  world.run_for(1s);
  EXPECT_EQ(got, "question");
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, AHandleClosesFromOutsideAndPostsToTheConnection) {
  std::uint16_t code = 0;
  Callbacks callbacks;
  callbacks.close = [&](Connection&, const CloseInfo& info) { code = info.code; };
  const auto handle = client.connect(url(), ConnectOptions(), callbacks);
  ASSERT_TRUE(handle);
  world.run_until_idle();
  bool posted = false;
  EXPECT_TRUE(handle->post([&posted](Connection& c) { posted = c.is_connected(); }));
  EXPECT_EQ(handle->close(1006).error(), Error::invalid_close_code);
  EXPECT_TRUE(handle->close(3333, "x"));
  world.run_for(1s);
  EXPECT_TRUE(posted);
  EXPECT_EQ(code, 3333);
}

TEST_F(ClientTest, DroppingTheConnectionClosesItWith1000) {
  std::optional<CloseInfo> seen;
  Callbacks callbacks;
  callbacks.close = [&](Connection&, const CloseInfo& info) { seen = info; };
  Server other(world);
  other.get("/ws", websocket(callbacks));
  ASSERT_TRUE(other.listen("127.0.0.1:0"));
  ASSERT_TRUE(other.start());
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await client.connect(url_of(other.address()));
    EXPECT_TRUE(feed);
  }));
  world.run_for(1s);
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->code, 1000);
  EXPECT_TRUE(seen->clean);
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, AHandlerOfAServerConnectsOnwardOnItsOwnCore) {
  Server relay(world);
  Client onward(relay);
  relay.get("/relay", websocket([&](Connection& in) -> Task<> {
              auto out = co_await onward.connect(url());
              EXPECT_TRUE(out);
              if (!out) co_return;
              while (auto message = co_await in.receive()) {
                EXPECT_TRUE(out->send(message->type, message->data));
                auto answer = co_await out->receive();
                if (!answer || !in.send(answer->type, answer->data)) break;
              }
            }));
  ASSERT_TRUE(relay.listen("127.0.0.1:0"));
  ASSERT_TRUE(relay.start());
  auto ann = world.connect(relay, "/relay");
  ann.send_text("through two servers");
  world.run_until_idle();
  EXPECT_EQ(ann.last_text(), "through two servers");
  ann.close();
  world.run_for(1s);
  EXPECT_EQ(relay.stats().sockets, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(ClientTest, AMessageThatNobodyWaitsForIsKeptAndThePeerHeldBack) {
  std::vector<std::string> got;
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await client.connect(url("/greet"));
    EXPECT_TRUE(feed);
    (void)co_await sleep(500ms);
    while (auto message = co_await feed->receive()) got.emplace_back(message->keep().text());
  }));
  world.run_for(2s);
  EXPECT_THAT(got, ElementsAre("hello", "and goodbye"));
}

TEST_F(ClientTest, PausingAndResumingTheConnectionItselfLosesNoMessageAndDeliversNone) {
  std::vector<std::string> got;
  std::size_t early = 0;
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await client.connect(url());
    EXPECT_TRUE(feed);
    if (!feed) co_return;
    for (const std::string_view text : {"one", "two", "three", "four"}) EXPECT_TRUE(feed->send_text(text));
    (void)co_await sleep(100ms);  // one is held
    feed->connection()->resume_reading();
    (void)co_await sleep(100ms);
    feed->connection()->pause_reading();
    if (auto message = co_await feed->receive()) got.emplace_back(message->text());  // the one that was held
    EXPECT_TRUE(client.run([&]() -> Task<> {
      (void)co_await sleep(1s);
      early = got.size();
      feed->connection()->resume_reading();
    }));
    while (got.size() < 4) {
      auto message = co_await feed->receive();
      if (!message) co_return;
      got.emplace_back(message->text());
    }
  }));
  world.run_for(5s);
  EXPECT_THAT(got, ElementsAre("one", "two", "three", "four"));
  EXPECT_EQ(early, 1u);  // while its user paused it
}

TEST_F(ClientTest, WhatTheLogSaysOfAClientHasNotTheQueryOfItsUrl) {
  std::vector<std::string> lines;
  Config config;
  config.log = [&](LogLevel, std::string_view line) { lines.emplace_back(line); };
  Client logged(world, config);
  ASSERT_TRUE(logged.start());
  Callbacks callbacks;
  callbacks.open = [](Connection&) { throw std::runtime_error("no"); };
  ASSERT_TRUE(logged.connect(url("/ws?token=secret"), ConnectOptions(), callbacks));
  world.run_for(1s);
  ASSERT_FALSE(lines.empty());
  for (const std::string& line : lines) EXPECT_THAT(line, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(lines,
              testing::Contains(HasSubstr("client of 127.0.0.1:" + std::to_string(server.address().port) + "/ws")));
}

TEST_F(ClientTest, TheClientLetsTheServerEndTcpFirst) {
  // Section 7.1.1: after both Close frames the client waits; it does not wait for ever.
  std::string bytes;
  ReplyCore raw(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; },
                                  [&](std::string_view b) {
                                    bytes += b;
                                    return Reply{std::string("\x88\x02\x03\xE8", 4)};  // Close 1000, and no FIN
                                  }));
  ConnectOptions options;
  options.connection.close_timeout = 3s;
  Callbacks callbacks;
  callbacks.open = [](Connection& c) { (void)c.close(); };
  bool closed = false;
  callbacks.close = [&](Connection&, const CloseInfo& info) { closed = info.clean; };
  ASSERT_TRUE(client.connect(url_of(raw.address()), options, callbacks));
  world.run_for(2s);
  EXPECT_TRUE(closed);
  EXPECT_EQ(client.stats().sockets, 1u);
  world.run_for(2s);
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, EveryFrameItSendsIsMaskedWithAKeyOfItsOwn) {
  std::string bytes;
  ReplyCore raw(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; },
                                  [&](std::string_view b) {
                                    bytes += b;
                                    return Reply{};
                                  }));
  constexpr int kFrames = 3000;  // more keys than one draw from the source gives
  Callbacks callbacks;
  callbacks.open = [](Connection& c) {
    for (int i = 0; i < kFrames / 10; i++) (void)c.send_text("0123456789");
  };
  ConnectOptions options;
  options.connection.message_buffer_size = kFrames;
  for (int i = 0; i < 10; i++) ASSERT_TRUE(client.connect(url_of(raw.address()), options, callbacks));
  world.run_until_idle();
  constexpr std::size_t kFrameSize = 2 + 4 + 10;
  ASSERT_EQ(bytes.size(), kFrames * kFrameSize);
  std::set<std::string> keys;
  for (std::size_t at = 0; at < bytes.size(); at += kFrameSize) {
    EXPECT_EQ(bytes.substr(at, 2), "\x81\x8a");
    const std::string key = bytes.substr(at + 2, 4);
    for (std::size_t i = 0; i < 10; i++) EXPECT_EQ(static_cast<char>(bytes[at + 6 + i] ^ key[i % 4]), "0123456789"[i]);
    keys.insert(key);
  }
  EXPECT_EQ(keys.size(), static_cast<std::size_t>(kFrames));
}

TEST_F(ClientTest, WhatWaitsWhenTheServerBreaksARuleIsDroppedAndTheCloseIsSent) {
  std::string got;
  // A ping, whose answer waits, and a frame with an opcode that there is not.
  const std::string greeting = text_of_frame(9, "are you there?") + text_of_frame(3, "");
  const ReplyCore raw(world, raw_server([&](std::string_view head) { return Reply{good_answer(head) + greeting}; },
                                        [&](std::string_view bytes) {
                                          got += bytes;
                                          return Reply{};
                                        }));
  std::vector<int> closes;
  ASSERT_TRUE(client.connect(url_of(raw.address()), ConnectOptions(),
                             {.open = [](Connection& c) { EXPECT_TRUE(c.send_text("not sent yet")); },
                              .close = [&](Connection&, const CloseInfo& info) { closes.push_back(info.code); }}));
  world.run_for(10s);
  EXPECT_EQ(closes, std::vector<int>{1002});
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(static_cast<unsigned char>(got[0]), 0x88) << "the Close alone";
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, AServerThatReadsNothingMakesAClientDropItsOldestMessages) {
  const ReplyCore raw(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; }));
  ConnectOptions options;
  options.connection.message_buffer_size = 4;
  std::uint64_t dropped = 0;
  ASSERT_TRUE(client.connect(url_of(raw.address()), options, {.open = [&](Connection& c) {
                               for (int i = 0; i < 10; i++) {
                                 EXPECT_TRUE(c.send(MessageType::text, as_bytes("a message"),
                                                    {.policy = SlowConsumerPolicy::drop_oldest}));
                               }
                               dropped = c.dropped_count();
                             }}));
  world.run_for(1s);
  EXPECT_EQ(dropped, 6u);
}

TEST_F(ClientTest, HeartbeatAndReadTimeoutWorkAsOnTheServer) {
  std::size_t pings = 0;
  ReplyCore raw(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; },
                                  [&](std::string_view b) {
                                    pings += b.size() == 6 && b[0] == '\x89';
                                    return Reply{};
                                  }));
  ConnectOptions options;
  options.connection.ping_interval = 10s;
  options.connection.read_timeout = 35s;
  const auto outcome = own.follow(url_of(raw.address()), options);
  world.run_for(30s);
  EXPECT_EQ(outcome->close_code, std::nullopt);
  EXPECT_GE(pings, 1u);
  world.run_for(10s);
  EXPECT_EQ(outcome->close_code, 1006);
  EXPECT_EQ(outcome->close_cause, CloseCause::timeout);
  EXPECT_EQ(client.stats().sockets, 0u);
}

TEST_F(ClientTest, StoppingTheClientClosesWith1001AndEndsItsTasks) {
  const auto open = own.follow(url());
  bool slept = false;
  ASSERT_TRUE(client.run([&]() -> Task<> { slept = !(co_await sleep(1h)).has_value(); }));
  world.run_until_idle();
  std::size_t connections = server.stats().connections;
  EXPECT_EQ(connections, 1u);
  client.stop();
  client.wait();
  world.run_for(1s);
  EXPECT_TRUE(slept);
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(open->close_cause, CloseCause::stopping);
  EXPECT_EQ(client.connect(url(), ConnectOptions(), Callbacks()).error().cause, ConnectCause::stopping);
  EXPECT_FALSE(client.run([&]() -> Task<> { co_return; }));
}

TEST_F(ClientTest, AClientOnAServersCoresMayGoBeforeTheServer) {
  Server host(world);
  {
    auto guest = std::make_unique<Client>(host);
    ASSERT_TRUE(host.listen("127.0.0.1:0"));
    ASSERT_TRUE(host.start());
    ASSERT_TRUE(guest->connect(url(), ConnectOptions(), Callbacks()));
    world.run_until_idle();
    EXPECT_EQ(server.stats().connections, 1u);
  }
  world.run_for(1s);
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(host.stats().sockets, 0u);
}

TEST_F(ClientTest, ConnectingElsewhereThanOnACoreOfTheClientIsAnError) {
  std::optional<ConnectError> error;
  Client other(world);
  ASSERT_TRUE(client.run([&]() -> Task<> {
    auto feed = co_await other.connect(url());
    if (!feed) error = feed.error();
  }));
  world.run_until_idle();
  ASSERT_TRUE(error);
  EXPECT_EQ(error->step, ConnectStep::start);
  EXPECT_EQ(other.connect(url(), ConnectOptions(), Callbacks()).error().text, "the client has not been started");
}

TEST_F(ClientTest, BadUrlsAndOptionsAreToldBeforeAnythingIsDone) {
  const auto text_of = [&](std::string_view to, const ConnectOptions& options) {
    const auto made = client.connect(to, options, Callbacks());
    return made ? std::string() : made.error().to_string();
  };
  EXPECT_THAT(text_of("http://a/", {}), HasSubstr("scheme"));
  EXPECT_THAT(text_of("ws://a/#b", {}), HasSubstr("start: a fragment"));
  ConnectOptions options;
  options.headers = {{"Host", "b"}};
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("left to the handshake"));
  options = {};
  options.connection.max_message_size = 0;
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("connection.max_message_size is 0"));
  options = {};
  options.connect_timeout = std::chrono::milliseconds::max();  // more than a clock can count
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("connect_timeout"));
  options.connect_timeout = 0ms;
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("connect_timeout"));
  options = {};
  options.reconnect = Backoff(10ms, 5ms);
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("reconnect"));
  options.reconnect = Backoff();
  options.reconnect->jitter = 1.5;
  EXPECT_THAT(text_of("ws://a/", options), HasSubstr("jitter"));
}

TEST_F(ClientTest, AClientsConnectionCannotBeRegisteredWithAHub) {
  // A room's tape holds a server's frames, which are not masked.
  Server host(world);
  Hub hub(host);
  Client guest(host);
  std::optional<Error> error;
  host.get("/go", websocket([&](Connection& in) -> Task<> {
             auto out = co_await guest.connect(url());
             EXPECT_TRUE(out);
             if (!out) co_return;
             auto registered = co_await hub.register_connection("me", *out->connection());
             if (!registered) error = registered.error();
             (void)co_await in.receive();
           }));
  ASSERT_TRUE(host.listen("127.0.0.1:0"));
  ASSERT_TRUE(host.start());
  (void)world.connect(host, "/go");
  world.run_until_idle();
  EXPECT_EQ(error, Error::invalid_argument);
}

}  // namespace
}  // namespace brume::test

// Rows L1 to L5, L8 and L9 of the bad-input table, the time-outs, and the predecessor's faults 1, 3, 4 and 7.
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// A server with one route that echoes and notes how connections end.
class Limits : public testing::Test {
 protected:
  void start(const Config& config) {
    server.emplace(world, config);
    server->get("/", websocket({.open = [this](Connection& c) { opened = &c; },
                                .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); },
                                .close = [this](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  // Everything is over and given back, and the connection ended with `code` once.
  void expect_ended(int code, CloseCause cause) {
    world.run_for(12s);
    ASSERT_EQ(closes.size(), 1u);
    EXPECT_EQ(closes[0].code, code);
    EXPECT_EQ(closes[0].cause, cause) << to_string(closes[0].cause);
    EXPECT_EQ(server->stats().connections, 0u);
    EXPECT_EQ(server->stats().sockets, 0u);
  }

  Simulator world{SimulatorOptions{}};
  Connection* opened = nullptr;
  std::vector<CloseInfo> closes;
  std::optional<Server> server;  // ends first: its end closes what is open
};

TEST_F(Limits, L1_AFloodOfPingsMeetsTheControlRateAnd1008) {
  Config config;
  config.control_rate = 20;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_until_idle();
  for (int i = 0; i < 20; i++) client.send_ping("x");
  world.run_for(100ms);
  EXPECT_TRUE(client.is_open());
  for (int i = 0; i < 20; i++) client.send_ping("y");
  world.run_for(100ms);
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_EQ(server->stats().refused_by("control_rate"), 1u);
  expect_ended(1008, CloseCause::limit);
}

TEST_F(Limits, L1_AFloodOfPongsNobodyAskedForMeetsTheSameRate) {
  Config config;
  config.control_rate = 20;
  start(config);
  auto other = world.connect(*server, "/");
  world.run_until_idle();
  auto client = world.connect(*server, "/");
  world.run_until_idle();
  for (int i = 0; i < 40; i++) client.send_frame(codec::Opcode::pong, "x");
  world.run_for(100ms);
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_EQ(server->stats().refused_by("control_rate"), 1u);
  other.send_text("still here");
  world.run_for(12s);
  EXPECT_EQ(other.last_text(), "still here");
  EXPECT_EQ(closes.size(), 1u);
  EXPECT_EQ(server->stats().sockets, 1u);
}

TEST_F(Limits, L1_AReaderThatStalledGetsThePongOfItsLatestPingOnly) {
  Config config;
  config.control_rate = 0;
  config.write_timeout = 60s;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_until_idle();
  client.pause_reading();
  for (int i = 0; i < 20'000; i++) client.send_ping(std::to_string(i) + std::string(100, 'p'));
  world.run_for(1s);
  EXPECT_LE(opened->buffered_size(), 64u * 1024);
  client.resume_reading();
  world.run_for(5s);
  ASSERT_FALSE(client.pongs().empty());
  EXPECT_TRUE(client.pongs().back().starts_with("19999"));
  EXPECT_TRUE(client.is_open());
}

TEST_F(Limits, L2_TooManyFragmentsOfOneMessageGet1008) {
  Config config;
  config.max_fragments = 100;
  start(config);
  auto client = world.connect(*server, "/");
  client.send_frame(codec::Opcode::text, "", false);
  for (int i = 0; i < 200; i++) client.send_frame(codec::Opcode::continuation, "", false);
  world.run_for(100ms);
  EXPECT_EQ(client.close_code(), 1008);
  expect_ended(1008, CloseCause::limit);
}

TEST_F(Limits, L3_AMessageThatDripsMeetsTheMessageTimeout) {
  Config config;
  config.message_timeout = 3s;
  start(config);
  auto client = world.connect(*server, "/");
  client.send_bytes("\x82\xff\0\0\0\0\0\x07\xff\xff\1\2\3\4"s);  // half a megabyte declared
  for (int i = 0; i < 5; i++) {
    world.run_for(500ms);
    client.send_bytes("x");
    EXPECT_TRUE(client.is_open());
  }
  world.run_for(1s);
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_EQ(server->stats().refused_by("message_timeout"), 1u);
  expect_ended(1008, CloseCause::timeout);
}

TEST_F(Limits, L3_AHeaderOfWhichTheRestNeverComesMeetsTheMessageTimeout) {
  Config config;
  config.message_timeout = 3s;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_until_idle();
  for (const std::string& byte : {"\x82"s, "\xff"s, "\0"s}) {
    client.send_bytes(byte);
    world.run_for(900ms);
    EXPECT_TRUE(client.is_open());
  }
  world.run_for(1s);
  EXPECT_EQ(client.close_code(), 1008);
  EXPECT_EQ(server->stats().refused_by("message_timeout"), 1u);
  expect_ended(1008, CloseCause::timeout);
}

TEST_F(Limits, L4_AReaderThatStopsIsCutByTheWriteTimeoutAndItsOutboxIsBounded) {
  Config config;
  config.max_message_size = 1000;
  config.max_buffered_size = 64 * 1024;
  config.write_timeout = 2s;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_until_idle();
  client.pause_reading();
  std::expected<void, Error> sent;
  std::size_t count = 0;
  while ((sent = opened->send_text(std::string(1000, 'x')))) {
    ASSERT_LT(++count, 10'000u);
    world.run_for(100us);
  }
  EXPECT_EQ(sent.error(), Error::send_queue_full);
  EXPECT_LE(opened->buffered_size(), config.max_buffered_size);
  world.run_for(1s);
  EXPECT_TRUE(closes.empty());
  expect_ended(1006, CloseCause::timeout);
  EXPECT_EQ(server->stats().refused_by("write_timeout"), 1u);
}

TEST_F(Limits, L5_APeerWhoseCableIsPulledIsPingedThenCut) {
  Config config;
  config.ping_interval = 3s;
  config.read_timeout = 8s;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_for(4s);
  EXPECT_EQ(client.pings().size(), 1u);
  client.vanish();
  world.run_for(5s);
  EXPECT_TRUE(closes.empty());
  expect_ended(1006, CloseCause::timeout);
  EXPECT_EQ(server->stats().refused_by("read_timeout"), 1u);
}

TEST_F(Limits, APeerThatAnswersPingsStaysForEver) {
  start({});
  auto client = world.connect(*server, "/");
  world.run_for(std::chrono::minutes(10));
  EXPECT_TRUE(client.is_open());
  EXPECT_GE(client.pings().size(), 15u);
}

TEST_F(Limits, Fault4_APingIntervalOfZeroTurnsPingsOff) {
  Config config;
  config.ping_interval = 0s;
  config.read_timeout = 0s;
  start(config);
  auto client = world.connect(*server, "/");
  world.run_for(std::chrono::minutes(10));
  EXPECT_TRUE(client.is_open());
  EXPECT_TRUE(client.pings().empty());
}

TEST_F(Limits, L8_MessageAndByteRatesGet1008) {
  for (const bool bytes : {false, true}) {
    Config config;
    if (bytes) {
      config.byte_rate = 2000;
    } else {
      config.message_rate = 10;
    }
    closes.clear();
    start(config);
    auto client = world.connect(*server, "/");
    world.run_until_idle();
    for (int i = 0; i < 10; i++) client.send_text("0123456789");
    world.run_for(100ms);
    EXPECT_EQ(client.messages().size(), 10u);
    for (int i = 0; i < 20; i++) client.send_text(std::string(100, 'x'));
    world.run_for(100ms);
    EXPECT_EQ(client.close_code(), 1008);
    EXPECT_EQ(server->stats().refused_by(bytes ? "byte_rate" : "message_rate"), 1u);
    expect_ended(1008, CloseCause::limit);
  }
}

TEST_F(Limits, TheMemoryLimitCutsWhoHoldsMostAndNobodyElse) {
  Config config;
  config.memory_limit = 450 * 1024;
  start(config);
  auto other = world.connect(*server, "/");
  auto greedy = world.connect(*server, "/");
  world.run_until_idle();
  greedy.send_frame(codec::Opcode::binary, std::string(200 * 1024, 'x'), false);
  world.run_for(1s);
  EXPECT_TRUE(greedy.is_open());
  greedy.send_frame(codec::Opcode::continuation, std::string(300 * 1024, 'x'), false);
  world.run_for(1s);
  EXPECT_TRUE(greedy.is_over());
  EXPECT_EQ(server->stats().refused_by("memory_limit"), 1u);
  other.send_text("still here");
  world.run_until_idle();
  EXPECT_EQ(other.last_text(), "still here");
  EXPECT_EQ(closes.size(), 1u);
}

TEST(LimitRows, L9_AHandlerThatThrowsEndsItsOwnConnectionWith1011) {
  Simulator world;
  Server server{world};
  std::vector<CloseInfo> closes;
  server.get("/coroutine", websocket([](Connection& c) -> Task<> {
               (void)co_await c.receive();
               throw std::runtime_error("no");
             }));
  server.get("/message", websocket({.message = [](Connection&, const Message&) { throw std::runtime_error("no"); },
                                    .close = [&](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
  server.get("/open", websocket({.open = [](Connection&) { throw 7; }}));
  server.get("/close", websocket({.close = [](Connection&, const CloseInfo&) { throw std::bad_alloc(); }}));
  server.get("/echo", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto other = world.connect(server, "/echo");
  for (const char* path : {"/coroutine", "/message", "/open"}) {
    auto client = world.connect(server, path);
    client.send_text("x");
    world.run_for(1s);
    EXPECT_EQ(client.close_code(), 1011) << path;
  }
  auto last = world.connect(server, "/close");
  world.run_until_idle();
  last.close(3000);
  world.run_for(10s);
  EXPECT_EQ(last.close_code(), 3000);
  EXPECT_EQ(server.stats().refused_by("handler_exception"), 3u);
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].code, 1011);
  other.send_text("still here");
  world.run_until_idle();
  EXPECT_EQ(other.last_text(), "still here");
  EXPECT_EQ(server.stats().sockets, 1u);
}

TEST_F(Limits, L9_WhoDoesNotAnswerTheCloseOfAStoppingServerIsCutAtItsDeadline) {
  Config config;
  config.close_timeout = 30s;
  start(config);
  ClientOptions silent;
  silent.answer_close = false;
  auto answers = world.connect(*server, "/");
  auto client = world.connect(*server, "/", silent);
  world.run_until_idle();
  server->stop(3s);
  world.run_for(2s);
  EXPECT_EQ(answers.close_code(), 1001);
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_FALSE(server->stopped());
  world.run_for(2s);
  EXPECT_TRUE(server->stopped());
  EXPECT_TRUE(client.is_over());
  ASSERT_EQ(closes.size(), 2u);
  for (const CloseInfo& info : closes) EXPECT_EQ(info.code, 1001);
  EXPECT_EQ(server->stats().sockets, 0u);
}

TEST(LimitRows, Fault1_AWaitingReceiveBlocksNeitherCloseNorTheHeartbeat) {
  Simulator world;
  Server server{world};
  std::vector<CloseInfo> ends;
  std::vector<ConnectionHandle> handles;
  server.get("/", websocket([&](Connection& c) -> Task<> {
               handles.push_back(c.handle());
               auto message = co_await c.receive();
               if (!message) ends.push_back(message.error());
             }));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto closed = world.connect(server, "/");
  world.run_until_idle();
  ASSERT_TRUE(handles[0].close(4000, "from elsewhere"));
  world.run_for(1s);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].code, 4000);
  EXPECT_EQ(closed.close_reason(), "from elsewhere");
  auto dead = world.connect(server, "/");
  world.run_until_idle();
  dead.vanish();
  world.run_for(65s);
  ASSERT_EQ(ends.size(), 2u);
  EXPECT_EQ(ends[1].cause, CloseCause::timeout);
}

TEST(LimitRows, Fault3_WhatIsQueuedGoesBeforeTheCloseFrameWithItsCodeAndReason) {
  Simulator world;
  Server server{world};
  server.get("/", websocket([](Connection& c) -> Task<> {
               for (int i = 0; i < 100; i++) (void)c.send_text(std::to_string(i));
               (void)c.close(4002, "all said");
               EXPECT_EQ(c.send_text("late").error(), Error::connection_closed);
               co_return;
             }));
  server.get("/return", websocket([](Connection& c) -> Task<> {
               (void)c.send_text("bye");
               co_return;
             }));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto client = world.connect(server, "/");
  auto returned = world.connect(server, "/return");
  world.run_for(1s);
  EXPECT_EQ(client.messages().size(), 100u);
  EXPECT_EQ(client.last_text(), "99");
  EXPECT_EQ(client.close_code(), 4002);
  EXPECT_EQ(client.close_reason(), "all said");
  EXPECT_EQ(returned.last_text(), "bye");
  EXPECT_EQ(returned.close_code(), 1000);
}

TEST(LimitRows, Fault7_AForeignOriginIsRefusedByDefaultAndACheckOfTheUsersMayLetItIn) {
  Simulator world;
  Server server{world};
  RouteConfig open;
  open.check_origin = [](const Request&) { return true; };
  server.get("/", websocket({}));
  server.get("/open", websocket(open, Callbacks{}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  ClientOptions foreign;
  foreign.origin = "http://elsewhere.net";
  auto refused = world.connect(server, "/", foreign);
  auto welcome = world.connect(server, "/open", foreign);
  world.run_for(1s);
  EXPECT_EQ(refused.status(), 403);
  EXPECT_TRUE(welcome.upgraded());
}

}  // namespace
}  // namespace brume

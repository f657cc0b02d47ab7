// What a handler may do with its connection, in both styles.
#include <coroutine>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

class Handlers : public testing::Test {
 protected:
  void start() {
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
  }
  SimulatedClient connect(const ClientOptions& options = {}) {
    auto client = world.connect(server, "/", options);
    world.run_until_idle();
    return client;
  }

  Simulator world{SimulatorOptions{}};
  Server server{world};
};

struct Count {
  static inline int alive = 0;
  int value = 0;
  Count() { alive++; }
  Count(const Count&) = delete;
  Count& operator=(const Count&) = delete;
  ~Count() { alive--; }
};

TEST_F(Handlers, TypedStateBelongsToEachConnectionInBothStyles) {
  server.get("/", websocket<Count>(StateCallbacks<Count>{.message = [](Connection& c, Count& count, const Message&) {
               (void)c.send_text(std::to_string(++count.value));
             }}));
  server.get("/task", websocket<Count>([](Connection& c, Count& count) -> Task<> {
               while (co_await c.receive()) (void)c.send_text(std::to_string(++count.value));
             }));
  start();
  for (const char* path : {"/", "/task"}) {
    auto one = world.connect(server, path);
    auto two = world.connect(server, path);
    one.send_text("a");
    one.send_text("b");
    two.send_text("c");
    world.run_until_idle();
    EXPECT_EQ(one.last_text(), "2");
    EXPECT_EQ(two.last_text(), "1");
    EXPECT_EQ(Count::alive, 2);
    one.close();
    two.close();
    world.run_for(10s);
    EXPECT_EQ(Count::alive, 0);
  }
}

TEST_F(Handlers, CallbacksWithTypedStateHearOfPongs) {
  server.get("/", websocket<Count>(StateCallbacks<Count>{
                      .open = [](Connection& c, Count&) { EXPECT_TRUE(c.ping(as_bytes("there?"))); },
                      .pong =
                          [](Connection& c, Count& count, Bytes payload) {
                            (void)c.send_text(std::string(as_text(payload)) + std::to_string(++count.value));
                          },
                  }));
  start();
  EXPECT_EQ(connect().last_text(), "there?1");
}

TEST_F(Handlers, UserValuesAreFoundByKeyAndType) {
  server.get("/", websocket({.open = [](Connection& c) {
               c.set_user_value("name", std::string("ann"));
               c.set_user_value("age", 7);
               c.set_user_value("age", 8);
               EXPECT_EQ(*c.user_value<std::string>("name"), "ann");
               EXPECT_EQ(*c.user_value<int>("age"), 8);
               EXPECT_EQ(c.user_value<int>("name"), nullptr);
               EXPECT_EQ(c.user_value<int>("none"), nullptr);
               (void)c.send_text("checked");
             }}));
  start();
  EXPECT_EQ(connect().last_text(), "checked");
}

TEST_F(Handlers, SendRefusesWhatMayNotBeSent) {
  server.get("/", websocket({.open = [](Connection& c) {
               EXPECT_EQ(c.send(MessageType::ping, {}).error(), Error::invalid_message_type);
               EXPECT_EQ(c.send_text("\xff").error(), Error::invalid_utf8);
               EXPECT_EQ(c.send_text(std::string(512 * 1024 + 1, 'x')).error(), Error::message_too_large);
               EXPECT_EQ(c.close(1005).error(), Error::invalid_close_code);
               EXPECT_EQ(c.close(1000, "\xff").error(), Error::invalid_utf8);
               for (int i = 0; i < 256; i++) EXPECT_TRUE(c.send_text("x"));
               EXPECT_EQ(c.send_text("x").error(), Error::send_queue_full);
               EXPECT_TRUE(c.is_connected());
               EXPECT_TRUE(c.close(1000, std::string(200, 'r')));
               EXPECT_FALSE(c.is_connected());
               EXPECT_EQ(c.send_text("x").error(), Error::connection_closed);
             }}));
  start();
  auto client = connect();
  world.run_for(1s);
  EXPECT_EQ(client.messages().size(), 256u);
  EXPECT_EQ(client.close_reason(), std::string(123, 'r'));
}

TEST_F(Handlers, TheRequestIsThereUntilTheHandlerSuspendsAndForLifeWhereKept) {
  std::string seen;
  server.get("/room/:name", websocket([&](Connection& c) -> Task<> {
               seen = std::string(c.request().parameter("name")) + ' ' + *c.request().query("q") + ' ' +
                      std::string(c.subprotocol());
               (void)co_await c.receive();
             }));
  RouteConfig config;
  config.keep_request = true;
  config.subprotocols = {"v2", "v1"};
  server.get("/kept/:name", websocket(config, Callbacks{.message = [&](Connection& c, const Message&) {
                                        seen = std::string(c.request().parameter("name")) + ' ' +
                                               std::string(*c.request().header("Host")) + ' ' +
                                               std::string(c.subprotocol());
                                      }}));
  start();
  auto plain = world.connect(server, "/room/blue?q=a%20b");
  world.run_until_idle();
  EXPECT_EQ(seen, "blue a b ");
  EXPECT_TRUE(plain.is_open());
  ClientOptions options;
  options.subprotocols = {"v1", "v2"};
  options.host = "example.com";
  auto kept = world.connect(server, "/kept/red", options);
  kept.send_text("x");
  world.run_for(1s);
  EXPECT_EQ(seen, "red example.com v2");
  EXPECT_EQ(kept.subprotocol(), "v2");
}

TEST_F(Handlers, SleepAndStopTokenEndWithTheConnection) {
  std::vector<std::string> log;
  std::stop_token token;
  server.get("/", websocket([&](Connection& c) -> Task<> {
               token = c.stop_token();
               if (co_await sleep(10ms)) log.push_back("slept");
               if (!co_await sleep(std::chrono::hours(1))) log.push_back("cut short");
               if (!co_await sleep(1ms)) log.push_back("no more sleep");
               log.push_back(co_await c.receive() ? "message" : "end");
             }));
  start();
  auto client = connect();
  world.run_for(1s);
  EXPECT_FALSE(token.stop_requested());
  client.close();
  world.run_for(1s);
  EXPECT_EQ(log, (std::vector<std::string>{"slept", "cut short", "no more sleep", "end"}));
  EXPECT_TRUE(token.stop_requested());
}

TEST_F(Handlers, ATaskThatACallbackSpawnedEndsWithoutItsConnection) {
  server.get("/", websocket({.open = [](Connection& c) {
               c.spawn([](Connection& own) -> Task<> {
                 (void)co_await sleep(1ms);
                 (void)own.send_text("done");
               }(c));
             }}));
  start();
  auto client = connect();
  world.run_for(1s);
  EXPECT_EQ(client.last_text(), "done");
  EXPECT_TRUE(client.is_open());
}

// Waits for nobody: what a handler that uses another library's awaitable looks like to brume.
struct Foreign {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

TEST_F(Handlers, AHandlerInAForeignAwaitIsDestroyedAtTheDeadline) {
  server.get("/", websocket([](Connection& c) -> Task<> {
               const Count count;
               c.spawn([]() -> Task<> {
                 const Count other;
                 co_await Foreign{};
               }());
               co_await Foreign{};
             }));
  start();
  auto client = connect();
  EXPECT_EQ(Count::alive, 2);
  client.close(1000);  // also heard while the handler does not receive
  world.run_for(2s);
  EXPECT_EQ(client.close_code(), 1000);
  EXPECT_EQ(server.stats().sockets, 0u);
  world.run_for(5s);
  EXPECT_EQ(Count::alive, 0);
  EXPECT_EQ(server.stats().connections, 0u);
}

TEST_F(Handlers, WhatArrivesWhileAHandlerIsBusyWaitsInOrder) {
  server.get("/", websocket([](Connection& c) -> Task<> {
               while (auto message = co_await c.receive()) {
                 const std::string text(message->text());
                 (void)co_await sleep(20ms);
                 (void)c.send_text(text);
               }
             }));
  start();
  auto client = connect();
  for (int i = 0; i < 50; i++) client.send_text(std::to_string(i));
  client.send_ping("still answered");
  world.run_for(5s);
  ASSERT_EQ(client.messages().size(), 50u);
  for (int i = 0; i < 50; i++) EXPECT_EQ(client.messages()[static_cast<std::size_t>(i)].data, std::to_string(i));
  EXPECT_EQ(client.pongs().size(), 1u);
}

TEST_F(Handlers, DrainedWaitsForRoomAndTheDrainedCallbackTellsOfIt) {
  int drained = 0;
  int sent = 0;
  server.get("/task", websocket([&](Connection& c) -> Task<> {
               for (int i = 0; i < 5000; i++) {
                 while (!c.send_text(std::string(2000, 'x')))
                   if (!co_await c.drained()) co_return;
                 sent++;
               }
             }));
  server.get("/", websocket({.open =
                                 [](Connection& c) {
                                   for (int i = 0; i < 200; i++) (void)c.send_text("x");
                                 },
                             .drained = [&](Connection&) { drained++; }}));
  start();
  auto task = world.connect(server, "/task");
  auto client = connect();
  world.run_for(30s);
  EXPECT_EQ(sent, 5000);
  EXPECT_EQ(task.messages().size(), 5000u);
  EXPECT_EQ(client.messages().size(), 200u);
  EXPECT_EQ(drained, 1);
}

TEST_F(Handlers, PausedReadingDeliversNothingUntilItIsResumed) {
  Connection* connection = nullptr;
  int messages = 0;
  server.get("/", websocket({.open = [&](Connection& c) { connection = &c; },
                             .message = [&](Connection&, const Message&) { messages++; }}));
  start();
  auto client = connect();
  connection->pause_reading();
  for (int i = 0; i < 100; i++) client.send_text(std::string(3000, 'x'));
  world.run_for(1s);
  EXPECT_EQ(messages, 0);
  connection->resume_reading();
  world.run_for(1s);
  EXPECT_EQ(messages, 100);
}

TEST_F(Handlers, AMessageThatCameWholeBeforeTheEndIsStillReceived) {
  std::vector<std::string> got;
  server.get("/", websocket([&](Connection& c) -> Task<> {
               while (auto message = co_await c.receive()) {
                 got.emplace_back(message->text());
                 (void)co_await sleep(1s);
               }
               got.emplace_back("end");
             }));
  start();
  auto client = connect();
  client.send_text("one");
  client.send_text("two");
  client.shutdown();
  world.run_for(5s);
  EXPECT_EQ(got, (std::vector<std::string>{"one", "two", "end"}));
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(Handlers, BytesChangedInTheMemoryOfAMessageAreCheckedAsText) {
  int checked = 0;
  server.get("/", websocket({.message = [&](Connection& c, const Message& m) {
               const KeptMessage kept = m.keep();  // hands over the very memory the view lies in
               EXPECT_EQ(kept.data().data(), m.data.data());
               const_cast<std::byte&>(kept.data()[0]) = std::byte{0xff};
               EXPECT_EQ(c.send(MessageType::text, kept.data()).error(), Error::invalid_utf8);
               checked++;
             }}));
  start();
  auto client = connect();
  client.send_frame(codec::Opcode::text, std::string(5000, 'a'), false);
  client.send_frame(codec::Opcode::continuation, std::string(5000, 'b'), true);
  world.run_for(1s);
  EXPECT_EQ(checked, 1);
}

TEST_F(Handlers, AKeptMessageOutlivesItsView) {
  std::vector<KeptMessage> kept;
  server.get("/", websocket({.message = [&](Connection&, const Message& m) { kept.push_back(m.keep()); }}));
  start();
  auto client = connect();
  client.send_text("small");
  client.send_frame(codec::Opcode::binary, std::string(100'000, 'a'), false);
  client.send_frame(codec::Opcode::continuation, std::string(100'000, 'b'), true);
  world.run_for(1s);
  client.close();
  world.run_for(10s);
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].text(), "small");
  EXPECT_EQ(kept[1].text(), std::string(100'000, 'a') + std::string(100'000, 'b'));
}

TEST_F(Handlers, WhatACallbackSpawnsMayEndWithoutEndingTheConnection) {
  const auto say = [](Connection& c, std::string text) -> Task<> {
    (void)c.send_text(text);
    co_return;
  };
  server.get("/",
             websocket({.open = [&](Connection& c) { c.spawn(say(c, "hello")); },
                        .message = [&](Connection& c, const Message& m) { c.spawn(say(c, std::string(m.text()))); }}));
  start();
  auto client = connect();
  for (const char* text : {"one", "two"}) {
    client.send_text(text);
    world.run_until_idle();
    EXPECT_EQ(client.last_text(), text);
  }
  EXPECT_EQ(client.messages().size(), 3u);
  EXPECT_TRUE(client.is_open());
}

TEST_F(Handlers, AHandleOutlivesItsConnectionAndItsServer) {
  ConnectionHandle handle;
  int ran = 0;
  {
    Server short_lived{world};
    short_lived.get("/", websocket({.open = [&](Connection& c) { handle = c.handle(); }}));
    ASSERT_TRUE(short_lived.listen("127.0.0.1:0"));
    ASSERT_TRUE(short_lived.start());
    auto client = world.connect(short_lived, "/");
    world.run_until_idle();
    ASSERT_TRUE(handle.send_text("hello"));
    ASSERT_TRUE(handle.post([&](Connection&) { ran++; }));
    EXPECT_EQ(handle.close(1006).error(), Error::invalid_close_code);
    world.run_until_idle();
    EXPECT_EQ(client.last_text(), "hello");
    EXPECT_EQ(ran, 1);
    client.close();
    world.run_for(10s);
    EXPECT_TRUE(handle.post([&](Connection&) { ran++; }));  // taken, and dropped where it arrives
    world.run_until_idle();
    EXPECT_EQ(ran, 1);
  }
  EXPECT_EQ(handle.send_text("x").error(), Error::stopping);
  EXPECT_EQ(ConnectionHandle().send_text("x").error(), Error::stopping);
}

TEST_F(Handlers, CallbacksMayStopTheServerOrCloseWhereverTheyAre) {
  for (const char* where : {"open", "message", "close", "drained"}) {
    for (const bool stop : {false, true}) {
      SCOPED_TRACE(where);
      Server own{world};
      const std::string_view place = where;
      const auto act = [&, stop, place](Connection& c, std::string_view here) {
        if (here != place) return;
        if (stop) {
          own.stop(1s);
        } else {
          (void)c.close(4000);
        }
      };
      own.get("/", websocket({.open =
                                  [=](Connection& c) {
                                    for (int i = 0; i < 200; i++) (void)c.send_text("x");
                                    act(c, "open");
                                  },
                              .message = [=](Connection& c, const Message&) { act(c, "message"); },
                              .close = [=](Connection& c, const CloseInfo&) { act(c, "close"); },
                              .drained = [=](Connection& c) { act(c, "drained"); }}));
      ASSERT_TRUE(own.listen("127.0.0.1:0"));
      ASSERT_TRUE(own.start());
      auto client = world.connect(own, "/");
      client.send_text("a");
      client.send_text("b");
      world.run_for(1s);
      client.close(1000);
      world.run_for(10s);
      EXPECT_TRUE(client.is_over());
      EXPECT_EQ(own.stats().sockets, 0u);
    }
  }
}

}  // namespace
}  // namespace brume

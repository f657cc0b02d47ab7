// What a client's callbacks may do: throw, and hear once what became of what they were given for.
#include <stdexcept>

#include <brume/tests/engine/client/client_world.h>

namespace brume::test {
namespace {

class ClientCallbacks : public testing::Test {
 protected:
  ClientCallbacks() {
    callbacks.open = [this](Connection&) { opened++; };
    callbacks.close = [this](Connection&, const CloseInfo& info) { closes.push_back(info.cause); };
    server.get("/ws", websocket([](Connection& c) -> Task<> {
                 while (auto message = co_await c.receive()) (void)c.send(message->type, message->data);
               }));
    server.get("/bye", websocket([](Connection&) -> Task<> { co_return; }));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
    options.reconnect = Backoff(100ms, 1s);
    options.reconnect->jitter = 0;
  }

  void connect(std::string_view path = "/ws") { connect_to(url_of(server.address(), path)); }
  void connect_to(const std::string& url) {
    const auto made =
        own.client.connect(url, options, callbacks, [this](const ConnectError& e) { failures.push_back(e); });
    ASSERT_TRUE(made);
    handle = *made;
  }

  // First: the client's end is told, too.
  int opened = 0;
  std::vector<CloseCause> closes;
  std::vector<ConnectError> failures;
  ClientWorld own;
  Simulator& world = own.world;
  Server server{world};
  ConnectOptions options;
  Callbacks callbacks;
  ConnectHandle handle;
  static constexpr const char* kNobody = "ws://127.0.0.1:7777/ws";
};

// ---- throwing

TEST_F(ClientCallbacks, ACloseThatThrowsDoesNotKeepTheClientFromReconnectingNorLeaveAConnectionBehind) {
  callbacks.close = [](Connection&, const CloseInfo&) { throw std::runtime_error("no"); };
  connect("/bye");
  world.run_for(50ms);
  ASSERT_EQ(opened, 1);
  bool posted = false;
  EXPECT_TRUE(handle.post([&](Connection& c) { posted = c.is_connected(); }));  // there is none
  world.run_for(3s);
  EXPECT_FALSE(posted);
  EXPECT_GT(opened, 1);
  EXPECT_TRUE(handle.close());
  world.run_for(10s);
  EXPECT_EQ(own.client.stats().sockets, 0u);
}

TEST_F(ClientCallbacks, AFailedThatThrowsIsLoggedAndNoMore) {
  for (const std::string& url : {std::string(kNobody), url_of(server.address(), "/nowhere")}) {
    int told = 0;
    options.reconnect.reset();
    ASSERT_TRUE(own.client.connect(url, options, callbacks, [&](const ConnectError&) {
      told++;
      throw std::runtime_error("no");
    }));
    world.run_for(1s);
    EXPECT_EQ(told, 1) << url;
  }
  connect();
  world.run_for(1s);
  EXPECT_EQ(opened, 1);
}

TEST_F(ClientCallbacks, ARetryingThatThrowsDoesNotEndTheRow) {
  int told = 0;
  options.reconnect->retry_first = true;
  options.retrying = [&](const Retry&) {
    told++;
    throw std::runtime_error("no");
  };
  connect_to(kNobody);
  world.run_for(5s);
  EXPECT_GT(told, 3);
}

TEST_F(ClientCallbacks, AReconnectAfterThatThrowsIsANo) {
  options.reconnect_after = [](const CloseInfo&) -> bool { throw std::runtime_error("no"); };
  const auto outcome = own.follow(url_of(server.address(), "/bye"), options);
  world.run_for(5s);
  EXPECT_EQ(outcome->connects, 1u);
  EXPECT_EQ(outcome->close_code, 1000);
}

TEST_F(ClientCallbacks, AConnectedThatThrowsEndsTheConnectionAsAnyHandlerDoes) {
  options.connected = [](Connection&) { throw std::runtime_error("no"); };
  connect();
  const auto outcome = own.follow(url_of(server.address()), options);
  world.run_for(20s);
  EXPECT_EQ(closes, std::vector{CloseCause::handler_error});
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(outcome->close_cause, CloseCause::handler_error);
  EXPECT_EQ(own.client.stats().sockets, 0u);
}

TEST_F(ClientCallbacks, AStateThatCannotBeMadeIsNotTakenForALackOfMemory) {
  struct Broken {
    Broken() { throw std::runtime_error("no"); }
  };
  options.reconnect.reset();
  const auto endpoint = websocket<Broken>(StateCallbacks<Broken>());
  ASSERT_TRUE(own.client.connect(url_of(server.address()), options, endpoint,
                                 [this](const ConnectError& e) { failures.push_back(e); }));
  world.run_for(1s);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].step, ConnectStep::upgrade);
  EXPECT_EQ(failures[0].text, "the connection's state could not be made");
  EXPECT_EQ(own.client.stats().sockets, 0u);
}

TEST_F(ClientCallbacks, WhatAHandlePostsEndsTheConnectionWhereItThrowsAsWithAConnectionsOwnHandle) {
  connect();
  world.run_for(50ms);
  EXPECT_TRUE(handle.post([](Connection&) { throw std::bad_alloc(); }));
  world.run_for(20s);
  EXPECT_EQ(closes, std::vector{CloseCause::handler_error});
  EXPECT_EQ(server.stats().connections, 0u);
}

TEST_F(ClientCallbacks, AConnectionDroppedInsideRetryingIsOver) {
  std::optional<ClientConnection> kept;
  int told = 0;
  options.retrying = [&, step = std::make_shared<int>(1)](const Retry&) {
    kept.reset();
    told += *step;  // still there
  };
  ASSERT_TRUE(own.client.run([&]() -> Task<> {
    auto feed = co_await own.client.connect(url_of(server.address(), "/bye"), options);
    EXPECT_TRUE(feed);
    if (feed) kept.emplace(*std::move(feed));
  }));
  world.run_for(10s);
  EXPECT_EQ(told, 1);
  EXPECT_FALSE(kept);
  EXPECT_EQ(server.stats().upgrades, 1u);
}

// ---- told once

TEST_F(ClientCallbacks, AHandleThatClosesWhileThereIsNoConnectionIsTold) {
  options.reconnect->retry_first = true;
  connect_to(kNobody);
  world.run_for(1s);
  EXPECT_TRUE(handle.close());
  world.run_for(1s);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].cause, ConnectCause::stopping);

  // In the wait behind a connection, when no attempt has failed yet.
  connect("/bye");
  world.run_until([&] { return !closes.empty(); });
  EXPECT_TRUE(handle.close());
  world.run_for(10s);
  EXPECT_EQ(opened, 1);
  ASSERT_EQ(failures.size(), 2u);
  EXPECT_EQ(failures[1].cause, ConnectCause::stopping);
}

TEST_F(ClientCallbacks, ARowOfConnectionsThatEndAtOnceIsToldWhenItIsGivenUp) {
  options.reconnect->max_attempts = 3;
  connect("/bye");
  world.run_for(60s);
  EXPECT_EQ(opened, 4);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_EQ(failures[0].cause, ConnectCause::failed);
  EXPECT_THAT(failures[0].text, testing::HasSubstr("closed 1000"));
}

TEST_F(ClientCallbacks, AConnectionThatEndedForGoodIsNotToldAsAFailure) {
  options.reconnect_after = [](const CloseInfo&) { return false; };
  connect("/bye");
  world.run_for(10s);
  EXPECT_EQ(closes.size(), 1u);
  EXPECT_TRUE(failures.empty());
}

TEST_F(ClientCallbacks, WhatIsAskedForWhileTheCoreStopsIsNotBegun) {
  // A peer that does not answer Close holds the stopping core for a while.
  ReplyCore silent(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; }));
  connect_to(url_of(silent.address()));
  world.run_for(50ms);
  ASSERT_EQ(opened, 1);
  own.client.stop(3s);
  world.run_for(100ms);
  const auto late = own.client.connect(url_of(server.address()), options, callbacks,
                                       [this](const ConnectError& e) { failures.push_back(e); });
  world.run_for(1s);
  EXPECT_EQ(opened, 1);
  if (late) {
    ASSERT_EQ(failures.size(), 1u);
    EXPECT_EQ(failures[0].cause, ConnectCause::stopping);
  }
  EXPECT_EQ(server.stats().accepted, 0u);
  own.client.wait();
}

}  // namespace
}  // namespace brume::test

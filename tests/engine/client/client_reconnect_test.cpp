// Reconnecting: when, how often, after what, and what is seen in between; all on the virtual clock.
#include <brume/tests/engine/client/client_world.h>

namespace brume::test {
namespace {

using testing::ElementsAre;

class ClientReconnect : public testing::Test {
 protected:
  // A server on a port of its own each time it is up.
  struct Up {
    explicit Up(Simulator& world, const std::string& address, Callbacks callbacks) : server(world) {
      server.get("/ws", websocket(std::move(callbacks)));
      EXPECT_TRUE(server.listen(address));
      EXPECT_TRUE(server.start());
    }
    Server server;
  };
  static Callbacks greeting(std::string text) {
    Callbacks callbacks;
    callbacks.open = [text](Connection& c) { (void)c.send_text(text); };
    return callbacks;
  }
  ConnectOptions steady(std::uint32_t most = 0) {
    ConnectOptions options;
    options.reconnect = Backoff(100ms, 1000ms, most);
    options.reconnect->jitter = 0;
    options.retrying = [this](const Retry& retry) {
      retries.push_back(retry);
      retried_at.push_back(own.world.now());
    };
    return options;
  }

  static constexpr const char* kAddress = "127.0.0.1:7777";
  static constexpr const char* kUrl = "ws://127.0.0.1:7777/ws";
  ClientWorld own;
  Simulator& world = own.world;
  std::vector<Retry> retries;
  std::vector<io::Time> retried_at;
};

TEST(Backoff, DoublesUpToItsLongestAndIsCutByChance) {
  Backoff backoff(100ms, 1s);
  backoff.jitter = 0;
  std::vector<std::chrono::nanoseconds> waits;
  for (std::uint32_t i = 0; i < 6; i++) waits.push_back(backoff.wait(i, 0xFFFFFFFF));
  EXPECT_THAT(waits, ElementsAre(100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms));
  EXPECT_EQ(backoff.wait(4'000'000'000, 0), 1s);
  backoff.jitter = 0.5;
  EXPECT_EQ(backoff.wait(0, 0), 100ms);
  EXPECT_EQ(backoff.wait(0, 0x80000000), 75ms);
  EXPECT_GT(backoff.wait(0, 0xFFFFFFFF), 50ms - 1us);
  backoff.jitter = 1;
  EXPECT_LT(backoff.wait(9, 0xFFFFFFFF), 1ms);
}

TEST_F(ClientReconnect, ReceiveGoesOnWithTheNextConnection) {
  auto up = std::make_unique<Up>(world, kAddress, greeting("first"));
  const auto outcome = own.follow(kUrl, steady());
  world.run_for(100ms);
  EXPECT_THAT(outcome->messages, ElementsAre("first"));
  up.reset();  // closes 1001
  world.run_for(2s);
  EXPECT_EQ(outcome->close_code, std::nullopt);
  EXPECT_GE(retries.size(), 2u);
  Up again(world, kAddress, greeting("second"));
  world.run_for(2s);
  EXPECT_THAT(outcome->messages, ElementsAre("first", "second"));
  EXPECT_EQ(outcome->connects, 2u);
  own.client.stop(100ms);
  own.client.wait();
}

TEST_F(ClientReconnect, TheWaitsDoubleAndTheRowIsBounded) {
  auto up = std::make_unique<Up>(world, kAddress, greeting("hi"));
  const auto outcome = own.follow(kUrl, steady(5));
  world.run_for(100ms);
  up.reset();
  world.run_for(60s);
  ASSERT_EQ(retries.size(), 5u);
  std::vector<std::chrono::nanoseconds> waits;
  for (const Retry& retry : retries) waits.push_back(retry.wait);
  EXPECT_THAT(waits, ElementsAre(100ms, 200ms, 400ms, 800ms, 1000ms));
  for (std::size_t i = 1; i < retries.size(); i++) {
    EXPECT_EQ(retries[i].attempt, i + 1);
    EXPECT_GE(retried_at[i] - retried_at[i - 1], waits[i - 1]);
    EXPECT_LT(retried_at[i] - retried_at[i - 1], waits[i - 1] + 10ms);
  }
  EXPECT_EQ(retries[0].reason, "closed 1001 server stopping (peer)");
  EXPECT_THAT(retries[1].reason, testing::StartsWith("connect: 127.0.0.1:7777: "));
  EXPECT_EQ(outcome->close_code, 1001);  // of the last connection
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::connect);
}

TEST_F(ClientReconnect, TheFirstAttemptsFailureIsToldUnlessItIsToBeRetried) {
  const auto outcome = own.follow(kUrl, steady());
  world.run_for(1s);
  EXPECT_TRUE(outcome->error);
  EXPECT_TRUE(retries.empty());
  ConnectOptions patient = steady();
  patient.reconnect->retry_first = true;
  const auto other = own.follow(kUrl, patient);
  world.run_for(1s);
  EXPECT_FALSE(other->error);
  EXPECT_FALSE(retries.empty());
  Up up(world, kAddress, greeting("at last"));
  world.run_for(2s);
  EXPECT_THAT(other->messages, ElementsAre("at last"));
  own.client.stop(100ms);
  own.client.wait();
}

TEST_F(ClientReconnect, ItsOwnCloseIsAnEnd) {
  Up up(world, kAddress, greeting("hi"));
  Callbacks callbacks;
  callbacks.message = [](Connection& c, const Message&) { (void)c.close(1000); };
  ASSERT_TRUE(own.client.connect(kUrl, steady(), callbacks));
  world.run_for(5s);
  EXPECT_TRUE(retries.empty());
  EXPECT_EQ(own.client.stats().upgrades + up.server.stats().upgrades, 1u);
}

TEST_F(ClientReconnect, ThePredicateDecidesAfterWhichEnds) {
  // A page whose connection was replaced (4000) does not come back.
  Callbacks callbacks;
  callbacks.open = [](Connection& c) { (void)c.close(4000, "replaced"); };
  Up up(world, kAddress, callbacks);
  ConnectOptions options = steady();
  options.reconnect_after = [](const CloseInfo& info) { return info.code != 4000; };
  const auto outcome = own.follow(kUrl, options);
  world.run_for(5s);
  EXPECT_EQ(outcome->close_code, 4000);
  EXPECT_TRUE(retries.empty());
}

TEST_F(ClientReconnect, AServerThatClosesAtOnceDoesNotMakeATightLoop) {
  Callbacks callbacks;
  callbacks.open = [](Connection& c) { (void)c.close(1001); };
  Up up(world, kAddress, callbacks);
  const auto outcome = own.follow(kUrl, steady());
  world.run_for(10s);
  EXPECT_LT(up.server.stats().upgrades, 16u);
  EXPECT_EQ(retries.back().wait, 1s);
  EXPECT_EQ(outcome->close_code, std::nullopt);
  own.client.stop(100ms);
  own.client.wait();
}

TEST_F(ClientReconnect, AConnectionThatLastedEndsTheRow) {
  auto up = std::make_unique<Up>(world, kAddress, greeting("hi"));
  const auto outcome = own.follow(kUrl, steady());
  world.run_for(100ms);
  up.reset();
  world.run_for(3s);
  const std::size_t before = retries.size();
  up = std::make_unique<Up>(world, kAddress, greeting("hi"));
  world.run_for(5s);
  up.reset();
  world.run_for(50ms);
  ASSERT_GT(retries.size(), before);
  EXPECT_EQ(retries[before].attempt, 1u);
  EXPECT_EQ(retries[before].wait, 100ms);
  own.client.stop(100ms);
  own.client.wait();
}

TEST_F(ClientReconnect, ARefusalOf4xxEndsTheRowAndOneOf503KeepsToRetryAfter) {
  std::string status = "503 Busy\r\nRetry-After: 1";
  bool refuse = false;
  ReplyCore raw(world, raw_server([&](std::string_view head) {
                  if (refuse) return Reply{"HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n"};
                  refuse = true;
                  return Reply{good_answer(head) + text_of_frame(0x8, "\x03\xE9"), true};
                }));
  const auto outcome = own.follow(url_of(raw.address()), steady());
  world.run_for(3500ms);
  ASSERT_GE(retries.size(), 3u);
  EXPECT_EQ(retries[0].wait, 100ms);
  EXPECT_EQ(retries[1].wait, 1s);
  EXPECT_FALSE(outcome->close_code);
  status = "403 Forbidden";
  world.run_for(3s);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->status, 403);
}

TEST_F(ClientReconnect, ARetryAfterOfAnyLengthIsKeptToUpToTheLongestWait) {
  for (const std::string_view text : {"86400", "4294967295", "4294967296", "99999999999999999999"}) {
    retries.clear();
    bool refuse = false;
    ReplyCore raw(
        world, raw_server([&](std::string_view head) {
          if (std::exchange(refuse, true))
            return Reply{"HTTP/1.1 503 Busy\r\nRetry-After: " + std::string(text) + "\r\nContent-Length: 0\r\n\r\n"};
          return Reply{good_answer(head) + text_of_frame(0x8, "\x03\xE9"), true};
        }));
    const auto handle = own.client.connect(url_of(raw.address()), steady(), Callbacks());
    ASSERT_TRUE(handle);
    world.run_for(500ms);
    ASSERT_EQ(retries.size(), 2u) << text;
    EXPECT_EQ(retries[1].wait, 1s) << text;
    EXPECT_TRUE(handle->close());
    world.run_for(2s);
  }
}

TEST_F(ClientReconnect, ClosingWhileItWaitsEndsItAtOnce) {
  auto up = std::make_unique<Up>(world, kAddress, greeting("hi"));
  std::optional<ConnectError> failed;
  bool over = false;
  ConnectOptions options = steady();
  std::optional<CloseInfo> end;
  ASSERT_TRUE(own.client.run([&]() -> Task<> {
    auto feed = co_await own.client.connect(kUrl, options);
    EXPECT_TRUE(feed);
    (void)co_await feed->receive();
    (void)co_await sleep(1s);
    EXPECT_FALSE(feed->is_connected());
    EXPECT_EQ(feed->connection(), nullptr);
    EXPECT_EQ(feed->send_text("x").error(), Error::connection_closed);
    EXPECT_TRUE(feed->close());
    const auto last = co_await feed->receive();
    EXPECT_FALSE(last);
    EXPECT_EQ(last.error().cause, CloseCause::local);
    over = true;
  }));
  world.run_for(100ms);
  up.reset();
  world.run_for(3s);
  EXPECT_TRUE(over);
  const std::size_t before = retries.size();
  world.run_for(5s);
  EXPECT_EQ(retries.size(), before);
}

TEST_F(ClientReconnect, TheConnectedCallbackSubscribesAnew) {
  std::vector<std::string> asked;
  Callbacks callbacks;
  callbacks.message = [&](Connection& c, const Message& m) {
    asked.emplace_back(m.text());
    (void)c.close(1012);
  };
  Up up(world, kAddress, callbacks);
  ConnectOptions options = steady();
  options.connected = [](Connection& c) { (void)c.send_text("subscribe"); };
  std::size_t opened = 0;
  Callbacks mine;
  mine.open = [&](Connection&) { opened++; };
  const auto handle = own.client.connect(kUrl, options, mine);
  ASSERT_TRUE(handle);
  world.run_for(2s);
  EXPECT_GE(asked.size(), 3u);
  EXPECT_EQ(opened, asked.size());
  EXPECT_TRUE(handle->close());
  world.run_for(2s);
  const std::size_t before = opened;
  world.run_for(5s);
  EXPECT_EQ(opened, before);
}

TEST_F(ClientReconnect, StoppingEndsAWait) {
  ConnectOptions options = steady();
  options.reconnect->retry_first = true;
  const auto outcome = own.follow(kUrl, options);
  std::optional<ConnectError> failed;
  ASSERT_TRUE(own.client.connect(kUrl, options, Callbacks(), [&](const ConnectError& error) { failed = error; }));
  world.run_for(1s);
  own.client.stop();
  own.client.wait();
  ASSERT_TRUE(failed);
  EXPECT_EQ(failed->cause, ConnectCause::stopping);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->cause, ConnectCause::stopping);
}

}  // namespace
}  // namespace brume::test

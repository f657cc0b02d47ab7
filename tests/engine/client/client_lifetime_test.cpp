// Who frees what: a client, its task or its handle goes at each step of a connect, and answers come too late.
#include <deque>

#include <brume/tests/engine/client/client_tls_fixture.h>

namespace brume::test {
namespace {

using testing::ElementsAre;

// A simulation whose look-ups are answered when the test says so.
class HeldNames final : public io::Environment {
 public:
  explicit HeldNames(Simulator& simulator) : simulator_(simulator) {}

  std::size_t waiting() const { return waiting_.size(); }
  // The oldest look-up that waits.
  void answer(const io::Address& address) {
    const Resolved resolved = std::move(waiting_.front());
    waiting_.pop_front();
    resolved({{address}, {}});
  }

  void resolve(const std::string&, std::uint16_t, Resolved resolved) override {
    waiting_.push_back(std::move(resolved));
  }
  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(
      const io::Address& address, std::size_t count, const io::ListenOptions& options) override {
    return simulator_.open_listeners(address, count, options);
  }
  io::Address local_address(io::ListenerHandle listener) const override { return simulator_.local_address(listener); }
  void close_listener(io::ListenerHandle listener) override { simulator_.close_listener(listener); }
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const io::IoOptions& options) override {
    return simulator_.make_io(core, options);
  }
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven, bool pin) override {
    return simulator_.start(core, driven, pin);
  }
  void join() override { simulator_.join(); }
  void join_these(std::span<const io::Driven* const> driven) override { simulator_.join_these(driven); }
  std::size_t available_cores() const override { return simulator_.available_cores(); }
  std::uint64_t random() override { return simulator_.random(); }
  std::chrono::system_clock::time_point wall_clock() const override { return simulator_.wall_clock(); }

 private:
  Simulator& simulator_;
  std::deque<Resolved> waiting_;
};

class ClientLifetime : public testing::Test {
 protected:
  ClientLifetime() : server(world) {
    server.get("/ws", websocket([](Connection& c) -> Task<> {
                 while (auto message = co_await c.receive()) (void)c.send(message->type, message->data);
               }));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }
  std::string url() const { return "ws://name.test:" + std::to_string(server.address().port) + "/ws"; }
  void start_client() {
    client = std::make_unique<Client>(names);
    ASSERT_TRUE(client->start());
  }
  // A connect of the callback form, whose outcome is noted.
  void connect() {
    Callbacks callbacks;
    callbacks.open = [this](Connection&) { opened++; };
    callbacks.close = [this](Connection&, const CloseInfo&) { closed++; };
    const auto made =
        client->connect(url(), options, callbacks, [this](const ConnectError& e) { errors.push_back(e); });
    ASSERT_TRUE(made);
    handle = *made;
    world.run_for(10ms);
  }

  Simulator world;
  HeldNames names{world};
  Server server;
  ConnectOptions options;
  std::unique_ptr<Client> client;
  ConnectHandle handle;
  int opened = 0;
  int closed = 0;
  std::vector<ConnectError> errors;
};

TEST_F(ClientLifetime, AnAnswerOfTheResolverAfterTheClientIsGoneFindsNobody) {
  start_client();
  connect();
  ASSERT_EQ(names.waiting(), 1u);
  client.reset();
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].cause, ConnectCause::stopping);
  names.answer(server.address());
  world.run_for(1s);
  EXPECT_EQ(server.stats().accepted, 0u);
  EXPECT_EQ(handle.close().error(), Error::stopping);
}

TEST_F(ClientLifetime, OnAServersCoresItFindsNobodyEitherNorTheNextClient) {
  Server host(names);
  client = std::make_unique<Client>(host);
  Client other(host);
  ASSERT_TRUE(host.listen("127.0.0.1:0"));
  ASSERT_TRUE(host.start());
  connect();
  ASSERT_EQ(names.waiting(), 1u);
  client.reset();
  names.answer(server.address());
  world.run_for(1s);
  EXPECT_EQ(server.stats().accepted, 0u);
  EXPECT_EQ(opened, 0);
  // The one that is left works on.
  bool works = false;
  Callbacks callbacks;
  callbacks.open = [&](Connection&) { works = true; };
  ASSERT_TRUE(other.connect(url(), options, callbacks));
  world.run_for(10ms);
  names.answer(server.address());
  world.run_for(1s);
  EXPECT_TRUE(works);
}

TEST_F(ClientLifetime, AnAnswerThatComesAfterItsAttemptsTimeIsNotTakenForTheNextAttempts) {
  options.connect_timeout = 1s;
  options.reconnect = Backoff(100ms, 100ms);
  options.reconnect->retry_first = true;
  start_client();
  connect();
  world.run_for(1500ms);
  ASSERT_EQ(names.waiting(), 2u);  // of the attempt that timed out, and of the second one
  names.answer(*io::Address::parse("127.0.0.9:9"));
  world.run_for(10ms);
  EXPECT_EQ(opened, 0);
  names.answer(server.address());
  world.run_for(10ms);
  EXPECT_EQ(opened, 1);
}

TEST_F(ClientLifetime, AClientThatGoesAtAnyStepLeavesNoSocketAndTellsOnce) {
  // The steps of a plain connect take a few milliseconds each in the simulation: each moment of them is tried.
  int told_open = 0;
  int told_error = 0;
  for (int step = 0; step < 60; step++) {
    opened = closed = 0;
    errors.clear();
    Server host(names);
    client = std::make_unique<Client>(host);
    ASSERT_TRUE(host.listen("127.0.0.1:0"));
    ASSERT_TRUE(host.start());
    connect();
    names.answer(server.address());
    for (int i = 0; i < step; i++) world.run_for(20us);
    client.reset();
    world.run_for(10s);
    EXPECT_EQ(host.stats().sockets, 0u) << step;
    EXPECT_EQ(host.stats().connections, 0u) << step;
    EXPECT_EQ(opened, closed) << step;
    EXPECT_EQ(static_cast<std::size_t>(opened) + errors.size(), 1u) << step;
    told_open += opened;
    told_error += static_cast<int>(errors.size());
    host.stop();
    host.wait();
  }
  EXPECT_GT(told_open, 0);
  EXPECT_GT(told_error, 0);
  world.run_for(10s);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(ClientLifetime, AHandleThatClosesAtAnyStepEndsTheAttemptOrTheConnectionAndNothingIsLeft) {
  start_client();
  int ended_early = 0;
  for (int step = 0; step < 60; step++) {
    opened = closed = 0;
    errors.clear();
    connect();
    names.answer(server.address());
    for (int i = 0; i < step; i++) world.run_for(20us);
    ASSERT_TRUE(handle.close());
    world.run_for(10s);
    EXPECT_EQ(client->stats().sockets, 0u) << step;
    EXPECT_EQ(opened, closed) << step;
    EXPECT_EQ(static_cast<std::size_t>(opened) + errors.size(), 1u) << step;
    if (opened == 0) ended_early++;
  }
  EXPECT_GT(ended_early, 0);
  EXPECT_LT(ended_early, 60);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(ClientLifetime, ATaskThatEndsWhileItConnectsTakesItsAttemptAlong) {
  Server host(names);
  client = std::make_unique<Client>(host);
  int left = 0;
  host.get("/go", websocket([&](Connection& in) -> Task<> {
             // Cancelled where it stands, when the one it serves goes.
             auto out = co_await client->connect(url(), options);
             if (!out && out.error().cause == ConnectCause::stopping) left++;
             (void)co_await in.receive();
           }));
  ASSERT_TRUE(host.listen("127.0.0.1:0"));
  ASSERT_TRUE(host.start());
  for (int step = 0; step < 60; step++) {
    auto ann = world.connect(host, "/go");
    world.run_for(50ms);
    ASSERT_EQ(names.waiting(), 1u);
    if (step != 0) names.answer(server.address());
    for (int i = 1; i < step; i++) world.run_for(20us);
    ann.abort();
    world.run_for(10s);
    if (step == 0) names.answer(server.address());
    world.run_for(1s);
    EXPECT_EQ(host.stats().sockets, 0u) << step;
    EXPECT_EQ(server.stats().sockets, 0u) << step;
  }
  EXPECT_GT(left, 0);
  client.reset();  // before the server whose cores it has
}

TEST_F(ClientLifetime, AConnectionDroppedInsideItsOwnCallbacksIsFreedOnce) {
  start_client();
  std::optional<ClientConnection> kept;
  std::vector<std::string> got;
  ASSERT_TRUE(client->run([&]() -> Task<> {
    auto feed = co_await client->connect(url(), options);
    EXPECT_TRUE(feed);
    if (!feed) co_return;
    kept.emplace(*std::move(feed));
    EXPECT_TRUE(kept->send_text("one"));
    if (auto message = co_await kept->receive()) {
      got.emplace_back(message->text());
      kept.reset();  // inside the feed's call to this task
    }
  }));
  world.run_for(10ms);
  names.answer(server.address());
  world.run_for(10s);
  EXPECT_THAT(got, ElementsAre("one"));
  EXPECT_EQ(client->stats().sockets, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(ClientLifetime, AHandlerOfAServerThatHoldsAConnectionOutlivesTheClientItCameFrom) {
  Server host(names);
  client = std::make_unique<Client>(host);
  std::vector<CloseInfo> ends;
  host.get("/go", websocket([&](Connection& in) -> Task<> {
             auto out = co_await client->connect(url(), options);
             EXPECT_TRUE(out);
             if (!out) co_return;
             if (const auto message = co_await out->receive(); !message) ends.push_back(message.error());
             EXPECT_EQ(out->send_text("x").error(), Error::connection_closed);
             (void)co_await in.receive();
           }));
  ASSERT_TRUE(host.listen("127.0.0.1:0"));
  ASSERT_TRUE(host.start());
  [[maybe_unused]] auto ann = world.connect(host, "/go");
  world.run_for(50ms);
  ASSERT_EQ(names.waiting(), 1u);
  names.answer(server.address());
  world.run_for(50ms);
  ASSERT_EQ(server.stats().connections, 1u);
  client.reset();
  world.run_for(1s);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].code, 1001);
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(host.stats().connections, 1u);  // ann's
}

TEST_F(ClientLifetime, AConnectBegunAnewWhileItsClientGoesFailsAtOnce) {
  Server host(names);
  client = std::make_unique<Client>(host);
  Client& guest = *client;
  std::vector<ConnectStep> failed;
  host.get("/go", websocket([&](Connection& in) -> Task<> {
             for (int i = 0; i < 2; i++)
               if (auto out = co_await guest.connect(url(), options); !out) failed.push_back(out.error().step);
             (void)co_await in.receive();
           }));
  ASSERT_TRUE(host.listen("127.0.0.1:0"));
  ASSERT_TRUE(host.start());
  [[maybe_unused]] auto ann = world.connect(host, "/go");
  world.run_for(50ms);
  ASSERT_EQ(names.waiting(), 1u);
  client.reset();
  EXPECT_THAT(failed, ElementsAre(ConnectStep::start, ConnectStep::start));
  while (names.waiting() != 0) names.answer(server.address());
  world.run_for(20s);
  EXPECT_EQ(server.stats().accepted, 0u);
}

TEST_F(ClientLifetime, WhoWaitsForAMessageOfAConnectionThatAnotherTaskDropsHearsOfItsEnd) {
  start_client();
  std::optional<ClientConnection> kept;
  std::vector<CloseInfo> ends;
  ASSERT_TRUE(client->run([&]() -> Task<> {
    auto feed = co_await client->connect(url(), options);
    EXPECT_TRUE(feed);
    if (!feed) co_return;
    kept.emplace(*std::move(feed));
    if (const auto message = co_await kept->receive(); !message) ends.push_back(message.error());
  }));
  ASSERT_TRUE(client->run([&]() -> Task<> {
    (void)co_await sleep(500ms);
    kept.reset();
  }));
  world.run_for(10ms);
  names.answer(server.address());
  world.run_for(10s);
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].code, 1000);
  EXPECT_EQ(ends[0].cause, CloseCause::local);
  EXPECT_EQ(client->stats().sockets, 0u);
}

// ---- with TLS, where there are more steps

TEST_F(ClientTlsTest, AClientThatGoesAtAnyStepOfASecureConnectLeavesNoSocket) {
  serve(good());
  int told_open = 0;
  int told_error = 0;
  for (int step = 0; step < 60; step++) {
    Server host(own.world);
    auto client = std::make_unique<Client>(host);
    ASSERT_TRUE(host.listen("127.0.0.1:0"));
    ASSERT_TRUE(host.start());
    int opened = 0;
    int failed = 0;
    Callbacks callbacks;
    callbacks.open = [&](Connection&) { opened++; };
    ASSERT_TRUE(client->connect(url(), options, callbacks, [&](const ConnectError&) { failed++; }));
    for (int i = 0; i < step; i++) own.world.run_for(30us);
    client.reset();
    own.world.run_for(15s);
    EXPECT_EQ(host.stats().sockets, 0u) << step;
    EXPECT_LE(opened + failed, 1) << step;
    told_open += opened;
    told_error += failed;
    host.stop();
    host.wait();
  }
  EXPECT_GT(told_open, 0);
  EXPECT_GT(told_error, 0);
  own.world.run_for(15s);
  EXPECT_EQ(server->stats().sockets, 0u);
}

}  // namespace
}  // namespace brume::test

// Sessions of TLS that a client resumes: when, by which tickets, and that names are looked at all the same.
#include <atomic>

#include <brume/tests/engine/client/client_tls_fixture.h>

namespace brume::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ClientResumption : public ClientTlsTest, public testing::WithParamInterface<TlsVersion> {
 protected:
  ClientResumption() { options.tls.min_version = options.tls.max_version = GetParam(); }

  // Connects, says something, and closes; whether both sides say that it was resumed. Nothing: it failed.
  std::optional<bool> connect(const std::string& to) {
    std::optional<bool> client_says;
    Callbacks callbacks;
    callbacks.open = [](Connection& c) { (void)c.send_text("hi"); };
    callbacks.message = [&](Connection& c, const Message&) {
      client_says = c.tls_info()->resumed;
      EXPECT_EQ(c.tls_info()->version, GetParam());
      (void)c.close();
    };
    error.reset();
    info.reset();
    const auto handle = own.client.connect(to, options, callbacks, [&](const ConnectError& e) { error = e; });
    EXPECT_TRUE(handle);
    own.world.run_for(15s);
    EXPECT_EQ(own.client.stats().sockets, 0u);
    if (!client_says || !info) return std::nullopt;
    EXPECT_EQ(info->resumed, *client_says);
    return client_says;
  }
  // The same world under another name.
  std::string under(const std::string& name) {
    own.world.add_host(name, {server->address()});
    return "wss://" + name + ":" + std::to_string(server->address().port) + "/ws";
  }

  std::optional<ConnectError> error;
};

TEST_P(ClientResumption, ASecondConnectionToTheSameHostIsResumedAndSoIsEachAfterIt) {
  serve(good());
  EXPECT_EQ(connect(url()), false);
  for (int i = 0; i < 3; i++) EXPECT_EQ(connect(url()), true) << i;
  EXPECT_EQ(server->stats().tls_resumed, 3u);
  EXPECT_EQ(own.client.stats().tls_resumed, 3u);
}

TEST_P(ClientResumption, ConnectionsAtTheSameTimeDoNotShareASession) {
  serve(good());
  EXPECT_EQ(connect(url()), false);
  std::vector<std::shared_ptr<Outcome>> outcomes;
  for (int i = 0; i < 3; i++) outcomes.push_back(own.follow(url(), options, "hi"));
  own.world.run_for(1s);
  for (const auto& outcome : outcomes) EXPECT_THAT(outcome->messages, ElementsAre("hi"));
  EXPECT_EQ(server->stats().tls_resumed, 1u);  // there was one session
  EXPECT_EQ(server->stats().tls_handshakes, 4u);
  for (int i = 0; i < 3; i++) outcomes.push_back(own.follow(url(), options, "hi"));
  own.world.run_for(1s);
  EXPECT_EQ(server->stats().tls_resumed, 4u);  // and now one of each of the three
}

TEST_P(ClientResumption, ItCanBeTurnedOff) {
  options.tls.resume = false;
  serve(good());
  for (int i = 0; i < 2; i++) EXPECT_EQ(connect(url()), false);
  EXPECT_EQ(server->stats().tls_resumed, 0u);
}

TEST_P(ClientResumption, AnotherNameOfTheSameServerIsVerifiedAnew) {
  options.tls.server_name.clear();
  serve(certificates.issue("a.test", "DNS:a.test,DNS:c.test"));
  EXPECT_EQ(connect(under("a.test")), false);
  EXPECT_EQ(connect(under("c.test")), false);
  EXPECT_EQ(connect(under("b.test")), std::nullopt);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->step, ConnectStep::tls);
  EXPECT_THAT(error->to_string(), HasSubstr("host_mismatch: "));
  EXPECT_EQ(connect(under("a.test")), true);
  EXPECT_EQ(connect(under("c.test")), true);
}

TEST_P(ClientResumption, WhatWasNotVerifiedIsNotResumedWhereItHasToBe) {
  serve(certificates.issue("b.test", "DNS:b.test"));  // not a.test, which is expected
  const TlsClientConfig strict = options.tls;
  options.tls.verify = false;
  EXPECT_EQ(connect(url()), false);
  EXPECT_EQ(connect(url()), true);
  options.tls = strict;
  EXPECT_EQ(connect(url()), std::nullopt);
  EXPECT_THAT(error->to_string(), HasSubstr("host_mismatch: "));
  options.tls.server_name = "b.test";
  EXPECT_EQ(connect(url()), false);
  EXPECT_EQ(connect(url()), true);
}

TEST_P(ClientResumption, AnotherClientHasSessionsOfItsOwn) {
  serve(good());
  EXPECT_EQ(connect(url()), false);
  Client other(own.world);
  ASSERT_TRUE(other.start());
  std::optional<bool> resumed;
  Callbacks callbacks;
  callbacks.open = [&](Connection& c) { resumed = c.tls_info()->resumed; };
  ASSERT_TRUE(other.connect(url(), options, callbacks));
  own.world.run_for(1s);
  EXPECT_EQ(resumed, false);
}

TEST_P(ClientResumption, AServerThatForgotItsKeysGetsAFullHandshake) {
  serve(good());
  EXPECT_EQ(connect(url()), false);
  const io::Address before = server->address();
  Config config;
  tls.certificates = {good()};
  config.tls = tls;
  server.reset();
  own.world.run_for(1s);
  server = std::make_unique<Server>(own.world, config);
  server->get("/ws", websocket([this](Connection& c) -> Task<> {
                info = c.tls_info();
                while (auto message = co_await c.receive()) (void)c.send(message->type, message->data);
              }));
  ASSERT_TRUE(server->listen(before.to_string()));
  ASSERT_TRUE(server->start());
  EXPECT_EQ(connect(url()), false);
  EXPECT_EQ(connect(url()), true);
}

TEST_P(ClientResumption, ReconnectingResumes) {
  serve(good());
  options.reconnect = Backoff(10ms, 100ms);
  std::vector<bool> resumed;
  options.connected = [&](Connection& c) { resumed.push_back(c.tls_info()->resumed); };
  (void)own.follow(url("/bye"), options);
  own.world.run_for(1s);
  ASSERT_GE(resumed.size(), 3u);
  EXPECT_FALSE(resumed[0]);
  for (std::size_t i = 1; i < resumed.size(); i++) EXPECT_TRUE(resumed[i]) << i;
  own.client.stop();
  own.world.run_for(10s);
}

TEST_P(ClientResumption, AnAttemptAfterARefusalResumesToo) {
  serve(good());
  EXPECT_EQ(connect(url("/nowhere")), std::nullopt);
  EXPECT_EQ(error->status, 404);
  EXPECT_EQ(connect(url()), true);
}

TEST_P(ClientResumption, WhateverBreaksWhileSessionsAreKeptTheNextConnectionsAreMade) {
  int connected = 0;
  int resumed = 0;
  for (std::uint64_t seed = 1; seed <= 20; seed++) {
    SimulatorOptions chance;
    chance.seed = seed;
    chance.faults.set(FaultKind::reset, 40'000).set(FaultKind::split_segment, 300'000);
    ClientWorld rough(chance);
    serve(good(), rough);
    for (int i = 0; i < 6; i++) {
      const auto outcome = rough.follow(url(), options, "hi");
      rough.world.run_for(15s);
      if (outcome->connected) connected++;
      if (outcome->error) {
        EXPECT_EQ(outcome->error->rule, std::nullopt) << outcome->error->to_string();
        EXPECT_THAT(outcome->error->to_string(), testing::Not(HasSubstr("certificate"))) << seed;
      }
    }
    resumed += static_cast<int>(server->stats().tls_resumed);
    server.reset();
  }
  EXPECT_GT(connected, 30);
  EXPECT_GT(resumed, 10);
  EXPECT_LT(connected, 120) << "nothing broke";
}

INSTANTIATE_TEST_SUITE_P(Versions, ClientResumption, testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& version) { return version.param == TlsVersion::tls_1_2 ? "Tls12" : "Tls13"; });

}  // namespace
}  // namespace brume::test

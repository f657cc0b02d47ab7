// wss:// in one simulated world: a client of brume against a server of brume, certificates that are good and bad, and
// what ends a handshake.
#include <array>
#include <filesystem>
#include <fstream>

#include <brume/tests/engine/client/client_tls_fixture.h>

namespace brume::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(ClientTlsTest, AClientThatTrustsTheServerSendsAndReceives) {
  serve(good());
  const std::string large(200'000, 'x');
  const auto outcome = own.follow(url(), options, large);
  own.world.run_until_idle();
  EXPECT_TRUE(outcome->connected) << (outcome->error ? outcome->error->to_string() : "");
  EXPECT_THAT(outcome->messages, ElementsAre(large));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->server_name, "a.test");
  EXPECT_EQ(info->protocol, "http/1.1");
  EXPECT_EQ(server->stats().tls_handshakes, 1u);
}

TEST_F(ClientTlsTest, TheHostOfTheUrlIsAskedForAndExpected) {
  serve(good());
  io::Address address = server->address();
  own.world.add_host("a.test", {address});
  options.tls.server_name.clear();
  const auto outcome = own.follow("wss://a.test:" + std::to_string(address.port) + "/ws", options, "hi");
  own.world.run_until_idle();
  EXPECT_THAT(outcome->messages, ElementsAre("hi"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->server_name, "a.test");
}

TEST_F(ClientTlsTest, ANameThatEndsInADotIsAskedForAndExpectedWithoutIt) {
  // RFC 6066, section 3: without the dot that makes a name absolute; certificates have none either.
  serve(good());
  io::Address address = server->address();
  own.world.add_host("a.test.", {address});
  options.tls.server_name.clear();
  const auto outcome = own.follow("wss://a.test.:" + std::to_string(address.port) + "/ws", options, "hi");
  own.world.run_for(1s);
  ASSERT_TRUE(outcome->connected) << outcome->error->to_string();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->server_name, "a.test");
}

TEST_F(ClientTlsTest, TheClosingHandshakeAndCloseNotifyEndItCleanlyOnBothSides) {
  serve(good());
  const auto outcome = own.follow(url("/bye"), options);
  own.world.run_for(1s);
  EXPECT_THAT(outcome->messages, ElementsAre("hello"));
  EXPECT_EQ(outcome->close_code, 3001);
  EXPECT_TRUE(outcome->clean);
  EXPECT_EQ(own.client.stats().sockets, 0u);
  EXPECT_EQ(server->stats().sockets, 0u);
  EXPECT_EQ(server->stats().refused_by("tls_truncated"), 0u);
}

TEST_F(ClientTlsTest, AnAuthorityThatIsNotTrustedFailsAndTheServerHearsWhy) {
  serve(good());
  const TestCertificates others("Another Authority");
  options.tls.ca_file = others.ca_file();
  const ConnectError error = failure();
  EXPECT_EQ(error.step, ConnectStep::tls);
  EXPECT_EQ(error.cause, ConnectCause::failed);
  EXPECT_THAT(error.to_string(), HasSubstr("certificate_refused: "));
  // By the alert, not by an end without a word.
  EXPECT_EQ(server->stats().refused_by("tls_handshake"), 1u);
  EXPECT_EQ(own.client.stats().refused_by("tls_handshake"), 0u);
}

TEST_F(ClientTlsTest, TheSystemsAuthoritiesDoNotVouchForATestsServer) {
  serve(good());
  options.tls.ca_file.clear();
  EXPECT_THAT(failure().to_string(), HasSubstr("certificate_refused: "));
}

TEST_F(ClientTlsTest, ACertificateForAnotherHostFails) {
  serve(certificates.issue("b.test", "DNS:b.test"));
  const ConnectError error = failure();
  EXPECT_EQ(error.step, ConnectStep::tls);
  EXPECT_THAT(error.to_string(), HasSubstr("host_mismatch: "));
}

TEST_F(ClientTlsTest, ACertificateThatHasExpiredFails) {
  serve(certificates.issue("a.test", "DNS:a.test", -1));
  EXPECT_THAT(failure().to_string(), HasSubstr("expired"));
}

TEST_F(ClientTlsTest, WithoutVerifyingAnyCertificateWillDo) {
  serve(certificates.issue("b.test", "DNS:b.test", -1));
  options.tls = TlsClientConfig();
  options.tls.verify = false;
  const auto outcome = own.follow(url(), options, "hi");
  own.world.run_until_idle();
  EXPECT_THAT(outcome->messages, ElementsAre("hi"));
}

TEST_F(ClientTlsTest, AClientCertificateIsShownWhereTheServerAsksForOne) {
  tls.client_certificates = ClientCertificates::required;
  tls.client_ca_file = certificates.ca_file();
  serve(good());
  options.tls.certificate = certificates.issue("ann");
  const auto outcome = own.follow(url(), options, "hi");
  own.world.run_until_idle();
  EXPECT_THAT(outcome->messages, ElementsAre("hi"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->client_subject, "CN=ann");
}

TEST_F(ClientTlsTest, AServerInClearIsNoTlsAndIsNotTriedAgain) {
  const ReplyCore talker(own.world,
                         [] { return [](std::string_view) { return Reply{"HTTP/1.1 400 Bad Request\r\n\r\n"}; }; });
  options.reconnect = Backoff(100ms, 1s);
  options.reconnect->retry_first = true;
  int retries = 0;
  options.retrying = [&](const Retry&) { retries++; };
  const auto outcome = own.follow(secure(url_of(talker.address())), options);
  own.world.run_for(5s);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::tls);
  EXPECT_THAT(outcome->error->to_string(), HasSubstr("not_tls"));
  EXPECT_EQ(retries, 0);
}

TEST_F(ClientTlsTest, AServerThatDoesNotShakeHandsRunsOutOfTheConnectTimeout) {
  const ReplyCore mute(own.world, [] { return [](std::string_view) { return Reply{}; }; });
  options.connect_timeout = 3s;
  const auto outcome = own.follow(secure(url_of(mute.address())), options);
  own.world.run_for(2900ms);
  EXPECT_FALSE(outcome->error);
  own.world.run_for(200ms);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::tls);
  EXPECT_EQ(outcome->error->cause, ConnectCause::timed_out);
  own.world.run_for(5s);
  EXPECT_EQ(own.client.stats().sockets, 0u);
}

TEST_F(ClientTlsTest, AnEndInsideTheHandshakeIsOfStepTlsAndIsTriedAgain) {
  for (const Reply& reply : {Reply{.finish = true}, Reply{.abort = true}}) {
    const ReplyCore cutter(own.world, [reply] { return [reply](std::string_view) { return reply; }; });
    options.reconnect = Backoff(100ms, 1s, 2);
    options.reconnect->retry_first = true;
    int retries = 0;
    options.retrying = [&](const Retry&) { retries++; };
    const auto outcome = own.follow(secure(url_of(cutter.address())), options);
    own.world.run_for(10s);
    ASSERT_TRUE(outcome->error);
    EXPECT_EQ(outcome->error->step, ConnectStep::tls);
    EXPECT_EQ(outcome->error->code, ECONNRESET);
    EXPECT_THAT(outcome->error->text, HasSubstr("ended during the handshake"));
    EXPECT_EQ(retries, 2);
    EXPECT_EQ(own.client.stats().sockets, 0u);
  }
}

TEST_F(ClientTlsTest, AClientThatStopsWhileHandsAreShakenEndsAtOnce) {
  const ReplyCore mute(own.world, [] { return [](std::string_view) { return Reply{}; }; });
  const auto outcome = own.follow(secure(url_of(mute.address())), options);
  own.world.run_for(100ms);
  own.client.stop(1s);
  own.world.run_for(100ms);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->cause, ConnectCause::stopping);
  EXPECT_EQ(own.client.stats().sockets, 0u);
}

TEST_F(ClientTlsTest, AResetAnywhereEndsInAnErrorOfTheStepItMetOrInAnUncleanClose) {
  const TlsCertificate certificate = good();
  std::array<int, 5> steps{};
  int unclean = 0;
  for (std::uint64_t seed = 1; seed <= 60; seed++) {
    SimulatorOptions chance;
    chance.seed = seed;
    chance.faults.set(FaultKind::reset, 60'000)
        .set(FaultKind::split_segment, 300'000)
        .set(FaultKind::short_read, 300'000);
    ClientWorld rough(chance);
    serve(certificate, rough);
    const auto outcome = rough.follow(url(), options, std::string(20'000, 'x'));
    rough.world.run_for(30s);
    if (!outcome->connected) {
      ASSERT_TRUE(outcome->error) << "seed " << seed;
      steps[static_cast<std::size_t>(outcome->error->step)]++;
    } else if (outcome->close_code) {
      EXPECT_FALSE(outcome->clean) << "seed " << seed;
      unclean++;
    }
    if (!outcome->connected || outcome->close_code) {
      EXPECT_EQ(rough.client.stats().sockets, 0u) << "seed " << seed;
    }
    server.reset();
  }
  EXPECT_GT(steps[static_cast<std::size_t>(ConnectStep::tls)], 0);
  EXPECT_GT(steps[static_cast<std::size_t>(ConnectStep::upgrade)], 0);
  EXPECT_GT(unclean, 0);
}

TEST_F(ClientTlsTest, FilesThatCannotBeUsedAreNamedBeforeAnythingIsConnected) {
  serve(good());
  options.tls.ca_file = certificates.path("missing.pem");
  const auto handle = own.client.connect(url(), options, Callbacks());
  ASSERT_FALSE(handle);
  EXPECT_EQ(handle.error().step, ConnectStep::tls);
  EXPECT_EQ(handle.error().cause, ConnectCause::invalid);
  EXPECT_THAT(handle.error().text, HasSubstr("missing.pem"));
  const ConnectError error = failure();
  EXPECT_THAT(error.text, HasSubstr("missing.pem"));
  EXPECT_EQ(server->stats().accepted, 0u);
  // In clear they are nobody's business.
  EXPECT_TRUE(own.client.connect("ws" + url().substr(3), options, Callbacks()));

  options.tls.ca_file = certificates.ca_file();
  options.tls.certificate.certificate_file = certificates.path("a.test.pem");
  const auto half = own.client.connect(url(), options, Callbacks());
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().step, ConnectStep::start);
  EXPECT_THAT(half.error().text, HasSubstr("key_file"));
}

TEST_F(ClientTlsTest, FilesAreReadOnceForAllConnectsWithTheSameSettings) {
  serve(good());
  const std::string copy = certificates.path("copy.pem");
  std::filesystem::copy_file(certificates.ca_file(), copy);
  options.tls.ca_file = copy;
  const auto first = own.follow(url(), options, "one");
  own.world.run_until_idle();
  EXPECT_THAT(first->messages, ElementsAre("one"));
  std::filesystem::remove(copy);
  const auto second = own.follow(url(), options, "two");
  own.world.run_until_idle();
  EXPECT_THAT(second->messages, ElementsAre("two"));
  options.tls.min_version = TlsVersion::tls_1_3;  // other settings
  const auto third = own.client.connect(url(), options, Callbacks());
  ASSERT_FALSE(third);
  EXPECT_THAT(third.error().text, HasSubstr("copy.pem"));
}

}  // namespace
}  // namespace brume::test

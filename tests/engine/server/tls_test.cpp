// A whole server over TLS, in a simulation: echo, the ways to end, limits, certificates, reload.
#include <filesystem>
#include <fstream>
#include <iterator>

#include <brume/tests/engine/server/tls_fixture.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

TEST_F(TlsServerTest, MessagesComeBackAsWithoutTls) {
  start();
  auto client = connect();
  const std::string large(300'000, 'x');
  client.send_text("hello");
  client.send_binary(large);
  client.send_text("");
  world->run_until_idle();
  ASSERT_TRUE(client.upgraded()) << client.tls_failure() << client.response_head();
  ASSERT_EQ(client.messages().size(), 3U);
  EXPECT_EQ(client.messages()[0].data, "hello");
  EXPECT_EQ(client.messages()[1].data, large);
  EXPECT_EQ(client.messages()[2].data, "");
  EXPECT_EQ(server->stats().tls_handshakes, 1U);
}

TEST_F(TlsServerTest, BothVersionsAreServedAndToldToTheHandler) {
  make(config());
  std::vector<TlsInfo> seen;
  server->get("/info", websocket({.open = [&](Connection& c) {
                EXPECT_TRUE(c.request().is_tls());
                seen.push_back(*c.request().tls());
                EXPECT_EQ(c.tls_info()->cipher, seen.back().cipher);
              }}));
  listen();
  for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
    client_tls.min_version = client_tls.max_version = version;
    auto client = connect("/info");
    world->run_until_idle();
    ASSERT_TRUE(client.upgraded());
    ASSERT_FALSE(seen.empty());
    EXPECT_EQ(seen.back().version, version);
    EXPECT_EQ(seen.back().server_name, "a.test");
    EXPECT_EQ(seen.back().protocol, "http/1.1");
  }
}

TEST_F(TlsServerTest, APlainServerTellsNoTls) {
  make({});
  bool asked = false;
  server->get("/", websocket({.open = [&](Connection& c) {
                asked = true;
                EXPECT_FALSE(c.request().is_tls());
                EXPECT_FALSE(c.tls_info());
              }}));
  listen();
  const auto client = world->connect(*server, "/");
  world->run_until_idle();
  EXPECT_TRUE(client.upgraded());
  EXPECT_FALSE(client.tls_info());
  EXPECT_TRUE(asked);
  EXPECT_EQ(server->reload_tls().error().kind, SystemError::Kind::wrong_state);
}

TEST_F(TlsServerTest, TheClosingHandshakeEndsWithCloseNotifyFromBothSides) {
  start();
  auto client = connect();
  world->run_until_idle();
  client.close(3000, "bye");
  world->run_for(10s);
  EXPECT_EQ(client.close_code(), 3000);
  EXPECT_EQ(client.tls_failure(), "");
  EXPECT_FALSE(client.received_rst());
  EXPECT_EQ(closed, std::vector<int>{3000});
  EXPECT_EQ(server->stats().sockets, 0U);
}

TEST_F(TlsServerTest, StopClosesEveryConnectionWith1001AndThoseInTheHandshakeWithoutAWord) {
  start();
  auto client = connect();
  auto silent = world->connect_raw(*server);
  world->run_until_idle();
  server->stop();
  server->wait();
  world->run_until_idle();
  EXPECT_EQ(client.close_code(), 1001);
  EXPECT_EQ(client.tls_failure(), "");
  EXPECT_TRUE(silent.received_rst() || silent.received_fin());
  EXPECT_EQ(server->stats().sockets, 0U);
}

TEST_F(TlsServerTest, ABurstLargerThanABatchComesBackInOrder) {
  start();
  auto client = connect();
  constexpr int kCount = 20'000;
  for (int i = 0; i < kCount; i++) client.send_text(std::to_string(i));
  world->run_until_idle();
  ASSERT_EQ(client.messages().size(), static_cast<std::size_t>(kCount));
  for (int i = 0; i < kCount; i++) ASSERT_EQ(client.messages()[static_cast<std::size_t>(i)].data, std::to_string(i));
}

TEST_F(TlsServerTest, AReaderThatStandsStillHoldsTheServerBackAndLosesNothing) {
  start();
  auto client = connect();
  world->run_until_idle();
  client.pause_reading();
  const std::string message(100'000, 'm');
  for (int i = 0; i < 100; i++) client.send_binary(message);
  world->run_for(5s);
  EXPECT_GT(client.unsent_size(), 0U);
  client.resume_reading();
  world->run_until_idle();
  EXPECT_EQ(client.messages().size(), 100U);
  EXPECT_TRUE(client.is_open());
}

TEST_F(TlsServerTest, APeerThatTakesNoByteIsCutAfterTheWriteTimeout) {
  start();
  auto client = connect();
  world->run_until_idle();
  client.pause_reading();
  for (int i = 0; i < 100; i++) client.send_binary(std::string(100'000, 'm'));
  world->run_for(30s);
  EXPECT_EQ(server->stats().refused_by("write_timeout"), 1U);
  EXPECT_EQ(closed, std::vector<int>{1006});
  EXPECT_EQ(server->stats().sockets, 0U);
}

TEST_F(TlsServerTest, PlainRequestsAreServedOverTlsOneAfterTheOther) {
  make(config());
  server->get("/scheme", [](Request& request) { return Response::text(request.is_tls() ? "https" : "http"); });
  listen();
  auto client = connect("/scheme");
  world->run_until_idle();
  EXPECT_EQ(client.status(), 200);
  EXPECT_EQ(client.response_body(), "https");
}

TEST_F(TlsServerTest, H19_WithTlsAnOriginOfPlainHttpIsAnother) {
  start();
  for (const auto& [origin, status] : {std::pair{"https://a.test", 101}, {"http://a.test", 403}}) {
    ClientOptions asks = options();
    asks.host = "a.test";
    asks.origin = origin;
    auto client = world->connect(*server, "/echo", asks);
    world->run_until_idle();
    EXPECT_EQ(client.status(), status) << origin;
  }
}

// ---- certificates

TEST_F(TlsServerTest, T8_AHostOtherThanTheNameAskedForGets421WhereThatIsChecked) {
  for (const bool check : {false, true}) {
    tls.check_host = check;
    start();
    ClientOptions asks = options();
    asks.host = "a.test:8443";
    auto same = world->connect(*server, "/echo", asks);
    asks.host = "a.test.";  // with the root's dot, which no name asked for has (RFC 6066, section 3)
    auto rooted = world->connect(*server, "/echo", asks);
    asks.host = "b.test";
    auto other = world->connect(*server, "/echo", asks);
    world->run_until_idle();
    EXPECT_EQ(same.status(), 101);
    EXPECT_EQ(rooted.status(), 101);
    EXPECT_EQ(other.status(), check ? 421 : 101);
    EXPECT_EQ(server->stats().refused_by("misdirected_request"), check ? 1U : 0U);
  }
}

TEST_F(TlsServerTest, TheClientsSubjectReachesTheHandlerAlsoWithAKeptRequest) {
  tls.client_ca_file = certificates.ca_file();
  tls.client_certificates = ClientCertificates::required;
  make(config());
  std::string at_open;
  std::string later;
  RouteConfig keeping;
  keeping.keep_request = true;
  server->get("/who",
              websocket(keeping, {.open = [&](Connection& c) { at_open = c.request().tls()->client_subject; },
                                  .message = [&](Connection& c,
                                                 const Message&) { later = c.request().tls()->client_subject; }}));
  listen();
  auto nobody = connect("/who");
  world->run_until_idle();
  EXPECT_EQ(nobody.status(), 0);
  EXPECT_NE(nobody.tls_failure().find("alert_received"), std::string_view::npos) << nobody.tls_failure();
  EXPECT_EQ(server->stats().refused_by("tls_handshake"), 1U);
  EXPECT_TRUE(logged("certificate_missing"));
  client_tls.certificate = certificates.issue("ann");
  auto ann = connect("/who");
  ann.send_text("x");
  world->run_until_idle();
  EXPECT_EQ(at_open, "CN=ann");
  EXPECT_EQ(later, "CN=ann");
}

TEST_F(TlsServerTest, BadFilesAreNamedByListen) {
  tls.certificates[0].key_file = tls.certificates[1].key_file;
  make(config());
  const auto listening = server->listen("127.0.0.1:0");
  ASSERT_FALSE(listening);
  EXPECT_EQ(listening.error().kind, SystemError::Kind::tls);
  EXPECT_NE(listening.error().text.find(tls.certificates[0].key_file), std::string::npos);
  tls.certificates.clear();
  make(config());
  EXPECT_EQ(server->listen("127.0.0.1:0").error().kind, SystemError::Kind::config);
}

TEST_F(TlsServerTest, AReloadTakesEffectForNewConnectionsAndLeavesOldOnesAlone) {
  start(config(), {.cores = 2});
  std::vector<SimulatedClient> before;
  for (int i = 0; i < 4; i++) before.push_back(connect());
  world->run_until_idle();
  certificates.issue("a.test", "DNS:renewed.test");
  ASSERT_TRUE(server->reload_tls());
  EXPECT_TRUE(logged("read anew"));
  for (auto& client : before) client.send_text("still here");
  auto late = connect();
  client_tls.server_name = "renewed.test";
  auto renewed = connect();
  world->run_until_idle();
  for (auto& client : before) EXPECT_EQ(client.last_text(), "still here");
  EXPECT_EQ(late.tls_failure().substr(0, 13), "host_mismatch");
  EXPECT_TRUE(renewed.upgraded()) << renewed.tls_failure();
}

TEST_F(TlsServerTest, AReloadWithABadFileKeepsWhatIsInUseAndNamesTheFile) {
  tls.client_ca_file = certificates.ca_file();
  tls.client_certificates = ClientCertificates::optional;
  start();
  const TlsCertificate& good = tls.certificates[0];
  const auto read = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator(file), {});
  };
  const auto write = [](const std::string& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
  };
  struct Bad {
    std::string file;
    std::optional<std::string> content;  // without: the file is gone
  };
  const std::string others_key = read(tls.certificates[1].key_file);
  for (const Bad& bad : {Bad{good.certificate_file, "no certificate"}, Bad{good.certificate_file, std::nullopt},
                         Bad{good.key_file, "no key"}, Bad{good.key_file, others_key}, Bad{good.key_file, std::nullopt},
                         Bad{tls.client_ca_file, ""}, Bad{tls.client_ca_file, std::nullopt}}) {
    const std::string kept = read(bad.file);
    bad.content ? write(bad.file, *bad.content) : static_cast<void>(std::filesystem::remove(bad.file));
    log.clear();
    const auto reloaded = server->reload_tls();
    ASSERT_FALSE(reloaded) << bad.file;
    EXPECT_NE(reloaded.error().text.find(bad.file), std::string::npos) << reloaded.error().text;
    EXPECT_TRUE(logged("stay in use")) << "and logged";
    EXPECT_TRUE(logged(bad.file));
    write(bad.file, kept);
    auto client = connect();
    world->run_until_idle();
    EXPECT_TRUE(client.upgraded()) << bad.file << ' ' << client.tls_failure();
  }
  EXPECT_TRUE(server->reload_tls());
}

TEST_F(TlsServerTest, AReloadInTheMiddleOfAHandshakeChangesNothingForIt) {
  start();
  for (int steps = 0; steps < 60; steps++) {
    auto client = connect();
    for (int i = 0; i < steps; i++) world->step();
    ASSERT_TRUE(server->reload_tls());
    world->run_until_idle();
    ASSERT_TRUE(client.upgraded()) << steps << client.tls_failure();
    client.abort();
  }
}

}  // namespace
}  // namespace brume

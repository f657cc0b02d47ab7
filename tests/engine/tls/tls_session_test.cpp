// Sessions that a client's filter resumes: for whom, by which tickets, and whose they are.
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <brume/tests/engine/tls/filter_pair.h>

namespace brume::tls {
namespace {

using State = TlsFilter::State;

class SessionsOfEachVersion : public FilterTest, public testing::WithParamInterface<TlsVersion> {};

TEST_P(SessionsOfEachVersion, ASessionIsResumedByItsTicketAlsoAfterAReload) {
  const auto to = client(GetParam());
  FilterPair first(server(), to);
  first.run();
  ASSERT_TRUE(first.open());
  ASSERT_TRUE(first.server.seal("x"));
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  FilterPair second(server(), to, "a.test", session);
  second.run();
  ASSERT_TRUE(second.open());
  EXPECT_TRUE(second.server.filter.resumed());
  EXPECT_TRUE(second.client.filter.resumed());
  EXPECT_TRUE(second.server.filter.info().resumed);
}

TEST_P(SessionsOfEachVersion, ASessionOfAnotherHostIsNotResumedSoThatItsCertificateIsLookedAt) {
  const auto to = client(GetParam());
  FilterPair first(server(), to);
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  // Named by the certificate, too: an address and a wildcard.
  for (const std::string host : {"127.0.0.1", "x.wild.test"}) {
    FilterPair same(server(), to, host, session);
    same.run();
    EXPECT_TRUE(same.open() && same.client.filter.resumed()) << host;
  }
  for (const std::string host : {"b.test", "127.0.0.2", "wild.test"}) {
    FilterPair other(server(), to, host, session);
    other.run();
    EXPECT_EQ(other.client.filter.state(), State::failed) << host;
    EXPECT_EQ(other.client.filter.fault().error, TlsError::host_mismatch) << host;
  }
}

TEST_P(SessionsOfEachVersion, ASessionIsACopyThatItsConnectionsFailureDoesNotSpoil) {
  const auto to = client(GetParam());
  const auto from = server();
  FilterPair first(from, to);
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  first.client.take("no record of TLS, but long enough to be read as one");
  ASSERT_EQ(first.client.filter.state(), State::failed);
  FilterPair second(from, to, "a.test", session);
  second.run();
  EXPECT_TRUE(second.open() && second.client.filter.resumed());
}

TEST_P(SessionsOfEachVersion, AResumedConnectionCanBeResumedInItsTurn) {
  const auto from = server();
  const auto to = client(GetParam());
  Session session;
  for (int round = 0; round < 4; round++) {
    FilterPair pair(from, to, "a.test", session);
    pair.run();
    ASSERT_TRUE(pair.open());
    ASSERT_TRUE(pair.server.seal("x"));
    pair.run();
    EXPECT_EQ(pair.server.filter.resumed(), round != 0) << round;
    session = pair.client.filter.session();
    ASSERT_TRUE(session) << round;
  }
}

// As if it had been made before the certificates of the other side expired.
std::shared_ptr<const TlsContext> of_another_day(std::shared_ptr<const TlsContext> context) {
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context->first()), X509_V_FLAG_NO_CHECK_TIME);
  return context;
}

TEST_P(SessionsOfEachVersion, ASessionOfAClientWhoseCertificateHasExpiredSinceIsNotResumed) {
  config.client_ca_file = certificates.ca_file();
  config.client_certificates = ClientCertificates::required;
  TlsClientConfig ann;
  ann.certificate = certificates.issue("ann", {}, -1);
  ann.min_version = ann.max_version = GetParam();
  const auto to = client(ann);
  FilterPair first(of_another_day(server()), to);
  first.run();
  ASSERT_TRUE(first.open()) << first.server.filter.fault().detail;
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  FilterPair second(server(), to, "a.test", session);
  second.run();
  EXPECT_EQ(second.server.filter.state(), State::failed);
  EXPECT_EQ(second.server.filter.fault().error, TlsError::certificate_refused);
}

TEST_P(SessionsOfEachVersion, ASessionOfAServerWhoseCertificateHasExpiredSinceIsNotResumed) {
  config.certificates = {certificates.issue("old", "DNS:a.test", -1)};
  const auto from = server();
  FilterPair first(from, of_another_day(client(GetParam())));
  first.run();
  ASSERT_TRUE(first.open()) << first.client.filter.fault().detail;
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  FilterPair second(from, client(GetParam()), "a.test", session);
  second.run();
  EXPECT_EQ(second.client.filter.state(), State::failed);
  EXPECT_EQ(second.client.filter.fault().error, TlsError::certificate_refused);
}

TEST_P(SessionsOfEachVersion, ATicketIsGoodForOneChangeOfKeysAndNotForTwo) {
  const auto from = server();
  const auto to = client(GetParam());
  FilterPair first(from, to);
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  for (const auto& [hours, good] : {std::pair{1, true}, {3, false}}) {
    FilterPair later(from, to, "a.test", session);
    later.server.now = std::chrono::hours(hours);
    later.run();
    ASSERT_TRUE(later.open());
    EXPECT_EQ(later.server.filter.resumed(), good) << hours;
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, SessionsOfEachVersion, testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& version) { return version.param == TlsVersion::tls_1_2 ? "Tls12" : "Tls13"; });

}  // namespace
}  // namespace brume::tls

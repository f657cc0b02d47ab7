// Certificates and keys from files: whatever is wrong with one, the error is one line that names it.
#include <fstream>
#include <sstream>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/tls/tls_context.h>
#include <brume/engine/tls/tls_error.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::tls {
namespace {

class ContextTest : public testing::Test {
 protected:
  // The error's text; empty where there is none.
  std::string error() {
    const auto made = TlsContext::for_server(config, keys);
    if (made) return {};
    EXPECT_EQ(made.error().kind, SystemError::Kind::tls);
    EXPECT_EQ(made.error().text.find('\n'), std::string::npos);
    return made.error().text;
  }
  std::string write(const std::string& name, std::string_view content) {
    certificates.folder().write(name, content);
    return certificates.path(name);
  }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  test::TestCertificates certificates;
  TlsCertificate good = certificates.issue("a.test", "DNS:a.test");
  TlsConfig config;
  std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>(std::chrono::hours(1));
};

TEST_F(ContextTest, GoodFilesGiveAContextThatKnowsItsNames) {
  config.certificates = {good, certificates.issue("plain.test"), certificates.issue("w", "DNS:*.w.test,DNS:w.test")};
  const auto made = TlsContext::for_server(config, keys);
  ASSERT_TRUE(made) << made.error().text;
  const TlsContext& context = **made;
  EXPECT_EQ(context.for_name("a.test"), context.first());
  EXPECT_EQ(context.for_name("A.Test"), context.first());
  EXPECT_NE(context.for_name("plain.test"), nullptr);  // by its common name, as it lists no other
  EXPECT_NE(context.for_name("plain.test"), context.first());
  EXPECT_EQ(context.for_name("w.test"), context.for_name("x.w.test"));
  for (const std::string_view name : {"", ".", "b.test", "x.a.test", "x.y.w.test", ".a.test", "test"})
    EXPECT_EQ(context.for_name(name), nullptr) << name;
}

TEST_F(ContextTest, AMissingFileIsNamedWithTheSystemsReason) {
  config.certificates = {{certificates.path("none.pem"), good.key_file}};
  EXPECT_EQ(error(),
            "cannot read the certificate file \"" + certificates.path("none.pem") + "\": No such file or directory");
  config.certificates = {{good.certificate_file, certificates.path("none.key")}};
  EXPECT_EQ(error(), "cannot read the key file \"" + certificates.path("none.key") + "\": No such file or directory");
  config.certificates = {good};
  config.client_certificates = ClientCertificates::required;
  config.client_ca_file = certificates.path("none.ca");
  EXPECT_EQ(error(),
            "cannot read the client CA file \"" + certificates.path("none.ca") + "\": No such file or directory");
  config.client_ca_file = certificates.folder().path().string();
  EXPECT_NE(error().find("directory"), std::string::npos) << error();
}

TEST_F(ContextTest, AFileThatHoldsSomethingElseIsNamed) {
  for (const std::string content : {"", "hello\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    const std::string other = write("other", content);
    config.certificates = {{other, good.key_file}};
    EXPECT_NE(error().find('"' + other + '"'), std::string::npos) << error();
    config.certificates = {{good.certificate_file, other}};
    EXPECT_EQ(error(), "the key file \"" + other + "\" holds no private key that can be read");
    config.certificates = {good};
    config.client_ca_file = other;
    config.client_certificates = ClientCertificates::optional;
    EXPECT_NE(error().find('"' + other + '"'), std::string::npos) << error();
    config.client_certificates = ClientCertificates::none;
    config.client_ca_file.clear();
  }
  config.certificates = {{good.key_file, good.key_file}};
  EXPECT_EQ(error(), "the certificate file \"" + good.key_file + "\" holds no certificate");
  const std::string half = write("half.pem", read(good.certificate_file).substr(0, 200));
  config.certificates = {{half, good.key_file}};
  EXPECT_NE(error().find('"' + half + '"'), std::string::npos) << error();
}

TEST_F(ContextTest, AKeyOfAnotherCertificateIsNamedTogetherWithIt) {
  const TlsCertificate other = certificates.issue("b.test");
  config.certificates = {{good.certificate_file, other.key_file}};
  EXPECT_EQ(error(), "the key file \"" + other.key_file + "\" does not belong to the certificate file \"" +
                         good.certificate_file + '"');
}

TEST_F(ContextTest, AKeyThatNeedsAPasswordIsRefusedAndNobodyIsAsked) {
  const std::string locked =
      write("locked.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAc\n"
            "-----END ENCRYPTED PRIVATE KEY-----\n");
  config.certificates = {{good.certificate_file, locked}};
  EXPECT_EQ(error(), "the key file \"" + locked + "\" is locked by a password");
}

TEST_F(ContextTest, AChainIsReadBehindItsCertificate) {
  const std::string chain = write("chain.pem", read(good.certificate_file) + read(certificates.ca_file()));
  config.certificates = {{chain, good.key_file}};
  EXPECT_EQ(error(), "");
  const std::string turned = write("turned.pem", read(certificates.ca_file()) + read(good.certificate_file));
  config.certificates = {{turned, good.key_file}};
  EXPECT_NE(error().find("does not belong"), std::string::npos) << error();
}

TEST_F(ContextTest, CiphersThatDoNotExistAreNamed) {
  config.certificates = {good};
  config.ciphers = "ROT13";
  EXPECT_NE(error().find("tls.ciphers \"ROT13\""), std::string::npos) << error();
  config = TlsConfig();
  config.certificates = {good};
  config.ciphersuites = "TLS_ROT13";
  EXPECT_NE(error().find("tls.ciphersuites \"TLS_ROT13\""), std::string::npos) << error();
}

TEST_F(ContextTest, ValuesOutOfRangeAreNamed) {
  const auto problem = [](const auto& change) {
    TlsConfig wrong;
    wrong.certificates = {{"c", "k"}};
    EXPECT_FALSE(validate(wrong));
    change(wrong);
    const auto error = validate(wrong);
    return error ? error->text : std::string();
  };
  using C = TlsConfig&;
  EXPECT_NE(problem([](C c) { c.certificates.clear(); }).find("tls.certificates"), std::string::npos);
  EXPECT_NE(problem([](C c) { c.certificates[0].key_file.clear(); }).find("key file for \"c\""), std::string::npos);
  EXPECT_NE(problem([](C c) { c.certificates[0].certificate_file.clear(); }).find("without a file"), std::string::npos);
  EXPECT_NE(problem([](C c) { c.client_certificates = ClientCertificates::optional; }).find("tls.client_ca_file"),
            std::string::npos);
  EXPECT_NE(problem([](C c) { c.max_handshakes = 0; }).find("tls.max_handshakes is 0"), std::string::npos);
  EXPECT_NE(problem([](C c) { c.handshakes_per_turn = 0; }).find("tls.handshakes_per_turn is 0"), std::string::npos);
  EXPECT_NE(problem([](C c) { c.ticket_key_interval = std::chrono::seconds(0); }).find("tls.ticket_key_interval is 0"),
            std::string::npos);
}

TEST(TicketKeys, TheKeyChangesByTimeAndTheOneBeforeIsStillKnown) {
  using std::chrono::seconds;
  TicketKeys keys(seconds(100));
  const auto first = keys.current(seconds(0));
  ASSERT_TRUE(first);
  EXPECT_EQ(keys.current(seconds(99))->name, first->name);
  EXPECT_FALSE(keys.find(first->name, seconds(99))->renew);
  const auto second = keys.current(seconds(100));
  EXPECT_NE(second->name, first->name);
  EXPECT_NE(second->cipher_secret, first->cipher_secret);
  EXPECT_NE(second->mac_secret, first->mac_secret);
  ASSERT_TRUE(keys.find(first->name, seconds(199)));
  EXPECT_TRUE(keys.find(first->name, seconds(199))->renew);
  EXPECT_EQ(keys.find(first->name, seconds(199))->key.cipher_secret, first->cipher_secret);
  EXPECT_FALSE(keys.find(first->name, seconds(200)));
  EXPECT_TRUE(keys.find(second->name, seconds(200)));
  EXPECT_FALSE(keys.find(second->name, seconds(1000)));  // nobody sealed for long: forgotten all the same
}

TEST(TlsErrors, EachHasANameOfItsOwn) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kTlsErrorCount; i++) names.push_back(to_string(static_cast<TlsError>(i)));
  for (std::size_t i = 0; i < names.size(); i++)
    for (std::size_t k = 0; k < i; k++) EXPECT_NE(names[i], names[k]);
  EXPECT_EQ(to_string(static_cast<TlsError>(kTlsErrorCount)), "unknown");
}

}  // namespace
}  // namespace brume::tls

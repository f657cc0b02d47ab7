// What asks for memory in the middle of OpenSSL's code, which no exception may cross: nothing.
#include <gtest/gtest.h>

#include <brume/engine/tls/tls_context.h>
#include <brume/tests/support/failing_memory.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::tls {
namespace {

TEST(TlsMemory, TheCertificateForANameIsFoundWithoutAllocating) {
  test::TestCertificates certificates;
  TlsConfig config;
  config.certificates = {certificates.issue("first", "DNS:first.test"),
                         certificates.issue("long", "DNS:a-name-longer-than-a-string-holds.test,DNS:*.wild.test")};
  const auto made = TlsContext::for_server(config, std::make_shared<TicketKeys>(std::chrono::hours(1)));
  ASSERT_TRUE(made) << made.error().text;
  const std::string endless(300, 'x');
  test::memory.arm(1, test::FailingMemory::kNever);
  SSL_CTX* exact = nullptr;
  SSL_CTX* wild = nullptr;
  SSL_CTX* none = nullptr;
  SSL_CTX* too_long = nullptr;
  {
    const test::MayFail may_fail;
    exact = (*made)->for_name("A-Name-Longer-Than-A-String-Holds.test");
    wild = (*made)->for_name("one-that-the-wildcard-stands-for.wild.test");
    none = (*made)->for_name("a-name-that-no-certificate-is-for.test");
    too_long = (*made)->for_name(endless);
  }
  test::memory.disarm();
  EXPECT_NE(exact, nullptr);
  EXPECT_NE(exact, (*made)->first());
  EXPECT_EQ(wild, exact);
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(too_long, nullptr);
  EXPECT_EQ(test::memory.asked(), 0U);
}

}  // namespace
}  // namespace brume::tls

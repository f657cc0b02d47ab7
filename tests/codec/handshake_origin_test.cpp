#include <string>

#include <gtest/gtest.h>

#include <brume/codec/handshake.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::ParsedRequest;

// Whether a page of `origin` may connect to `host`; `scheme` is what the server knows of its own.
bool lets_in(std::string_view origin, std::string_view host, std::string_view scheme = {}) {
  const ParsedRequest request("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\nOrigin: " + std::string(origin) +
                              "\r\n\r\n");
  return same_origin(*request, scheme);
}

TEST(Origin, H19_ARequestWithoutOriginIsLetIn) {
  EXPECT_TRUE(same_origin(*ParsedRequest(test::get_with(""))));
  EXPECT_TRUE(same_origin(*ParsedRequest(test::get_with("")), "https"));
}

TEST(Origin, H19_AForeignOriginIsRefused) {
  EXPECT_TRUE(lets_in("https://good.example", "good.example"));
  for (std::string_view origin : {"https://evil.example", "https://good.example.evil", "https://evilgood.example",
                                  "https://good.example.", "https://sub.good.example", "https://good.exampl",
                                  "https://good", "https://example", "https://xgood.example"}) {
    EXPECT_FALSE(lets_in(origin, "good.example")) << origin;
  }
}

TEST(Origin, H19_NullAndWhatIsNoOriginAreRefused) {
  for (std::string_view origin : {"null",
                                  "NULL",
                                  "",
                                  "good.example",
                                  "//good.example",
                                  "https:good.example",
                                  "https:/good.example",
                                  "https:///good.example",
                                  "https://",
                                  "file://",
                                  "file://good.example",
                                  "chrome-extension://good.example",
                                  "ftp://good.example",
                                  "https://good.example/",
                                  "https://good.example/x",
                                  "https://good.example?x",
                                  "https://good.example#x",
                                  "https://user@good.example",
                                  "https://good.example@evil.example",
                                  "https://evil.example@good.example",
                                  "https://u:p@good.example",
                                  "https://good.example https://evil.example",
                                  "https://good.example, https://evil.example",
                                  "https://good.example:x",
                                  "https://good.example:99999",
                                  "https://evil.example\\@good.example",
                                  "xhttps://good.example",
                                  " ://good.example"}) {
    EXPECT_FALSE(lets_in(origin, "good.example")) << origin;
  }
}

TEST(Origin, H19_ARepeatedOriginIsRefused) {
  const ParsedRequest request(test::get_with("Origin: http://a.example\r\norigin: http://a.example\r\n"));
  EXPECT_FALSE(same_origin(*request));
}

TEST(Origin, H19_ThePortsMustAgreeByTheOriginsScheme) {
  for (std::string_view scheme : {"http", "ws"}) {
    const std::string origin = std::string(scheme) + "://a.example";
    EXPECT_TRUE(lets_in(origin, "a.example:80"));
    EXPECT_TRUE(lets_in(origin + ":80", "a.example"));
    EXPECT_FALSE(lets_in(origin, "a.example:443"));
    EXPECT_FALSE(lets_in(origin, "a.example:8080"));
  }
  for (std::string_view scheme : {"https", "wss"}) {
    const std::string origin = std::string(scheme) + "://a.example";
    EXPECT_TRUE(lets_in(origin, "a.example:443"));
    EXPECT_TRUE(lets_in(origin + ":443", "a.example"));
    EXPECT_FALSE(lets_in(origin, "a.example:80"));
    EXPECT_FALSE(lets_in(origin + ":8443", "a.example"));
  }
  EXPECT_TRUE(lets_in("http://a.example:8080", "a.example:8080"));
  EXPECT_TRUE(lets_in("http://a.example:", "a.example:"));
  EXPECT_FALSE(lets_in("http://a.example:8080", "a.example:808"));
  EXPECT_FALSE(lets_in("http://a.example:8080", "a.example"));
}

TEST(Origin, H19_HostsAndSchemesAreComparedWithoutCase) {
  EXPECT_TRUE(lets_in("HTTPS://Good.EXAMPLE", "gOOD.example"));
}

TEST(Origin, H19_Ipv6HostsAreCompared) {
  EXPECT_TRUE(lets_in("http://[::1]:8080", "[::1]:8080"));
  EXPECT_TRUE(lets_in("http://[2001:DB8::1]", "[2001:db8::1]:80"));
  EXPECT_FALSE(lets_in("http://[::1]:8080", "[::2]:8080"));
  EXPECT_FALSE(lets_in("http://[::1]", "[0:0:0:0:0:0:0:1]"));  // one address, but two texts
  EXPECT_FALSE(lets_in("http://::1", "[::1]"));
}

TEST(Origin, H19_TheSchemeCountsWhereTheServerKnowsIt) {
  EXPECT_TRUE(lets_in("https://a.example", "a.example", "https"));
  EXPECT_TRUE(lets_in("wss://a.example", "a.example", "https"));
  EXPECT_FALSE(lets_in("http://a.example", "a.example", "https"));
  EXPECT_FALSE(lets_in("http://a.example:443", "a.example:443", "https"));
  EXPECT_TRUE(lets_in("http://a.example", "a.example", "http"));
  EXPECT_FALSE(lets_in("https://a.example", "a.example", "http"));
  EXPECT_FALSE(lets_in("wss://a.example", "a.example", "http"));
}

TEST(Origin, H3_AnAbsoluteTargetIsWhatOriginIsComparedWith) {
  const auto lets = [](std::string_view origin) {
    return same_origin(*ParsedRequest(
        "GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\nOrigin: " + std::string(origin) + "\r\n\r\n"));
  };
  EXPECT_TRUE(lets("http://a.example"));
  EXPECT_FALSE(lets("http://b.example"));
}

TEST(Origin, H19_ARequestWithoutAuthorityHasNoOrigin) {
  EXPECT_FALSE(same_origin(*ParsedRequest("GET / HTTP/1.0\r\nOrigin: http://a.example\r\n\r\n")));
}

}  // namespace
}  // namespace brume::codec

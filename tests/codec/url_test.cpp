#include <set>
#include <string>

#include <gtest/gtest.h>

#include <brume/codec/url.h>

namespace brume::codec {
namespace {

std::optional<UrlError> error_of(std::string_view text) {
  const auto url = parse_url(text);
  return url ? std::nullopt : std::optional(url.error());
}

TEST(Url, PartsOfAWholeUrl) {
  const auto url = parse_url("wss://Chat.Example:8443/a%20b/c?x=1&y=%2F");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->secure);
  EXPECT_EQ(url->host, "chat.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->authority, "chat.example:8443");
  EXPECT_EQ(url->resource, "/a%20b/c?x=1&y=%2F");
}

TEST(Url, TheDefaultPortIsNotInTheHostField) {
  for (const auto& [text, port] :
       {std::pair("ws://a.example", 80), std::pair("ws://a.example:80/", 80), std::pair("ws://a.example:/", 80),
        std::pair("WSS://a.example", 443), std::pair("wss://a.example:443", 443)}) {
    const auto url = parse_url(text);
    ASSERT_TRUE(url) << text;
    EXPECT_EQ(url->port, port) << text;
    EXPECT_EQ(url->authority, "a.example") << text;
  }
  EXPECT_EQ(parse_url("ws://a.example:443")->authority, "a.example:443");
  EXPECT_EQ(parse_url("wss://a.example:80")->authority, "a.example:80");
}

TEST(Url, AnEmptyPathIsASlash) {
  EXPECT_EQ(parse_url("ws://a")->resource, "/");
  EXPECT_EQ(parse_url("ws://a?q")->resource, "/?q");
  EXPECT_EQ(parse_url("ws://a/?")->resource, "/?");
}

TEST(Url, Ipv6AddressesStandInBrackets) {
  const auto url = parse_url("ws://[2001:DB8::1]:9000/x");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "2001:db8::1");
  EXPECT_EQ(url->authority, "[2001:db8::1]:9000");
  EXPECT_EQ(parse_url("ws://[::1]")->authority, "[::1]");
  for (std::string_view text : {"ws://[::1", "ws://[::1]x", "ws://[1.2.3.4]", "ws://[]", "ws://[::1%25eth0]/",
                                "ws://::1/", "ws://[fe80::1%eth0]/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_EQ(error_of("ws://[::1"), UrlError::malformed_host);
}

TEST(Url, EachFaultHasAName) {
  EXPECT_EQ(error_of("ws://a/" + std::string(kMaxUrlSize, 'x')), UrlError::too_long);
  EXPECT_EQ(error_of(""), UrlError::no_scheme);
  EXPECT_EQ(error_of("a.example/ws"), UrlError::no_scheme);
  EXPECT_EQ(error_of("ws:/a.example"), UrlError::no_scheme);
  EXPECT_EQ(error_of("http://a.example"), UrlError::unknown_scheme);
  EXPECT_EQ(error_of("https://a.example"), UrlError::unknown_scheme);
  EXPECT_EQ(error_of(" ws://a.example"), UrlError::unknown_scheme);
  EXPECT_EQ(error_of("ws://user:secret@a.example/"), UrlError::user_information);
  EXPECT_EQ(error_of("ws://a.example@b.example/"), UrlError::user_information);
  EXPECT_EQ(error_of("ws:///path"), UrlError::missing_host);
  EXPECT_EQ(error_of("ws://:80/"), UrlError::missing_host);
  EXPECT_EQ(error_of("ws://a b/"), UrlError::malformed_host);
  EXPECT_EQ(error_of("ws://a,b/"), UrlError::malformed_host);
  EXPECT_EQ(error_of("ws://a%41/"), UrlError::malformed_host);
  EXPECT_EQ(error_of("ws://a\r\nHost: b/"), UrlError::malformed_host);
  EXPECT_EQ(error_of("ws://a:0/"), UrlError::malformed_port);
  EXPECT_EQ(error_of("ws://a:65536/"), UrlError::malformed_port);
  EXPECT_EQ(error_of("ws://a:80x/"), UrlError::malformed_port);
  EXPECT_EQ(error_of("ws://a:-1/"), UrlError::malformed_port);
  EXPECT_EQ(error_of("ws://a/#top"), UrlError::fragment);
  EXPECT_EQ(error_of("ws://a#"), UrlError::fragment);
  EXPECT_EQ(error_of("ws://a/b c"), UrlError::malformed_path);
  EXPECT_EQ(error_of("ws://a/\xc3\xa9"), UrlError::malformed_path);
  EXPECT_EQ(error_of("ws://a/x\r\nX: y"), UrlError::malformed_path);
  EXPECT_EQ(error_of(std::string("ws://a/\0", 8)), UrlError::malformed_path);
  EXPECT_EQ(error_of("ws://a/%"), UrlError::malformed_percent);
  EXPECT_EQ(error_of("ws://a/%4"), UrlError::malformed_percent);
  EXPECT_EQ(error_of("ws://a/?%zz"), UrlError::malformed_percent);
}

TEST(Url, EveryErrorHasATextOfItsOwn) {
  std::set<std::string_view> texts;
  for (std::size_t i = 0; i < kUrlErrorCount; i++) texts.insert(to_string(static_cast<UrlError>(i)));
  EXPECT_EQ(texts.size(), kUrlErrorCount);
  EXPECT_FALSE(texts.contains("unknown error"));
}

}  // namespace
}  // namespace brume::codec

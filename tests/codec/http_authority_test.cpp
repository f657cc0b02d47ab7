#include <gtest/gtest.h>

#include <brume/codec/http_authority.h>

namespace brume::codec {
namespace {

TEST(HttpAuthority, HostAndPortAreSplit) {
  const auto bare = parse_authority("chat.example");
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->host, "chat.example");
  EXPECT_FALSE(bare->port);

  const auto with_port = parse_authority("127.0.0.1:8080");
  ASSERT_TRUE(with_port);
  EXPECT_EQ(with_port->host, "127.0.0.1");
  EXPECT_EQ(with_port->port, 8080);

  const auto ipv6 = parse_authority("[::1]:443");
  ASSERT_TRUE(ipv6);
  EXPECT_EQ(ipv6->host, "[::1]");
  EXPECT_EQ(ipv6->port, 443);
}

TEST(HttpAuthority, AnEmptyPortIsNone) {
  const auto authority = parse_authority("a.example:");
  ASSERT_TRUE(authority);
  EXPECT_EQ(authority->host, "a.example");
  EXPECT_FALSE(authority->port);
}

TEST(HttpAuthority, H4_WhatIsNoSingleHostIsRefused) {
  for (const char* text : {"",
                           ":",
                           ":80",
                           "a,b",
                           "a.example, b.example",
                           "user@a.example",
                           "user:pass@a.example",
                           "a b",
                           "a/b",
                           "a?b",
                           "a#b",
                           "a:b",
                           "a:80:80",
                           "a:-1",
                           "a:+80",
                           "a:65536",
                           "a:99999",
                           "a:000080",
                           "a:8o",
                           "a%",
                           "a%4",
                           "a%zz",
                           "a\"b",
                           "a<b",
                           "a\\b",
                           "\x80",
                           "a\xc3\xa9",
                           "[",
                           "[]",
                           "[::1",
                           "::1",
                           "[::1]x",
                           "[::1]]",
                           "[::1]:x",
                           "[a.example]",
                           "[127.0.0.1]",
                           "[fe80::1%eth0]",
                           "[v1.x]",
                           "[[::1]]"}) {
    EXPECT_FALSE(parse_authority(text)) << text;
  }
}

TEST(HttpAuthority, EveryRegisteredNameButAListIsTaken) {
  for (const char* text : {"a", "A-b_c.~", "%41%6a.example", "!$&'()*+;=", "a.", "1", "xn--bcher-kva.example", "a:0",
                           "a:00080", "a:65535"}) {
    EXPECT_TRUE(parse_authority(text)) << text;
  }
}

TEST(HttpAuthority, Ipv6AddressesAreRecognised) {
  for (const char* text :
       {"::", "::1", "1::", "1::8", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "2001:db8::FF00:42:8329",
        "::ffff:192.0.2.128", "1:2:3:4:5:6:1.2.3.4", "1::1.2.3.4", "0000:0000:0000:0000:0000:0000:0000:0001"}) {
    EXPECT_TRUE(is_ipv6_address(text)) << text;
  }
  for (const char* text : {"",
                           ":",
                           ":1",
                           "1:",
                           "1",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1::2::3",
                           ":::",
                           "1:::2",
                           "12345::",
                           "g::",
                           "1.2.3.4",
                           "::1.2.3",
                           "::1.2.3.4.5",
                           "::1.2.3.256",
                           "::01.2.3.4",
                           "::1.2.3.4:5",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1:2:3:4:5:6:1.2.3.4",
                           "1::2:3:4:5:6:1.2.3.4",
                           "::1.2.3.",
                           "::1.2..4",
                           "::.1.2.3",
                           "1:2:3:4:5:6:7:8:"}) {
    EXPECT_FALSE(is_ipv6_address(text)) << text;
  }
}

}  // namespace
}  // namespace brume::codec

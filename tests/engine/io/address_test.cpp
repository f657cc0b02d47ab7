#include <gtest/gtest.h>

#include <brume/engine/io/address.h>

namespace brume::io {
namespace {

std::string parsed(std::string_view text) {
  const auto address = Address::parse(text);
  return address ? address->to_string() : "none";
}

TEST(Address, ReadsIpv4WithItsPort) {
  EXPECT_EQ(parsed("127.0.0.1:8080"), "127.0.0.1:8080");
  EXPECT_EQ(parsed("255.255.255.255:65535"), "255.255.255.255:65535");
  EXPECT_EQ(parsed("10.0.0.1:0"), "10.0.0.1:0");
  const auto address = Address::parse("1.2.3.4:80");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->family, Address::Family::v4);
  EXPECT_EQ(address->port, 80);
  EXPECT_EQ(address->bytes[0], 1);
  EXPECT_EQ(address->bytes[3], 4);
}

TEST(Address, EveryIpv4AddressIsAStarOrNothing) {
  EXPECT_EQ(parsed(":8080"), "0.0.0.0:8080");
  EXPECT_EQ(parsed("*:8080"), "0.0.0.0:8080");
  EXPECT_EQ(parsed("localhost:8080"), "127.0.0.1:8080");
}

TEST(Address, ReadsIpv6InBrackets) {
  EXPECT_EQ(parsed("[::1]:8080"), "[::1]:8080");
  EXPECT_EQ(parsed("[::]:1"), "[::]:1");
  EXPECT_EQ(parsed("[2001:db8:0:0:0:0:0:1]:443"), "[2001:db8::1]:443");
  EXPECT_EQ(parsed("[fe80::1%7]:443"), "[fe80::1%7]:443");
  EXPECT_EQ(Address::parse("[fe80::1%7]:443")->scope, 7u);
  EXPECT_EQ(parsed("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:9"), "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:9");
}

TEST(Address, RefusesEverythingElse) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      ":"sv,
                                      "8080"sv,
                                      "127.0.0.1"sv,
                                      "127.0.0.1:"sv,
                                      "127.0.0.1:65536"sv,
                                      "127.0.0.1:-1"sv,
                                      "127.0.0.1:+1"sv,
                                      "127.0.0.1: 1"sv,
                                      "127.0.0.1:1 "sv,
                                      "127.0.0.1:0x50"sv,
                                      "127.0.0:80"sv,
                                      "127.0.0.256:80"sv,
                                      "1.2.3.4.5:80"sv,
                                      "example.com:80"sv,
                                      "LOCALHOST:80"sv,
                                      "::1:80"sv,
                                      "[::1]"sv,
                                      "[::1]80"sv,
                                      "[]:80"sv,
                                      "[::1:80"sv,
                                      "::1]:80"sv,
                                      "[127.0.0.1]:80"sv,
                                      "[:::1]:80"sv,
                                      "[::1%]:80"sv,
                                      "[::1%no such interface]:80"sv,
                                      "127.0.0.1\0:80"sv,
                                      "127.0.0.1\0.evil:80"sv,
                                      "http://127.0.0.1:80"sv,
                                      "[::1]:99999999999999999999"sv}) {
    EXPECT_EQ(parsed(text), "none") << text;
  }
  EXPECT_EQ(parsed(std::string(100'000, '1') + ":80"), "none");
}

TEST(Address, AHostIsTheAddressWithoutItsPort) {
  EXPECT_EQ(Address::parse("127.0.0.1:8080")->host(), "127.0.0.1");
  EXPECT_EQ(Address::parse("[::1]:8080")->host(), "::1");
  EXPECT_EQ(Address{}.host(), "none");
}

TEST(Address, EqualMeansEqualInEveryPart) {
  EXPECT_EQ(*Address::parse("127.0.0.1:1"), *Address::parse("127.0.0.1:1"));
  EXPECT_NE(*Address::parse("127.0.0.1:1"), *Address::parse("127.0.0.1:2"));
  EXPECT_NE(*Address::parse("127.0.0.1:1"), *Address::parse("127.0.0.2:1"));
  EXPECT_NE(*Address::parse("[fe80::1%1]:1"), *Address::parse("[fe80::1%2]:1"));
}

TEST(Address, AHostAloneIsAnIpAddressAndIpv4InItsIpv6FormIsIpv4) {
  EXPECT_EQ(Address::parse_host("192.0.2.1")->to_string(), "192.0.2.1:0");
  EXPECT_EQ(Address::parse_host("2001:db8::1")->to_string(), "[2001:db8::1]:0");
  EXPECT_EQ(Address::parse_host("::ffff:192.0.2.1"), Address::parse_host("192.0.2.1"));
  for (const char* text : {"", "localhost", "[::1]", "1.2.3.4:5", "::1%1", "*", "1.2.3"})
    EXPECT_FALSE(Address::parse_host(text)) << text;
}

}  // namespace
}  // namespace brume::io

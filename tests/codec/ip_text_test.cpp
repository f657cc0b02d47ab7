// Addresses as text, against the system's own reading of them.
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <brume/codec/ip_text.h>

namespace brume::codec {
namespace {

template <std::size_t kSize>
std::optional<std::array<std::uint8_t, kSize>> by_the_system(int family, const std::string& text) {
  std::array<std::uint8_t, kSize> bytes{};
  if (text.find('\0') != std::string::npos || inet_pton(family, text.c_str(), bytes.data()) != 1) return std::nullopt;
  return bytes;
}

TEST(IpText, FourNumbersWithoutLeadingZerosAreAnIpv4Address) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "1.2.3.4", "10.0.0.200"})
    EXPECT_EQ(parse_ipv4(text), by_the_system<4>(AF_INET, text)) << text;
  for (const char* text :
       {"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "1.2.3.256", "01.2.3.4", "1.2.3.00",
        "1.2.3.1000", "1..2.3", " 1.2.3.4", "1.2.3.4 ", "1.2.3.x", "-1.2.3.4", "0x1.2.3.4"})
    EXPECT_EQ(parse_ipv4(text), std::nullopt) << text;
}

TEST(IpText, EveryFormOfAnIpv6AddressIsRead) {
  for (const char* text : {"::", "::1", "1::", "1:2:3:4:5:6:7:8", "1::8", "1:2::7:8", "::2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7::", "fe80::a:B", "::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:1.2.3.4",
                           "1::6:1.2.3.4", "ABCD:EF01:2345:6789:abcd:ef01:2345:6789"}) {
    ASSERT_TRUE(by_the_system<16>(AF_INET6, text)) << text;
    EXPECT_EQ(parse_ipv6(text), by_the_system<16>(AF_INET6, text)) << text;
  }
  for (const char* text : {"",
                           ":",
                           ":1",
                           "1:",
                           ":::",
                           "1:::2",
                           "1::2::3",
                           "12345::",
                           "g::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4:5:6:7:1.2.3.4",
                           "::1:2:3:4:5:6:1.2.3.4",
                           "1.2.3.4",
                           "::1.2.3",
                           "::1.2.3.4:5",
                           "[::1]",
                           "::1%eth0",
                           " ::1",
                           "::1 "})
    EXPECT_EQ(parse_ipv6(text), std::nullopt) << text;
}

TEST(IpText, RandomTextsAreReadAsTheSystemReadsThem) {
  constexpr std::string_view kAlphabet = "0123456789abcdefABF::::....0011255";
  std::mt19937 random(20260101);
  std::size_t valid = 0;
  for (int i = 0; i < 200'000; i++) {
    std::string text(random() % 16, ' ');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    if (i % 2 == 0) text.insert(random() % (text.size() + 1), "::");
    const auto expected = by_the_system<16>(AF_INET6, text);
    valid += expected.has_value();
    ASSERT_EQ(parse_ipv6(text), expected) << text;
    ASSERT_EQ(parse_ipv4(text), by_the_system<4>(AF_INET, text)) << text;
  }
  EXPECT_GT(valid, 1000u);
}

}  // namespace
}  // namespace brume::codec

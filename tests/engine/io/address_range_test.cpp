#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/io/address_range.h>

namespace brume::io {
namespace {

bool holds(const char* range, const char* address) {
  const auto parsed = AddressRange::parse(range);
  EXPECT_TRUE(parsed) << range;
  return parsed && parsed->contains(Address::parse_host(address).value());
}

TEST(AddressRange, APrefixCoversTheAddressesThatShareItsBits) {
  EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
  EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
  EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
  EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
  EXPECT_TRUE(holds("192.0.2.1", "192.0.2.1"));
  EXPECT_FALSE(holds("192.0.2.1", "192.0.2.0"));
  EXPECT_TRUE(holds("192.0.2.1/32", "192.0.2.1"));
  EXPECT_TRUE(holds("0.0.0.0/0", "255.1.2.3"));
  EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
  EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
  EXPECT_TRUE(holds("::1", "::1"));
  EXPECT_FALSE(holds("::1", "::2"));
  EXPECT_TRUE(holds("::/0", "fe80::1"));
}

TEST(AddressRange, OneKindOfAddressNeverCoversAnother) {
  EXPECT_FALSE(holds("0.0.0.0/0", "::1"));
  EXPECT_FALSE(holds("::/0", "1.2.3.4"));
  Address local;
  local.family = Address::Family::local;
  EXPECT_TRUE(AddressRange::parse("unix")->contains(local));
  EXPECT_FALSE(AddressRange::parse("unix")->contains(Address{}));
  EXPECT_FALSE(AddressRange::parse("0.0.0.0/0")->contains(local));
  EXPECT_FALSE(AddressRange::parse("unix")->contains(*Address::parse_host("0.0.0.0")));
}

TEST(AddressRange, IPv4InItsIPv6FormIsIPv4AsPeersAre) {
  EXPECT_TRUE(holds("::ffff:10.0.0.0/104", "10.1.2.3"));
  EXPECT_TRUE(holds("::ffff:10.0.0.1", "10.0.0.1"));
  EXPECT_TRUE(holds("10.0.0.1", "::ffff:10.0.0.1"));
  EXPECT_FALSE(AddressRange::parse("::ffff:0.0.0.0/95"));
}

TEST(AddressRange, WhatIsNoRangeIsRefused) {
  for (const char* text :
       {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.1/8", "2001:db8::1/64",
        "10.0.0/8", "example.com", "[::1]", "10.0.0.1:80", "*", "Unix", "unix/0", "10.0.0.0/ 8", "10.0.0.0/08/1"})
    EXPECT_FALSE(AddressRange::parse(text)) << text;
}

TEST(AddressRange, AnyOfSeveralIsEnoughAndNoneIsNone) {
  const std::vector<AddressRange> ranges{*AddressRange::parse("10.0.0.0/8"), *AddressRange::parse("::1")};
  EXPECT_TRUE(any_contains(ranges, *Address::parse_host("::1")));
  EXPECT_FALSE(any_contains(ranges, *Address::parse_host("9.0.0.0")));
  EXPECT_FALSE(any_contains({}, *Address::parse_host("9.0.0.0")));
}

}  // namespace
}  // namespace brume::io

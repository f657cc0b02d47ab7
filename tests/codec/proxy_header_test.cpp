// The PROXY protocol's headers: every rule, every split, and what each names.
#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/proxy_header.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/proxy_text.h>

namespace brume::codec {
namespace {

using namespace std::string_literals;
using test::proxy_v2;
using test::tls_vector;
using test::vector;
using test::with_checksum;
using Source = ProxyHeader::Source;
using Tls = ProxyHeader::Tls;
using enum ProxyError;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// What is said of `text` after its last byte; after each earlier one it must have been the same or nothing.
std::expected<std::optional<ProxyHeader>, ProxyError> read_every_split(std::string_view text) {
  const auto whole = read_proxy_header(bytes_of(text));
  test::GuardedBuffer memory(text.size());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto part = read_proxy_header(memory.place_at_end(bytes_of(text.substr(0, size))));
    if (!part) {
      EXPECT_FALSE(whole.has_value()) << size;
      EXPECT_EQ(part.error(), whole ? part.error() : whole.error()) << size;
    } else if (*part) {
      EXPECT_TRUE(whole && *whole) << size;
      EXPECT_EQ((*part)->size, whole && *whole ? (*whole)->size : 0) << size;
      EXPECT_EQ((*part)->tls, whole && *whole ? (*whole)->tls : Tls::unsaid) << size;
    }
  }
  return whole;
}

ProxyHeader header_of(std::string_view text) {
  const auto read = read_every_split(text);
  EXPECT_TRUE(read.has_value()) << info(read.error()).name;
  EXPECT_TRUE(read && *read);
  return read && *read ? **read : ProxyHeader{};
}

std::vector<int> first_bytes(const ProxyHeader& header, std::size_t count) {
  return {header.address.begin(), header.address.begin() + static_cast<std::ptrdiff_t>(count)};
}

TEST(ProxyHeader, TheTableHasOneRowForEachEnumeratorInTheirOrder) {
  ASSERT_EQ(proxy_errors().size(), kProxyErrorCount);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kProxyErrorCount; ++i) {
    EXPECT_EQ(proxy_errors()[i].error, static_cast<ProxyError>(i));
    EXPECT_TRUE(names.insert(proxy_errors()[i].name).second);
    EXPECT_TRUE(proxy_errors()[i].name.starts_with("proxy_"));
    EXPECT_FALSE(proxy_errors()[i].message.empty());
  }
}

TEST(ProxyHeader, AVersion1LineNamesItsSource) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.7 65535 80\r\n";
  const ProxyHeader v4 = header_of(line + "GET / HTTP/1.1\r\n");
  EXPECT_EQ(v4.source, Source::v4);
  EXPECT_EQ(first_bytes(v4, 4), (std::vector<int>{192, 0, 2, 1}));
  EXPECT_EQ(v4.port, 65535);
  EXPECT_EQ(v4.size, line.size());
  const ProxyHeader v6 = header_of("PROXY TCP6 2001:db8::1 ::1 0 443\r\n");
  EXPECT_EQ(v6.source, Source::v6);
  EXPECT_EQ(first_bytes(v6, 4), (std::vector<int>{0x20, 0x01, 0x0d, 0xb8}));
  EXPECT_EQ(v6.address[15], 1);
  EXPECT_EQ(v6.port, 0);
}

TEST(ProxyHeader, UnknownNamesNobodyAndItsRestIsIgnored) {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN \r\n", "PROXY UNKNOWN ffff::1 rubbish 1 2 3\r\n"})
    EXPECT_EQ(header_of(line).source, Source::own) << line;
}

TEST(ProxyHeader, TheLongestLinesFitAndOneByteMoreDoesNot) {
  const std::string group = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
  EXPECT_EQ(header_of("PROXY TCP6 " + group + " " + group + " 65535 65535\r\n").port, 65535);
  const std::string longest = "PROXY UNKNOWN " + std::string(kMaxProxyTextSize - 16, 'x') + "\r\n";
  ASSERT_EQ(longest.size(), kMaxProxyTextSize);
  EXPECT_EQ(header_of(longest).size, kMaxProxyTextSize);
  const std::string longer = "PROXY UNKNOWN " + std::string(kMaxProxyTextSize - 15, 'x') + "\r\n";
  EXPECT_EQ(read_every_split(longer), std::unexpected(text_too_long));
}

TEST(ProxyHeader, EachRuleOfVersion1HasItsOwnAnswer) {
  const std::vector<std::pair<std::string, ProxyError>> broken = {
      {"G", no_signature},
      {"PROXZ", no_signature},
      {"PROXY\r\n", no_signature},
      {"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n", no_signature},
      {" PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n", no_signature},
      {"PROXY " + std::string(101, 'x'), text_too_long},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n" + std::string(100, 'x'), text_too_long},
      {"PROXY TCP5 1.1.1.1 2.2.2.2 1 2\r\n", text_protocol},
      {"PROXY tcp4 1.1.1.1 2.2.2.2 1 2\r\n", text_protocol},
      {"PROXY  TCP4 1.1.1.1 2.2.2.2 1 2\r\n", text_protocol},
      {"PROXY UNKNOWNX x\r\n", text_protocol},
      {"PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n", text_address},
      {"PROXY TCP4 1.1.1.1 2.2.2 1 2\r\n", text_address},
      {"PROXY TCP4 ::1 2.2.2.2 1 2\r\n", text_address},
      {"PROXY TCP6 1.1.1.1 ::1 1 2\r\n", text_address},
      {"PROXY TCP6 ::1 ::1%1 1 2\r\n", text_address},
      {"PROXY TCP4  1.1.1.1 2.2.2.2 1\r\n", text_address},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 65536 2\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2  2\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 \r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 123456\r\n", text_port},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n", text_port},
      {"PROXY \r\n", text_malformed},
      {"PROXY TCP4\r\n", text_malformed},
      {"PROXY TCP4 1.1.1.1\r\n", text_malformed},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n", text_malformed},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n", text_malformed},
      {"PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n", text_malformed},
  };
  for (const auto& [text, error] : broken) EXPECT_EQ(read_every_split(text), std::unexpected(error)) << text;
}

TEST(ProxyHeader, AVersion2HeaderNamesItsSource) {
  const std::string v4_text = proxy_v2(0x21, 0x11, "\x0a\x01\x02\x03\xc0\x00\x02\x01\x12\x34\x00\x50"s);
  const ProxyHeader v4 = header_of(v4_text + "rest");
  EXPECT_EQ(v4.source, Source::v4);
  EXPECT_EQ(first_bytes(v4, 4), (std::vector<int>{10, 1, 2, 3}));
  EXPECT_EQ(v4.port, 0x1234);
  EXPECT_EQ(v4.size, v4_text.size());
  const ProxyHeader v6 =
      header_of(proxy_v2(0x21, 0x21, std::string(15, 'a') + "b" + std::string(16, 'c') + "\x01\x02\x03\x04"));
  EXPECT_EQ(v6.source, Source::v6);
  EXPECT_EQ(first_bytes(v6, 2), (std::vector<int>{'a', 'a'}));
  EXPECT_EQ(v6.address[15], 'b');
  EXPECT_EQ(v6.port, 0x0102);
  EXPECT_EQ(header_of(proxy_v2(0x21, 0x31, std::string(216, '\0'))).source, Source::local);
}

TEST(ProxyHeader, LocalAndUnspecifiedNameNobodyAndTheirBlockIsIgnored) {
  for (const std::string& text :
       {proxy_v2(0x20, 0x00, ""), proxy_v2(0x20, 0xFF, "rubbish"), proxy_v2(0x20, 0x11, "cut"),
        proxy_v2(0x21, 0x00, ""), proxy_v2(0x21, 0x00, "\x03\x00\x04zzzz"s)}) {
    const ProxyHeader header = header_of(text);
    EXPECT_EQ(header.source, Source::own);
    EXPECT_EQ(header.size, text.size());
  }
}

TEST(ProxyHeader, VectorsAreWalkedAndAChecksumMustFit) {
  const std::string addresses(12, 'a');
  EXPECT_EQ(header_of(proxy_v2(0x21, 0x11, addresses + vector(1, "h2") + vector(0xEA, ""))).source, Source::v4);
  const std::string good = with_checksum(0x21, 0x11, addresses + vector(1, "h2"), vector(4, "xyz"));
  EXPECT_EQ(header_of(good).size, good.size());
  const std::string v6 = with_checksum(0x21, 0x21, std::string(36, 'q'), "");
  EXPECT_EQ(header_of(v6).source, Source::v6);
  const std::size_t type_of_the_checksum = 16 + addresses.size() + vector(1, "h2").size();
  for (std::size_t i = 16; i < good.size(); ++i) {
    if (i == type_of_the_checksum) continue;  // another type makes a header without one
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(read_every_split(bad)) << i;
  }
}

TEST(ProxyHeader, TheFirstBitOfTheVectorOnTlsSaysHowTheClientCame) {
  const std::string addresses(12, 'a');
  const std::string version = vector(0x21, "TLSv1.3");
  const std::string certificate = version + vector(0x22, "client.example") + vector(0x23, "TLS_AES_128_GCM_SHA256");
  const auto said = [&](std::string_view vectors) {
    return header_of(proxy_v2(0x21, 0x11, addresses + std::string(vectors)) + "rest").tls;
  };
  EXPECT_EQ(said(""), Tls::unsaid);
  EXPECT_EQ(said(vector(1, "h2") + version), Tls::unsaid);  // a vector of the inner kind says nothing out here
  EXPECT_EQ(said(tls_vector(0x01)), Tls::yes);
  EXPECT_EQ(said(vector(1, "http/1.1") + tls_vector(0x01, version) + vector(4, "xyz")), Tls::yes);
  EXPECT_EQ(said(tls_vector(0x07, certificate)), Tls::yes);
  EXPECT_EQ(said(tls_vector(0xFF)), Tls::yes);
  EXPECT_EQ(said(tls_vector(0x00)), Tls::no);
  EXPECT_EQ(said(tls_vector(0x06, certificate)), Tls::no);
  EXPECT_EQ(said(tls_vector(0xFE)), Tls::no);
  EXPECT_EQ(header_of(proxy_v2(0x21, 0x21, std::string(36, 'a') + tls_vector(1, version))).tls, Tls::yes);
  EXPECT_EQ(header_of(proxy_v2(0x21, 0x31, std::string(216, 'a') + tls_vector(1, version))).tls, Tls::yes);
  EXPECT_EQ(header_of(with_checksum(0x21, 0x11, addresses + tls_vector(1, version), "")).tls, Tls::yes);
}

TEST(ProxyHeader, WhereNobodyIsNamedNothingIsSaidOfTls) {
  for (const std::string& text :
       {proxy_v2(0x20, 0x11, std::string(12, 'a') + tls_vector(1)), proxy_v2(0x20, 0x00, tls_vector(1)),
        proxy_v2(0x21, 0x00, tls_vector(1)), "PROXY UNKNOWN\r\n"s, "PROXY TCP4 1.1.1.1 2.2.2.2 1 443\r\n"s})
    EXPECT_EQ(header_of(text).tls, Tls::unsaid);
}

TEST(ProxyHeader, TheChecksumIsCrc32c) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283u);            // the check value every catalogue of CRCs has
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8A9136AAu);  // RFC 3720, appendix B.4
  EXPECT_EQ(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))), 0xE3069283u);
}

TEST(ProxyHeader, EachRuleOfVersion2HasItsOwnAnswer) {
  const std::string addresses(12, 'a');
  std::string wrong_version = proxy_v2(0x11, 0x11, addresses);
  std::string too_long = proxy_v2(0x21, 0x11, addresses).substr(0, 14) + "\x0f\xf1";
  std::string turned = with_checksum(0x21, 0x11, addresses, tls_vector(1));
  turned[turned.size() - 5] = 0;  // the client's bits
  const std::vector<std::pair<std::string, ProxyError>> broken = {
      {"\r\n\r\n\0\r\nQUIX"s, no_signature},
      {"\r\nGET"s, no_signature},
      {wrong_version, binary_version},
      {proxy_v2(0x31, 0x11, addresses), binary_version},
      {proxy_v2(0x22, 0x11, addresses), binary_command},
      {proxy_v2(0x2F, 0x11, addresses), binary_command},
      {proxy_v2(0x21, 0x01, addresses), binary_family},
      {proxy_v2(0x21, 0x10, addresses), binary_family},
      {proxy_v2(0x21, 0x41, addresses), binary_family},
      {proxy_v2(0x21, 0x13, addresses), binary_family},
      {proxy_v2(0x21, 0x12, addresses), binary_not_a_stream},
      {proxy_v2(0x21, 0x22, addresses), binary_not_a_stream},
      {proxy_v2(0x21, 0x32, addresses), binary_not_a_stream},
      {too_long, binary_too_long},
      {proxy_v2(0x21, 0x11, "").substr(0, 14) + "\xff\xff", binary_too_long},
      {proxy_v2(0x20, 0x00, "").substr(0, 14) + "\xff\xff", binary_too_long},
      {proxy_v2(0x21, 0x11, std::string(11, 'a')), binary_address_cut},
      {proxy_v2(0x21, 0x21, std::string(35, 'a')), binary_address_cut},
      {proxy_v2(0x21, 0x31, std::string(215, 'a')), binary_address_cut},
      {proxy_v2(0x21, 0x11, addresses + "\x01"), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + "\x01\x00"s), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + "\x01\x00\x01"s), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + "\x01\xff\xffz"s), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + vector(3, "abc")), checksum_malformed},
      {proxy_v2(0x21, 0x11, addresses + vector(3, "abcde")), checksum_malformed},
      {with_checksum(0x21, 0x11, addresses, vector(3, "abcd")), checksum_malformed},
      {proxy_v2(0x21, 0x11, addresses + vector(3, "abcd")), checksum_wrong},
      {turned, checksum_wrong},
      {proxy_v2(0x21, 0x11, addresses + vector(0x20, "")), tls_malformed},
      {proxy_v2(0x21, 0x11, addresses + vector(0x20, "\x01\0\0\0"s)), tls_malformed},
      {proxy_v2(0x21, 0x11, addresses + tls_vector(1) + tls_vector(1)), tls_malformed},
      {proxy_v2(0x21, 0x11, addresses + tls_vector(0) + tls_vector(1)), tls_malformed},
      {proxy_v2(0x21, 0x11, addresses + tls_vector(1, "\x21")), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + tls_vector(1, "\x21\0"s)), binary_vector_cut},
      {proxy_v2(0x21, 0x11, addresses + tls_vector(1, "\x21\0\x07TLSv1."s) + vector(4, "3")), binary_vector_cut},
  };
  for (const auto& [text, error] : broken)
    EXPECT_EQ(read_every_split(text), std::unexpected(error)) << info(error).name;
}

TEST(ProxyHeader, TheLargestHeaderFits) {
  const std::string text =
      proxy_v2(0x21, 0x11, std::string(12, 'a') + vector(0xE0, std::string(kMaxProxyHeaderSize - 16 - 12 - 3, 'v')));
  ASSERT_EQ(text.size(), kMaxProxyHeaderSize);
  EXPECT_EQ(header_of(text).size, text.size());
}

}  // namespace
}  // namespace brume::codec

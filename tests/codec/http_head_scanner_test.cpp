#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/http_head.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::get_with;
using test::GuardedBuffer;
using test::repeat;
using test::upgrade_with;

using Result = std::expected<std::optional<std::size_t>, HttpError>;

Result scan_at_once(std::string_view text, const HeadLimits& limits = {}) {
  HeadScanner scanner;
  return scanner.scan(bytes_of(text), limits);
}

// Scans a text that arrives in pieces ending at `cuts` and at its end; stops at the first answer.
Result scan_in_pieces(std::string_view text, const std::vector<std::size_t>& cuts, const HeadLimits& limits = {}) {
  HeadScanner scanner;
  for (std::size_t cut : cuts) {
    const Result result = scanner.scan(bytes_of(text.substr(0, cut)), limits);
    if (!result || *result) return result;
  }
  return scanner.scan(bytes_of(text), limits);
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  for (std::size_t i = 0; i < size; ++i) cuts[i] = i;
  return cuts;
}

std::optional<HttpError> error_of(std::string_view text, const HeadLimits& limits = {}) {
  const Result result = scan_at_once(text, limits);
  return result ? std::nullopt : std::optional(result.error());
}

TEST(HeadScanner, AWholeHeadIsMeasuredWithItsBlankLine) {
  const std::string head = get_with("A: b\r\n");
  EXPECT_EQ(scan_at_once(head), head.size());
  EXPECT_EQ(scan_at_once("GET / HTTP/1.1\r\n\r\n"), 18);
}

TEST(HeadScanner, AnUnfinishedHeadIsWaitedFor) {
  for (std::string_view text : {"", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\n", "\r", "\r\n",
                                "GET / HTTP/1.1\r\nA: b\r\n", "GET / HTTP/1.1\r\nA: b\r\n\r"}) {
    EXPECT_EQ(scan_at_once(text), std::nullopt) << text;
  }
}

TEST(HeadScanner, H16_WhatStandsBehindTheHeadIsNotLookedAt) {
  const std::string head = get_with("");
  for (std::string_view behind : {std::string_view("\0\n\r\x16", 4), std::string_view("GET / HTTP/1.1\r\n\r\n")}) {
    EXPECT_EQ(scan_at_once(head + std::string(behind)), head.size());
  }
}

TEST(HeadScanner, H13_OneLeadingCrlfIsSkippedAndCounted) {
  const std::string head = get_with("");
  EXPECT_EQ(scan_at_once("\r\n" + head), head.size() + 2);
  EXPECT_EQ(scan_in_pieces("\r\n" + head, every_byte(head.size() + 2)), head.size() + 2);
}

TEST(HeadScanner, H13_ASecondLeadingCrlfIsRefused) {
  EXPECT_EQ(error_of("\r\n\r\nGET / HTTP/1.1\r\n"), HttpError::malformed_request_line);
  EXPECT_EQ(error_of("\r\n\r\n"), HttpError::malformed_request_line);
}

TEST(HeadScanner, H13_BareLineFeedsAndCarriageReturnsAreRefusedAtOnce) {
  EXPECT_EQ(error_of("\n"), HttpError::bare_line_feed);
  EXPECT_EQ(error_of("GET / HTTP/1.1\n"), HttpError::bare_line_feed);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nA: b\n"), HttpError::bare_line_feed);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nA: b\r\n\n"), HttpError::bare_line_feed);
  EXPECT_EQ(error_of("\rG"), HttpError::bare_carriage_return);
  EXPECT_EQ(error_of("GET / HTTP/1.1\rA"), HttpError::bare_carriage_return);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\r\n"), HttpError::bare_carriage_return);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nA: b\rc"), HttpError::bare_carriage_return);
}

TEST(HeadScanner, H13_ControlCharactersAreRefusedAtOnce) {
  for (int c = 0; c < 256; ++c) {
    if ((c >= 0x20 && c != 0x7f) || c == '\t' || c == '\r' || c == '\n') continue;
    const std::string bad(1, static_cast<char>(c));
    EXPECT_EQ(error_of(bad), HttpError::malformed_request_line) << c;
    EXPECT_EQ(error_of("GE" + bad), HttpError::malformed_request_line) << c;
    EXPECT_EQ(error_of("GET /" + bad), HttpError::malformed_target) << c;
    EXPECT_EQ(error_of("GET / HTTP/1.1" + bad), HttpError::malformed_version) << c;
    EXPECT_EQ(error_of("GET / HTTP/1.1\r\nA" + bad), HttpError::malformed_field_name) << c;
    EXPECT_EQ(error_of("GET / HTTP/1.1\r\nA: b\r\nC: d" + bad), HttpError::malformed_field_value) << c;
  }
}

TEST(HeadScanner, TabsAndBytesAboveAsciiAreLeftToTheParser) {
  const std::string head = get_with("A:\tb\tc\xff\x80\t\r\n");
  EXPECT_EQ(scan_at_once(head), head.size());
}

TEST(HeadScanner, T4_ATlsHandshakeFailsAtItsFirstByte) {
  EXPECT_EQ(error_of("\x16"), HttpError::malformed_request_line);
  EXPECT_EQ(error_of(std::string_view("\x16\x03\x01\x02\x00\x01", 6)), HttpError::malformed_request_line);
}

TEST(HeadScanner, H2_TheHttp2PrefaceIsAHead) {
  EXPECT_EQ(scan_at_once("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 18);
}

TEST(HeadScanner, H14_AHeadOfTheLimitPassesAndOneByteMoreDoesNot) {
  const std::string head = get_with("A: bcdef\r\n");
  for (std::string_view leading : {"", "\r\n"}) {  // the skipped CRLF is no part of the head
    const std::string text = std::string(leading) + head;
    EXPECT_EQ(scan_at_once(text, {.max_head_size = head.size()}), text.size());
    EXPECT_EQ(scan_at_once(text, {.max_head_size = head.size() + 1}), text.size());
    EXPECT_EQ(error_of(text, {.max_head_size = head.size() - 1}), HttpError::head_too_large);
  }
}

TEST(HeadScanner, H14_AnOversizeHeadFailsOnceTheLimitHasArrived) {
  const std::string text = get_with("A: " + repeat("b", 100));
  constexpr std::size_t kLimit = 64;
  EXPECT_EQ(scan_at_once(text.substr(0, kLimit - 1), {.max_head_size = kLimit}), std::nullopt);
  EXPECT_EQ(error_of(text.substr(0, kLimit), {.max_head_size = kLimit}), HttpError::head_too_large);
}

TEST(HeadScanner, H14_TheDefaultLimitIs16KiB) {
  const std::string around = get_with("A: \r\n");
  const std::size_t room = 16 * 1024 - around.size();
  EXPECT_EQ(scan_at_once(get_with("A: " + repeat("b", room) + "\r\n")), 16 * 1024);
  EXPECT_EQ(error_of(get_with("A: " + repeat("b", room + 1) + "\r\n")), HttpError::head_too_large);
}

TEST(HeadScanner, H3_ARequestLineAloneAboveTheLimitIs414) {
  const std::string line = "GET /" + repeat("a", 100) + " HTTP/1.1\r\n";
  for (std::size_t limit = 1; limit < line.size(); ++limit) {
    EXPECT_EQ(error_of(line + "\r\n", {.max_head_size = limit}), HttpError::target_too_long) << limit;
  }
  EXPECT_EQ(error_of(line + "\r\n", {.max_head_size = line.size()}), HttpError::head_too_large);
}

TEST(HeadScanner, H14_BytesBeyondTheLimitAreNotLookedAt) {
  const std::string line = "GET / HTTP/1.1\r\n";
  const std::string text = line + std::string("A: b\0", 5);
  EXPECT_EQ(error_of(text, {.max_head_size = text.size() - 1}), HttpError::head_too_large);
  EXPECT_EQ(error_of(text, {.max_head_size = text.size()}), HttpError::malformed_field_value);
}

TEST(HeadScanner, AnAbsurdLimitCountsAsTheLargestThereIs) {
  const HeadLimits limits{.max_head_size = ~std::size_t{0}};
  const std::string head = get_with("");
  EXPECT_EQ(scan_at_once("\r\n" + head, limits), head.size() + 2);
}

// A scanner that went back to earlier bytes would see the line feeds that took their place.
TEST(HeadScanner, H14_EachByteIsLookedAtOnceHoweverManyScansItTakes) {
  std::string text = get_with("A: " + repeat("b", 16 * 1024 - 200) + "\r\n");
  const std::string head = text;
  HeadScanner scanner;
  for (std::size_t size = 1; size < text.size(); ++size) {
    ASSERT_EQ(scanner.scan(bytes_of(std::string_view(text).substr(0, size)), {}), std::nullopt) << size;
    text[size - 1] = '\n';
  }
  EXPECT_EQ(scanner.scan(bytes_of(text), {}), head.size());
}

TEST(HeadScanner, ResetMakesItReadyForTheNextRequest) {
  HeadScanner scanner;
  const std::string head = get_with("");
  ASSERT_EQ(scanner.scan(bytes_of("\r\n" + head), {}), head.size() + 2);
  scanner.reset();
  EXPECT_EQ(scanner.scan(bytes_of("\r\n" + head), {}), head.size() + 2);
  scanner.reset();
  ASSERT_FALSE(scanner.scan(bytes_of("\x16"), {}));
  scanner.reset();
  EXPECT_EQ(scanner.scan(bytes_of(head), {}), head.size());
}

const std::vector<std::string>& samples() {
  static const std::vector<std::string> kSamples = {
      get_with(""),
      "\r\n" + upgrade_with("Origin: https://a.example\r\nCookie: a=b; c=d\r\n"),
      "GET http://a.example/x?y HTTP/1.0\r\nA:\t\r\n\r\ntail",
      "GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
      "GET / HTTP/1.1\r\nA: b\rC: d\r\n\r\n",
      std::string("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 27),
      "\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "GET /a\x7f HTTP/1.1\r\n\r\n",
      "\x16\x03\x01",
  };
  return kSamples;
}

TEST(HeadScanner, EverySplitGivesTheAnswerOfTheWhole) {
  for (const std::string& text : samples()) {
    for (std::size_t limit : {std::size_t{10}, std::size_t{30}, std::size_t{16 * 1024}}) {
      const HeadLimits limits{.max_head_size = limit};
      const Result whole = scan_at_once(text, limits);
      EXPECT_EQ(scan_in_pieces(text, every_byte(text.size()), limits), whole) << text;
      for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EXPECT_EQ(scan_in_pieces(text, {cut}, limits), whole) << text << " cut at " << cut;
      }
    }
  }
}

TEST(HeadScanner, T2_EveryTruncationIsReadWithoutGoingPastItsEnd) {
  GuardedBuffer memory(4096);
  for (const std::string& text : samples()) {
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const auto part = memory.place_at_end(bytes_of(text).first(size));
      HeadScanner scanner;
      const Result result = scanner.scan(part, {});
      EXPECT_EQ(result, scan_at_once(std::string_view(text).substr(0, size)));
      if (result && *result) {
        EXPECT_LE(**result, size);
      }
    }
  }
}

}  // namespace
}  // namespace brume::codec

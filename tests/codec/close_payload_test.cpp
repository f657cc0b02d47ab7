#include <set>
#include <string>

#include <gtest/gtest.h>

#include <brume/codec/close_payload.h>
#include <brume/codec/utf8.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::codec {
namespace {

using test::Bytes;
using test::bytes_of;

// Sections 7.4.1 and 7.4.2, and the codes registered since (1012 to 1014), written out.
bool may_stand_in_a_close_frame(unsigned code) {
  static const std::set<unsigned> kDefined{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014};
  return kDefined.contains(code) || (code >= 3000 && code < 5000);
}

std::expected<ClosePayload, Violation> read(const Bytes& payload) {
  static test::GuardedBuffer buffer(kMaxControlPayloadSize);
  return read_close_payload(buffer.place_at_end(payload));
}

TEST(ClosePayload, F13_AnEmptyOneMeansNoStatus) {
  const auto result = read({});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->code, 1005);
  EXPECT_EQ(result->reason, "");
}

TEST(ClosePayload, F13_OneByteIsAViolation) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto result = read(bytes_of({byte}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Violation::close_payload_one_byte);
  }
}

TEST(ClosePayload, F13_AReasonThatIsNotUtf8IsAViolation) {
  for (const std::string_view reason : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "ok\xE2\x82", "\xF4\x90\x80\x80"}) {
    const auto result = read(test::close_payload(1000, reason));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(), Violation::close_reason_not_utf8);
  }
}

TEST(ClosePayload, F14_F15_EveryCodeIsTakenOrRefusedAsTheRegistrySays) {
  for (unsigned code = 0; code < 65536; ++code) {
    const auto result = read(test::close_payload(code, "why"));
    ASSERT_EQ(result.has_value(), may_stand_in_a_close_frame(code)) << code;
    EXPECT_EQ(is_sendable_close_code(code), result.has_value()) << code;
    if (result) {
      EXPECT_EQ(result->code, code);
      EXPECT_EQ(result->reason, "why");
    } else {
      EXPECT_EQ(result.error(), Violation::close_code_invalid);
    }
  }
}

TEST(ClosePayload, F14_ABadCodeIsToldBeforeABadReason) {
  EXPECT_EQ(read(test::close_payload(1005, "\xFF")).error(), Violation::close_code_invalid);
}

TEST(ClosePayload, WhatIsWrittenIsReadBack) {
  for (const std::string_view reason : {"", "going home", "\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80"}) {
    test::GuardedBuffer buffer(kMaxControlPayloadSize);
    const auto out = std::span<std::byte, kMaxControlPayloadSize>(buffer.at_end(kMaxControlPayloadSize));
    const std::size_t size = write_close_payload(out, 1001, reason);
    EXPECT_EQ(size, 2 + reason.size());
    const auto result = read_close_payload(out.first(size));
    ASSERT_TRUE(result);
    EXPECT_EQ(result->code, 1001);
    EXPECT_EQ(result->reason, reason);
  }
}

TEST(ClosePayload, NoStatusWritesNothing) {
  std::array<std::byte, kMaxControlPayloadSize> out{};
  EXPECT_EQ(write_close_payload(out, close_code::no_status, "not sent"), 0u);
}

TEST(ClosePayload, ALongReasonIsCutAtACodePoint) {
  for (const std::string_view code_point : {"a", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    for (std::size_t shift = 0; shift < 4; ++shift) {
      std::string reason(shift, '.');
      while (reason.size() < 200) reason += code_point;
      std::array<std::byte, kMaxControlPayloadSize> out{};
      const std::size_t size = write_close_payload(out, 1000, reason);
      const auto result = read_close_payload(std::span(out).first(size));
      ASSERT_TRUE(result);
      EXPECT_TRUE(reason.starts_with(result->reason));
      EXPECT_LE(result->reason.size(), kMaxCloseReasonSize);
      EXPECT_GT(result->reason.size() + code_point.size(), kMaxCloseReasonSize) << "nothing more would have fitted";
    }
  }
}

}  // namespace
}  // namespace brume::codec

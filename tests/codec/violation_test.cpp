#include <algorithm>
#include <set>
#include <string_view>

#include <gtest/gtest.h>

#include <brume/codec/close_payload.h>
#include <brume/codec/violation.h>

namespace brume::codec {
namespace {

TEST(Violation, TableHasOneRowForEachEnumeratorInTheirOrder) {
  ASSERT_EQ(violations().size(), kViolationCount);
  for (std::size_t i = 0; i < kViolationCount; ++i) {
    const auto violation = static_cast<Violation>(i);
    EXPECT_EQ(violations()[i].violation, violation);
    EXPECT_EQ(&info(violation), &violations()[i]);
  }
}

TEST(Violation, NamesAndReasonsAreDistinct) {
  std::set<std::string_view> names;
  std::set<std::string_view> reasons;
  for (const ViolationInfo& row : violations()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(reasons.insert(row.reason).second) << row.reason;
  }
}

TEST(Violation, ReasonsAreShortPrintableAscii) {
  for (const ViolationInfo& row : violations()) {
    EXPECT_FALSE(row.reason.empty()) << row.name;
    EXPECT_LE(row.reason.size(), kMaxCloseReasonSize) << row.name;
    EXPECT_TRUE(std::ranges::all_of(row.reason, [](char c) { return c >= 0x20 && c < 0x7F; })) << row.name;
  }
}

TEST(Violation, ClosesWithTheCodeThatSection741GivesTheRule) {
  const std::set<Violation> not_protocol_errors{
      Violation::invalid_utf8,       Violation::truncated_utf8,     Violation::close_reason_not_utf8,
      Violation::message_too_large,  Violation::too_many_fragments, Violation::bad_compressed_data,
      Violation::inflated_too_large,
  };
  for (const ViolationInfo& row : violations()) {
    EXPECT_TRUE(is_sendable_close_code(row.close_code)) << row.name;
    if (!not_protocol_errors.contains(row.violation)) {
      EXPECT_EQ(row.close_code, close_code::protocol_error) << row.name;
    }
  }
  EXPECT_EQ(info(Violation::invalid_utf8).close_code, close_code::invalid_payload);
  EXPECT_EQ(info(Violation::truncated_utf8).close_code, close_code::invalid_payload);
  EXPECT_EQ(info(Violation::close_reason_not_utf8).close_code, close_code::invalid_payload);
  EXPECT_EQ(info(Violation::message_too_large).close_code, close_code::message_too_big);
  EXPECT_EQ(info(Violation::bad_compressed_data).close_code, close_code::invalid_payload);
  EXPECT_EQ(info(Violation::inflated_too_large).close_code, close_code::message_too_big);
  EXPECT_EQ(info(Violation::too_many_fragments).close_code, close_code::policy_violation);
}

TEST(Violation, CitesSectionsThatStateRulesForFrames) {
  const std::set<std::string_view> sections{
      "5.1", "5.2", "5.4", "5.5", "5.5.1", "7.4", "8.1", "10.4", "RFC 7692, 7.2.2"};
  for (const ViolationInfo& row : violations()) EXPECT_TRUE(sections.contains(row.section)) << row.name;
}

}  // namespace
}  // namespace brume::codec

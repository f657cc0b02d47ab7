// The walk of the violation table: each rule a peer can break has a stream that breaks it, and the byte where it does.

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/close_payload.h>
#include <brume/codec/decoder.h>
#include <brume/tests/support/decode_every_way.h>
#include <brume/tests/support/frames.h>

namespace brume::codec {
namespace {

using test::binary;
using test::Bytes;
using test::continuation;
using test::frame;
using test::join;
using test::kNotFinal;
using test::kUnmasked;
using test::LengthForm;
using test::text;

struct Case {
  std::string_view row;  // of the list of bad inputs
  Violation violation;
  Bytes stream;
  std::size_t at_byte;  // counted from 1; of the last byte for what a whole Close frame says
  DecoderLimits limits{};
};

std::vector<Case> cases() {
  const DecoderLimits client{.receiver = Receiver::client};
  const DecoderLimits small{.max_message_size = 10, .max_fragments = 2};
  const DecoderLimits compression{.max_message_size = 10, .compression = true};
  const test::FrameOptions rsv1{.rsv_bits = 4};
  const test::FrameOptions rsv1_start{.fin = false, .rsv_bits = 4};
  const Bytes start = text("abc", kNotFinal);              // 9 bytes
  const Bytes compressed_start = text("abc", rsv1_start);  // the same
  using enum Violation;
  return {
      {"F1", unexpected_rsv1, text("x", {.rsv_bits = 4}), 1},
      {"F1", unexpected_rsv1, frame(Opcode::ping, "x", {.rsv_bits = 4}), 1},
      {"F1", unexpected_rsv1, join({start, continuation("x", {.rsv_bits = 4})}), 10},
      {"F1", unexpected_rsv1, frame(Opcode::ping, "x", rsv1), 1, compression},
      {"F1", unexpected_rsv1, frame(Opcode::close, "", rsv1), 1, compression},
      {"F1", unexpected_rsv1, continuation("x", rsv1), 1, compression},
      {"F1", unexpected_rsv1, join({compressed_start, continuation("x", rsv1)}), 10, compression},
      {"F1", reserved_bit_2, text("x", {.rsv_bits = 6}), 1, compression},
      {"F1", reserved_bit_3, text("x", {.rsv_bits = 5}), 1, compression},
      {"F7", data_inside_message, join({compressed_start, text("x", rsv1)}), 10, compression},
      {"F12", message_too_large, text(std::string(75, 'x'), rsv1), 6, compression},
      {"F12", message_too_large, join({compressed_start, continuation(std::string(72, 'x'))}), 15, compression},
      {"F1", reserved_bit_2, text("x", {.rsv_bits = 2}), 1},
      {"F1", reserved_bit_3, binary("x", {.rsv_bits = 1}), 1},
      {"F2", reserved_opcode, frame(3, {}), 1},
      {"F2", reserved_opcode, frame(15, {}, {.declared_size = std::uint64_t{1} << 62}), 1},
      {"F2", reserved_opcode, join({start, frame(7, {})}), 10},
      {"F3", unmasked_client_frame, text("", kUnmasked), 2},
      {"F3", unmasked_client_frame, frame(Opcode::close, "", kUnmasked), 2},
      {"F3", masked_server_frame, text("x"), 2, client},
      {"F4", fragmented_control, frame(Opcode::ping, "x", kNotFinal), 1},
      {"F4", control_too_long, frame(Opcode::pong, "x", {.declared_size = 126}), 2},
      {"F4", control_too_long, frame(Opcode::close, "x", {.length_form = LengthForm::bits64}), 2},
      {"F5", length_not_minimal, text("x", {.length_form = LengthForm::bits16}), 4},
      {"F5", length_not_minimal, text("x", {.length_form = LengthForm::bits64}), 8},
      {"F5", length_top_bit, binary("x", {.declared_size = std::uint64_t{1} << 63}), 3},
      {"F6", message_too_large, binary("x", {.declared_size = std::uint64_t{1} << 53}), 14},
      {"F7", continuation_without_start, continuation("x"), 1},
      {"F7", data_inside_message, join({start, binary("x")}), 10},
      {"F10", invalid_utf8, text("ab\xFF"), 9},
      {"F10", invalid_utf8, join({start, continuation("\xED\xA0\x80")}), 17},
      {"F11", truncated_utf8, text("ab\xE2\x82"), 10},
      {"F12", message_too_large, text("01234567890"), 6, small},
      {"F12", message_too_large, join({start, continuation("01234567")}), 15, small},
      {"F13", close_payload_one_byte, frame(Opcode::close, "x"), 7},
      {"F13", close_reason_not_utf8, test::close(1000, "\xC0\xAF"), 10},
      {"F13", close_reason_not_utf8, test::close(1000, "\xE2\x82"), 10},
      {"F14", close_code_invalid, test::close(1005), 8},
      {"F14", close_code_invalid, test::close(999, "x"), 9},
      {"L2", too_many_fragments, join({start, continuation("", kNotFinal), continuation("")}), 21, small},
  };
}

// The rule that the stream's last event breaks: seen by the decoder, or in the payload of a Close it delivered.
std::optional<Violation> violation_in(const std::vector<fuzz::SeenEvent>& events) {
  if (events.empty()) return std::nullopt;
  const fuzz::SeenEvent& last = events.back();
  if (last.kind == Event::Kind::violation) return last.violation;
  if (last.kind != Event::Kind::close) return std::nullopt;
  const auto judged = read_close_payload(last.payload);
  return judged ? std::nullopt : std::optional(judged.error());
}

TEST(DecoderViolations, F1_to_F14_EachStreamBreaksItsRuleAtItsByteWhereverItIsCut) {
  for (const Case& broken : cases()) {
    SCOPED_TRACE(std::string(broken.row) + " " + std::string(info(broken.violation).name));
    const auto events = test::decode_every_way(broken.stream, broken.limits);
    const auto violation = violation_in(events);
    ASSERT_TRUE(violation.has_value());
    EXPECT_EQ(info(*violation).name, info(broken.violation).name);
    EXPECT_EQ(events.back().end, broken.at_byte);
    EXPECT_EQ(events.size(), 1u) << "nothing is delivered before it";
  }
}

TEST(DecoderViolations, EveryRowOfTheTableHasAStreamThatBreaksIt) {
  // But for what is found where a message is inflated, behind the decoder.
  std::set<Violation> broken{Violation::bad_compressed_data, Violation::inflated_too_large};
  for (const Case& one : cases()) broken.insert(one.violation);
  for (const ViolationInfo& row : violations()) EXPECT_TRUE(broken.contains(row.violation)) << row.name;
}

}  // namespace
}  // namespace brume::codec

#include <array>

#include <brume/codec/violation.h>

namespace brume::codec {
namespace {

constexpr std::uint16_t kProtocolError = 1002;
constexpr std::uint16_t kInvalidPayload = 1007;
constexpr std::uint16_t kPolicyViolation = 1008;
constexpr std::uint16_t kMessageTooBig = 1009;
constexpr std::size_t kMaxReasonSize = 123;  // 125 bytes of a control frame, less two of close code (section 5.5)

using enum Violation;

constexpr std::array<ViolationInfo, kViolationCount> kTable{{
    {reserved_opcode, kProtocolError, "reserved_opcode", "reserved opcode", "5.2"},
    {reserved_bit_2, kProtocolError, "reserved_bit_2", "reserved bit RSV2 is set", "5.2"},
    {reserved_bit_3, kProtocolError, "reserved_bit_3", "reserved bit RSV3 is set", "5.2"},
    {unexpected_rsv1, kProtocolError, "unexpected_rsv1", "reserved bit RSV1 is set where no extension allows it",
     "5.2"},
    {fragmented_control, kProtocolError, "fragmented_control", "control frame is fragmented", "5.5"},
    {control_too_long, kProtocolError, "control_too_long", "control frame has more than 125 bytes of payload", "5.5"},
    {unmasked_client_frame, kProtocolError, "unmasked_client_frame", "frame from a client is not masked", "5.1"},
    {masked_server_frame, kProtocolError, "masked_server_frame", "frame from a server is masked", "5.1"},
    {length_not_minimal, kProtocolError, "length_not_minimal", "payload length is not in its shortest form", "5.2"},
    {length_top_bit, kProtocolError, "length_top_bit", "top bit of the 64-bit payload length is set", "5.2"},
    {continuation_without_start, kProtocolError, "continuation_without_start",
     "continuation frame outside a fragmented message", "5.4"},
    {data_inside_message, kProtocolError, "data_inside_message", "new message inside a fragmented message", "5.4"},
    {invalid_utf8, kInvalidPayload, "invalid_utf8", "text message is not valid UTF-8", "8.1"},
    {truncated_utf8, kInvalidPayload, "truncated_utf8", "text message ends inside a UTF-8 code point", "8.1"},
    {message_too_large, kMessageTooBig, "message_too_large", "message is larger than allowed here", "10.4"},
    {too_many_fragments, kPolicyViolation, "too_many_fragments", "message has more fragments than allowed here",
     "10.4"},
    {close_payload_one_byte, kProtocolError, "close_payload_one_byte", "close frame has a payload of one byte",
     "5.5.1"},
    {close_code_invalid, kProtocolError, "close_code_invalid", "close code must not be sent", "7.4"},
    {close_reason_not_utf8, kInvalidPayload, "close_reason_not_utf8", "close reason is not valid UTF-8", "5.5.1"},
    {bad_compressed_data, kInvalidPayload, "bad_compressed_data", "compressed message is not valid DEFLATE data",
     "RFC 7692, 7.2.2"},
    {inflated_too_large, kMessageTooBig, "inflated_too_large", "message is larger than allowed here once inflated",
     "10.4"},
}};

static_assert(static_cast<std::size_t>(inflated_too_large) + 1 == kViolationCount, "count the new enumerator");

constexpr bool is_table_sound() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    const ViolationInfo& row = kTable[i];
    if (static_cast<std::size_t>(row.violation) != i || row.name.empty() || row.section.empty()) return false;
    if (row.reason.empty() || row.reason.size() > kMaxReasonSize) return false;
  }
  return true;
}
static_assert(is_table_sound(), "rows stand in the enumerators' order, and each reason fits a close frame");

}  // namespace

std::span<const ViolationInfo> violations() {
  return kTable;
}

const ViolationInfo& info(Violation violation) {
  return kTable[static_cast<std::size_t>(violation)];
}

}  // namespace brume::codec

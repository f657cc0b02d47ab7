// violation.h: every rule of RFC 6455 and RFC 7692 a peer can break, each with its close code and reason text.
//
// One enumerator a rule. The table in violation.cpp is the only place that maps a rule to what the peer is told
// (RFC 6455, section 7.4.1) and to the section it comes from; the tests walk it. Pure data: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace brume::codec {

enum class Violation : std::uint8_t {
  reserved_opcode,             // opcodes 3-7 and 11-15 (5.2)
  reserved_bit_2,              // RSV2 without an extension that defines it (5.2)
  reserved_bit_3,              // RSV3 likewise (5.2)
  unexpected_rsv1,             // RSV1 where no extension was agreed, or on a control or continuation frame (5.2)
  fragmented_control,          // a control frame with FIN clear (5.5)
  control_too_long,            // a control frame with a 126 or 127 length form (5.5)
  unmasked_client_frame,       // a server received MASK=0 (5.1)
  masked_server_frame,         // a client received MASK=1 (5.1)
  length_not_minimal,          // a 16-bit or 64-bit length that a shorter form could hold (5.2)
  length_top_bit,              // a 64-bit length with its most significant bit set (5.2)
  continuation_without_start,  // a continuation frame outside a fragmented message (5.4)
  data_inside_message,         // a text or binary frame inside a fragmented message (5.4)
  invalid_utf8,                // a text message that is not UTF-8 (8.1)
  truncated_utf8,              // a text message that ends inside a code point (8.1)
  message_too_large,           // above max_message_size, judged from the header (10.4)
  too_many_fragments,          // above max_fragments in one message (10.4)
  close_payload_one_byte,      // a Close frame whose payload is one byte (5.5.1)
  close_code_invalid,          // a close code that must not be sent (7.4)
  close_reason_not_utf8,       // a close reason that is not UTF-8 (5.5.1)
  bad_compressed_data,         // a compressed message that is no DEFLATE data (RFC 7692, 7.2.2)
  inflated_too_large,          // above max_message_size once inflated (10.4)
};
inline constexpr std::size_t kViolationCount = 21;

struct ViolationInfo {
  Violation violation;
  std::uint16_t close_code;  // what the close frame carries: 1002, 1007, 1008 or 1009
  std::string_view name;     // the enumerator's name, for logs and counters
  std::string_view reason;   // the close frame's reason, at most 123 bytes of ASCII
  std::string_view section;  // of RFC 6455, e.g. "5.5.1", or with its RFC in front
};

// The whole table, one row an enumerator, in the enumerators' order. Static storage.
std::span<const ViolationInfo> violations();

// The row of one rule. Static storage.
const ViolationInfo& info(Violation violation);

}  // namespace brume::codec

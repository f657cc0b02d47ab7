// close_payload.h: what a Close frame carries (RFC 6455, sections 5.5.1 and 7.4).
//
// Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include <brume/codec/frame_header.h>
#include <brume/codec/violation.h>

namespace brume::codec {

// Codes a program names. 1005 and 1006 only ever appear in events, never on the wire (section 7.4.1).
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported_data = 1003;
inline constexpr std::uint16_t no_status = 1005;
inline constexpr std::uint16_t abnormal = 1006;
inline constexpr std::uint16_t invalid_payload = 1007;
inline constexpr std::uint16_t policy_violation = 1008;
inline constexpr std::uint16_t message_too_big = 1009;
inline constexpr std::uint16_t mandatory_extension = 1010;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t service_restart = 1012;
inline constexpr std::uint16_t try_again_later = 1013;
}  // namespace close_code

inline constexpr std::size_t kMaxCloseReasonSize = kMaxControlPayloadSize - 2;  // 123 bytes

// Whether `code` may stand in a Close frame: 1000-1003, 1007-1014, 3000-4999 (sections 7.4.1, 7.4.2, IANA).
constexpr bool is_sendable_close_code(std::uint32_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

struct ClosePayload {
  std::uint16_t code;       // 1005 where the payload was empty
  std::string_view reason;  // a view into the payload
};

// Judges the unmasked payload of a received Close frame.
std::expected<ClosePayload, Violation> read_close_payload(std::span<const std::byte> payload);

// Writes code and reason to `out` and returns the bytes written; code 1005 writes nothing. The reason is cut at a
// code point to 123 bytes. Requires: a sendable code or 1005; `reason` is valid UTF-8.
std::size_t write_close_payload(std::span<std::byte, kMaxControlPayloadSize> out, std::uint16_t code,
                                std::string_view reason);

}  // namespace brume::codec

// frame_header.h: the 2 to 14 bytes in front of every WebSocket frame (RFC 6455, section 5.2).
//
// Pure functions over bytes: any thread, no state, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include <brume/codec/violation.h>

namespace brume::codec {

enum class Opcode : std::uint8_t { continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA };

constexpr bool is_control(Opcode opcode) {
  return (static_cast<std::uint8_t>(opcode) & 0x8) != 0;
}

// Who judges the bytes: a server demands masked frames, a client unmasked ones (RFC 6455, section 5.1).
enum class Receiver : std::uint8_t { server, client };

using MaskKey = std::array<std::byte, 4>;

inline constexpr std::size_t kMaxHeaderSize = 14;           // 2 + 8 of length + 4 of mask key
inline constexpr std::size_t kMaxControlPayloadSize = 125;  // section 5.5

struct FrameHeader {
  Opcode opcode;
  bool fin;
  bool rsv1;  // a compressed message, where permessage-deflate was agreed (RFC 7692, section 6.1)
  bool masked;
  MaskKey mask_key;            // meaningful only where masked
  std::uint64_t payload_size;  // bytes, below 2^63
  std::uint8_t header_size;    // bytes, 2 to 14
};

// The opcode bits of a frame's first byte; one of the enumerators where judge_first_byte() passes.
constexpr Opcode opcode_of(std::byte first) {
  return static_cast<Opcode>(first & std::byte{0x0F});
}

// Judges the first byte of a frame: opcode, then RSV2, RSV3 and RSV1, then FIN of a control frame (sections 5.2, 5.5).
// `rsv1_allowed`: permessage-deflate was agreed, so RSV1 may be set on a data frame that is no continuation.
std::optional<Violation> judge_first_byte(std::byte first, bool rsv1_allowed = false);

// Reads the header at the front of `input`, as `receiver` has to judge it (sections 5.1, 5.2 and 5.5).
// Returns nullopt while bytes are missing; how the bytes are split never changes the answer.
// Fails at the first byte that no valid header has: the first byte as above, then the length of a control frame,
// then the mask bit, then the length form.
std::expected<std::optional<FrameHeader>, Violation> read_frame_header(std::span<const std::byte> input,
                                                                       Receiver receiver, bool rsv1_allowed = false);

// Bytes a header takes in front of `payload_size` bytes, always in the shortest form.
constexpr std::size_t frame_header_size(std::uint64_t payload_size, bool masked) {
  return (payload_size < 126 ? 2u : payload_size < 65536 ? 4u : 10u) + (masked ? 4u : 0u);
}

// Writes `header` (its header_size is ignored) in the shortest form to the front of `out` and returns its size.
// Requires: `out` holds at least frame_header_size(header.payload_size, header.masked) bytes.
std::size_t write_frame_header(std::span<std::byte> out, const FrameHeader& header);

}  // namespace brume::codec

// encoder.h: whole frames of either side, header and payload, into a caller's buffer (RFC 6455, section 5.2).
//
// Pure functions: any thread, no state, no allocation. The engine never fragments what it sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <brume/codec/close_payload.h>
#include <brume/codec/frame_header.h>

namespace brume::codec {

// Bytes of an unmasked frame around a payload of that size.
constexpr std::size_t server_frame_size(std::size_t payload_size) {
  return frame_header_size(payload_size, false) + payload_size;
}
constexpr std::size_t client_frame_size(std::size_t payload_size) {
  return frame_header_size(payload_size, true) + payload_size;
}

// Writes an unmasked frame with FIN set and returns its size. Requires: out.size() >=
// server_frame_size(payload.size()).
std::size_t write_server_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload,
                               bool fin = true);

// Writes the header alone of an unmasked frame with FIN set and, where `compressed`, RSV1 (RFC 7692, section 6.1);
// returns its size. Requires: out.size() >= frame_header_size(payload_size, false).
std::size_t write_server_header(std::span<std::byte> out, Opcode opcode, bool compressed, std::size_t payload_size);

// The same as write_server_frame(), masked with `key` (drawn by the caller from a strong source: section 5.3).
std::size_t write_client_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload,
                               const MaskKey& key, bool fin = true);
// The same of a compressed message: FIN and RSV1 are set (RFC 7692, section 6.1).
std::size_t write_compressed_client_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload,
                                          const MaskKey& key);

// Largest control frame: header, mask key and 125 bytes.
inline constexpr std::size_t kMaxControlFrameSize = 2 + 4 + kMaxControlPayloadSize;

// A server's Close frame; code 1005 gives an empty payload. Requirements as write_close_payload().
std::size_t write_server_close(std::span<std::byte, kMaxControlFrameSize> out, std::uint16_t code,
                               std::string_view reason);

}  // namespace brume::codec

#include <algorithm>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/frame_header.h>

namespace brume::codec {
namespace {

// First byte: FIN, RSV1 to RSV3, opcode. Second byte: MASK, length.
constexpr unsigned kFinBit = 0x80;
constexpr unsigned kRsv1Bit = 0x40;
constexpr unsigned kRsv2Bit = 0x20;
constexpr unsigned kRsv3Bit = 0x10;
constexpr unsigned kOpcodeBits = 0x0F;
constexpr unsigned kMaskBit = 0x80;
constexpr unsigned kLengthBits = 0x7F;

// Values of the seven length bits that announce a longer form.
constexpr unsigned kLength16 = 126;
constexpr unsigned kLength64 = 127;

constexpr bool is_known(unsigned opcode) {
  return opcode <= 0x2 || (opcode >= 0x8 && opcode <= 0xA);
}

// The first bytes of a big-endian number of `total` bytes, as far as they are there, the missing ones taken as 0.
std::uint64_t read_big_endian(std::span<const std::byte> bytes, std::size_t total) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < total; ++i) {
    value = value << 8 | (i < bytes.size() ? std::to_integer<std::uint64_t>(bytes[i]) : 0);
  }
  return value;
}

void write_big_endian(std::span<std::byte> out, std::uint64_t value) {
  for (std::size_t i = out.size(); i > 0; --i) {
    out[i - 1] = static_cast<std::byte>(value & 0xFF);
    value >>= 8;
  }
}

// Judges the bytes of a 16-bit or 64-bit length that are there; the shortest form that holds it is the only valid one.
std::optional<Violation> judge_length(std::span<const std::byte> bytes, std::size_t total) {
  if (bytes.empty()) return std::nullopt;
  const std::uint64_t value = read_big_endian(bytes, total);
  if (value >> 63 != 0) return Violation::length_top_bit;
  const std::uint64_t smallest = total == 2 ? kLength16 : 0x10000;
  const std::size_t missing_bits = 8 * (total - bytes.size());
  const std::uint64_t largest_possible = value | ((std::uint64_t{1} << missing_bits) - 1);
  if (largest_possible < smallest) return Violation::length_not_minimal;
  return std::nullopt;
}

}  // namespace

std::optional<Violation> judge_first_byte(std::byte first, bool rsv1_allowed) {
  const auto bits = std::to_integer<unsigned>(first);
  if (!is_known(bits & kOpcodeBits)) return Violation::reserved_opcode;
  if ((bits & kRsv2Bit) != 0) return Violation::reserved_bit_2;
  if ((bits & kRsv3Bit) != 0) return Violation::reserved_bit_3;
  const Opcode opcode = opcode_of(first);
  if ((bits & kRsv1Bit) != 0 && (!rsv1_allowed || is_control(opcode) || opcode == Opcode::continuation)) {
    return Violation::unexpected_rsv1;
  }
  if ((bits & kFinBit) == 0 && is_control(opcode)) return Violation::fragmented_control;
  return std::nullopt;
}

std::expected<std::optional<FrameHeader>, Violation> read_frame_header(std::span<const std::byte> input,
                                                                       Receiver receiver, bool rsv1_allowed) {
  if (input.empty()) return std::nullopt;
  if (const auto violation = judge_first_byte(input[0], rsv1_allowed)) return std::unexpected(*violation);
  if (input.size() < 2) return std::nullopt;

  const auto first = std::to_integer<unsigned>(input[0]);
  const auto second = std::to_integer<unsigned>(input[1]);
  const Opcode opcode = opcode_of(input[0]);
  const bool masked = (second & kMaskBit) != 0;
  std::uint64_t payload_size = second & kLengthBits;
  if (is_control(opcode) && payload_size > kMaxControlPayloadSize) return std::unexpected(Violation::control_too_long);
  if (!masked && receiver == Receiver::server) return std::unexpected(Violation::unmasked_client_frame);
  if (masked && receiver == Receiver::client) return std::unexpected(Violation::masked_server_frame);

  std::size_t size = 2;
  if (payload_size >= kLength16) {
    const std::size_t length_size = payload_size == kLength64 ? 8 : 2;
    const auto length = input.subspan(size, std::min(length_size, input.size() - size));
    if (const auto violation = judge_length(length, length_size)) return std::unexpected(*violation);
    payload_size = read_big_endian(length, length_size);
    size += length_size;
  }
  MaskKey mask_key{};
  if (masked) {
    if (input.size() < size + mask_key.size()) return std::nullopt;
    copy_bytes(mask_key, input.subspan(size, mask_key.size()));
    size += mask_key.size();
  }
  if (input.size() < size) return std::nullopt;
  return FrameHeader{.opcode = opcode,
                     .fin = (first & kFinBit) != 0,
                     .rsv1 = (first & kRsv1Bit) != 0,
                     .masked = masked,
                     .mask_key = mask_key,
                     .payload_size = payload_size,
                     .header_size = static_cast<std::uint8_t>(size)};
}

std::size_t write_frame_header(std::span<std::byte> out, const FrameHeader& header) {
  const std::size_t size = frame_header_size(header.payload_size, header.masked);
  const unsigned mask_bit = header.masked ? kMaskBit : 0;
  out[0] = static_cast<std::byte>((header.fin ? kFinBit : 0) | (header.rsv1 ? kRsv1Bit : 0) |
                                  static_cast<unsigned>(header.opcode));
  if (header.payload_size < kLength16) {
    out[1] = static_cast<std::byte>(mask_bit | static_cast<unsigned>(header.payload_size));
  } else if (header.payload_size < 0x10000) {
    out[1] = static_cast<std::byte>(mask_bit | kLength16);
    write_big_endian(out.subspan(2, 2), header.payload_size);
  } else {
    out[1] = static_cast<std::byte>(mask_bit | kLength64);
    write_big_endian(out.subspan(2, 8), header.payload_size);
  }
  if (header.masked) copy_bytes(out.subspan(size - header.mask_key.size()), header.mask_key);
  return size;
}

}  // namespace brume::codec

// frames.h: frames for tests, right and wrong, built without the codec's encoder.
//
// Functions without state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <brume/codec/frame_header.h>

namespace brume::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline Bytes bytes_of(std::initializer_list<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes whole;
  for (const Bytes& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

inline constexpr codec::MaskKey kTestKey{std::byte{0x37}, std::byte{0xFA}, std::byte{0x21}, std::byte{0x3D}};

enum class LengthForm : std::uint8_t { shortest, bits7, bits16, bits64 };

struct FrameOptions {
  bool fin = true;
  std::optional<codec::MaskKey> key = kTestKey;  // none: an unmasked frame, as a server sends it
  std::uint8_t rsv_bits = 0;                     // 4 is RSV1, 2 is RSV2, 1 is RSV3
  LengthForm length_form = LengthForm::shortest;
  std::optional<std::uint64_t> declared_size = std::nullopt;  // where the header is to say something else
};

inline constexpr FrameOptions kUnmasked{.key = std::nullopt};
inline constexpr FrameOptions kNotFinal{.fin = false};

// A frame with any opcode and any header.
inline Bytes frame(unsigned opcode, std::span<const std::byte> payload, const FrameOptions& options = {}) {
  const std::uint64_t size = options.declared_size.value_or(payload.size());
  LengthForm form = options.length_form;
  if (form == LengthForm::shortest) {
    form = size < 126 ? LengthForm::bits7 : size < 65536 ? LengthForm::bits16 : LengthForm::bits64;
  }
  const std::size_t length_size = form == LengthForm::bits7 ? 0 : form == LengthForm::bits16 ? 2 : 8;
  const unsigned mask_bit = options.key ? 0x80 : 0;
  const auto short_length = static_cast<unsigned>(length_size == 0 ? size : length_size == 2 ? 126 : 127);
  Bytes out =
      bytes_of({(options.fin ? 0x80u : 0u) | unsigned{options.rsv_bits} << 4 | opcode, mask_bit | short_length});
  for (std::size_t i = length_size; i > 0; --i) out.push_back(static_cast<std::byte>(size >> 8 * (i - 1) & 0xFF));
  if (options.key) out.insert(out.end(), options.key->begin(), options.key->end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(options.key ? payload[i] ^ (*options.key)[i % 4] : payload[i]);
  }
  return out;
}

inline Bytes frame(codec::Opcode opcode, std::string_view payload, const FrameOptions& options = {}) {
  return frame(static_cast<unsigned>(opcode), std::as_bytes(std::span(payload)), options);
}

inline Bytes text(std::string_view payload, const FrameOptions& options = {}) {
  return frame(codec::Opcode::text, payload, options);
}
inline Bytes binary(std::string_view payload, const FrameOptions& options = {}) {
  return frame(codec::Opcode::binary, payload, options);
}
inline Bytes continuation(std::string_view payload, const FrameOptions& options = {}) {
  return frame(codec::Opcode::continuation, payload, options);
}
inline Bytes ping(std::string_view payload = {}, const FrameOptions& options = {}) {
  return frame(codec::Opcode::ping, payload, options);
}
inline Bytes pong(std::string_view payload = {}, const FrameOptions& options = {}) {
  return frame(codec::Opcode::pong, payload, options);
}

// The payload of a Close frame, and the frame.
inline Bytes close_payload(unsigned code, std::string_view reason = {}) {
  return join({bytes_of({code >> 8, code & 0xFF}), bytes_of(reason)});
}
inline Bytes close(unsigned code, std::string_view reason = {}, const FrameOptions& options = {}) {
  return frame(static_cast<unsigned>(codec::Opcode::close), close_payload(code, reason), options);
}

}  // namespace brume::test

// utf8.h: UTF-8 validation that may stop and go on anywhere (RFC 3629; RFC 6455, section 8.1).
//
// Fails at the first byte that no continuation could make valid, wherever the input is split.
// A validator is a value of one byte that belongs to one message; any thread, no allocation. Short ASCII is judged
// inline, the rest by the kernels (kernels/dispatch.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <brume/codec/frame_header.h>
#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/utf8_dfa.h>
#include <brume/codec/mask.h>

namespace brume::codec {

class Utf8Validator {
 public:
  // Takes the next bytes of the text. False once a byte was impossible; it stays false until reset().
  bool feed(std::span<const std::byte> bytes) {
    const auto* text = reinterpret_cast<const std::uint8_t*>(bytes.data());
    if (complete() && bytes.size() <= kSmallSize && (or_small(text, bytes.size()) & kHighBits) == 0) return true;
    return feed_any(bytes);
  }

  // Takes masked bytes, writes them unmasked to `out` (the same bytes, or no overlap) and validates them in the same
  // pass. Key and offset are apply_mask()'s. At a failure the bytes of `out` from the bad one on are unspecified.
  // Requires out.size() >= in.size().
  bool feed_masked(std::span<std::byte> out, std::span<const std::byte> in, const MaskKey& key, std::size_t offset) {
    const std::uint32_t word = mask_word(key, offset);
    if (in.size() > kSmallSize) return feed_masked_any(out, in, word);
    const std::uint64_t all = mask_small(reinterpret_cast<std::uint8_t*>(out.data()),
                                         reinterpret_cast<const std::uint8_t*>(in.data()), in.size(), word);
    return (complete() && (all & kHighBits) == 0) || feed_any(out.first(in.size()));
  }

  // True where the bytes so far do not end inside a code point.
  bool complete() const { return state_ == kBetweenCodePoints; }
  bool failed() const { return state_ == kImpossible; }
  void reset() { state_ = kBetweenCodePoints; }

 private:
  bool feed_any(std::span<const std::byte> bytes);
  bool feed_masked_any(std::span<std::byte> out, std::span<const std::byte> in, std::uint32_t word);

  Utf8State state_ = kBetweenCodePoints;
};

// Whether `text` is UTF-8 as a whole.
bool is_valid_utf8(std::span<const std::byte> text);
bool is_valid_utf8(std::string_view text);

// The longest prefix of `text` of at most `max_size` bytes that does not end inside a code point.
// Requires: `text` is valid UTF-8.
std::string_view truncate_utf8(std::string_view text, std::size_t max_size);

}  // namespace brume::codec

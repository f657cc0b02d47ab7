// utf8.h: UTF-8 validation that may stop and go on anywhere (RFC 3629; RFC 6455, section 8.1).
//
// Fails at the first byte that no continuation could make valid, wherever the input is split.
// A validator is a value of a few bytes that belongs to one message; any thread, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <brume/codec/frame_header.h>

namespace brume::codec {

class Utf8Validator {
 public:
  // Takes the next bytes of the text. False once a byte was impossible; it stays false until reset().
  bool feed(std::span<const std::byte> bytes);
  // Takes masked bytes, writes them unmasked to `out` (the same bytes, or no overlap) and validates them in the
  // same pass where that pays; otherwise as apply_mask() followed by feed(). At a failure the bytes of `out` from
  // the bad one on are unspecified.
  bool feed_masked(std::span<std::byte> out, std::span<const std::byte> in, const MaskKey& key, std::size_t offset);
  // True where the bytes so far do not end inside a code point.
  bool complete() const { return state_ == 0; }
  bool failed() const { return state_ == kFailed; }
  void reset() { state_ = 0; }

 private:
  static constexpr std::uint8_t kFailed = 1;
  std::uint8_t state_ = 0;  // 0 between code points; otherwise which bytes may follow (utf8.cpp)
};

// Whether `text` is UTF-8 as a whole.
bool is_valid_utf8(std::span<const std::byte> text);
bool is_valid_utf8(std::string_view text);

// The longest prefix of `text` of at most `max_size` bytes that does not end inside a code point.
// Requires: `text` is valid UTF-8.
std::string_view truncate_utf8(std::string_view text, std::size_t max_size);

}  // namespace brume::codec

// reference_utf8.h: UTF-8 by the rows of RFC 3629's grammar (section 4), one byte at a time.
//
// A value of one text; shares no code with the codec.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace brume::fuzz {

class ReferenceUtf8 {
 public:
  // The text's next byte: does any row of the grammar still fit? Nothing fits after false.
  bool take(std::uint8_t byte) {
    code_point_.push_back(byte);
    for (const Row& row : kRows) {
      bool fits = code_point_.size() <= row.size;
      for (std::size_t i = 0; fits && i < code_point_.size(); ++i)
        fits = code_point_[i] >= row.bytes[i].first && code_point_[i] <= row.bytes[i].last;
      if (!fits) continue;
      if (code_point_.size() == row.size) code_point_.clear();
      return true;
    }
    return false;
  }
  bool between_code_points() const { return code_point_.empty(); }

 private:
  struct Range {
    std::uint8_t first, last;
  };
  struct Row {
    std::size_t size;
    std::array<Range, 4> bytes;
  };
  static constexpr Range kTail{0x80, 0xBF};
  static constexpr std::array<Row, 9> kRows{{
      {1, {{{0x00, 0x7F}}}},
      {2, {{{0xC2, 0xDF}, kTail}}},
      {3, {{{0xE0, 0xE0}, {0xA0, 0xBF}, kTail}}},
      {3, {{{0xE1, 0xEC}, kTail, kTail}}},
      {3, {{{0xED, 0xED}, {0x80, 0x9F}, kTail}}},
      {3, {{{0xEE, 0xEF}, kTail, kTail}}},
      {4, {{{0xF0, 0xF0}, {0x90, 0xBF}, kTail, kTail}}},
      {4, {{{0xF1, 0xF3}, kTail, kTail, kTail}}},
      {4, {{{0xF4, 0xF4}, {0x80, 0x8F}, kTail, kTail}}},
  }};

  std::vector<std::uint8_t> code_point_;
};

// Where the first byte stands that no text can have there; the size where there is none.
inline std::size_t first_bad_byte(std::span<const std::uint8_t> text) {
  ReferenceUtf8 reference;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (!reference.take(text[i])) return i;
  return text.size();
}

inline bool is_utf8_by_the_book(std::string_view text) {
  ReferenceUtf8 reference;
  for (char c : text)
    if (!reference.take(static_cast<std::uint8_t>(c))) return false;
  return reference.between_code_points();
}

}  // namespace brume::fuzz

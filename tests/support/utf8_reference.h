// utf8_reference.h: what RFC 3629, section 4, says of a text, by its own table of byte ranges and nothing clever.
//
// Functions without state.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace brume::test {

struct ByteRange {
  std::uint8_t first, last;
};

// One way to write a code point: a range for each of its bytes.
struct Utf8Form {
  std::size_t size;
  std::array<ByteRange, 4> bytes;
};

inline constexpr ByteRange kUtf8Tail{0x80, 0xBF};
inline constexpr std::array<Utf8Form, 9> kUtf8Forms{{
    {1, {{{0x00, 0x7F}}}},
    {2, {{{0xC2, 0xDF}, kUtf8Tail}}},
    {3, {{{0xE0, 0xE0}, {0xA0, 0xBF}, kUtf8Tail}}},
    {3, {{{0xE1, 0xEC}, kUtf8Tail, kUtf8Tail}}},
    {3, {{{0xED, 0xED}, {0x80, 0x9F}, kUtf8Tail}}},
    {3, {{{0xEE, 0xEF}, kUtf8Tail, kUtf8Tail}}},
    {4, {{{0xF0, 0xF0}, {0x90, 0xBF}, kUtf8Tail, kUtf8Tail}}},
    {4, {{{0xF1, 0xF3}, kUtf8Tail, kUtf8Tail, kUtf8Tail}}},
    {4, {{{0xF4, 0xF4}, {0x80, 0x8F}, kUtf8Tail, kUtf8Tail}}},
}};

struct Utf8Verdict {
  std::optional<std::size_t> bad;  // index of the first byte that no continuation could make valid
  std::size_t whole = 0;           // bytes of whole code points in front of that, or of the end
  bool operator==(const Utf8Verdict&) const = default;
};

inline Utf8Verdict judge_utf8(std::span<const std::uint8_t> text) {
  // How many bytes from `at` on agree with the form, up to its size.
  const auto agreeing = [text](const Utf8Form& form, std::size_t at) {
    std::size_t size = 0;
    while (size < form.size && at + size < text.size() && form.bytes[size].first <= text[at + size] &&
           text[at + size] <= form.bytes[size].last)
      ++size;
    return size;
  };
  Utf8Verdict verdict;
  while (verdict.whole < text.size()) {
    std::size_t longest = 0;
    bool finished = false;
    for (const Utf8Form& form : kUtf8Forms) {
      const std::size_t size = agreeing(form, verdict.whole);
      longest = std::max(longest, size);
      finished |= size == form.size;
    }
    if (!finished) {
      if (verdict.whole + longest < text.size()) verdict.bad = verdict.whole + longest;
      break;
    }
    verdict.whole += longest;
  }
  return verdict;
}

// Bytes on either side of every border in the table, and some from between.
inline constexpr std::array<std::uint8_t, 27> kUtf8BorderBytes{0x00, 0x2E, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                                               0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xE9, 0xEC,
                                                               0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF};

}  // namespace brume::test

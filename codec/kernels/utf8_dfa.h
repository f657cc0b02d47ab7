// utf8_dfa.h: UTF-8 one byte at a time, the automaton that has the last word on what is valid (RFC 3629, section 4).
//
// Pure functions and a table made by the compiler; any thread. A state is a bit offset: the table holds one 64-bit
// word for each byte, in which the next state of every state stands at that state's offset (a "shift-based" DFA), so a
// step is one load and one shift.
#pragma once

#include <cstddef>
#include <cstdint>

namespace brume::codec {

enum Utf8State : std::uint8_t {
  kBetweenCodePoints = 0,
  kImpossible = 6,     // a byte that nothing could make valid was seen; never left again
  kOneMore = 12,       // one byte 80-BF has to follow
  kTwoMore = 18,       // two of them
  kThreeMore = 24,     // three of them
  kAfterE0 = 30,       // A0-BF, as less would be overlong
  kAfterEd = 36,       // 80-9F, as more would be a surrogate
  kAfterF0 = 42,       // 90-BF, as less would be overlong
  kAfterF4 = 48,       // 80-8F, as more would be above U+10FFFF
  kUtf8StateEnd = 54,  // the first offset not used
};

struct Utf8Table {
  std::uint64_t row[256];
};

consteval Utf8State next_utf8_state(unsigned state, unsigned byte) {
  const auto in = [byte](unsigned first, unsigned last) { return first <= byte && byte <= last; };
  switch (state) {
    case kBetweenCodePoints:
      if (in(0x00, 0x7F)) return kBetweenCodePoints;
      if (in(0xC2, 0xDF)) return kOneMore;
      if (byte == 0xE0) return kAfterE0;
      if (byte == 0xED) return kAfterEd;
      if (in(0xE1, 0xEF)) return kTwoMore;
      if (byte == 0xF0) return kAfterF0;
      if (byte == 0xF4) return kAfterF4;
      if (in(0xF1, 0xF3)) return kThreeMore;
      return kImpossible;
    case kOneMore:
      return in(0x80, 0xBF) ? kBetweenCodePoints : kImpossible;
    case kTwoMore:
      return in(0x80, 0xBF) ? kOneMore : kImpossible;
    case kThreeMore:
      return in(0x80, 0xBF) ? kTwoMore : kImpossible;
    case kAfterE0:
      return in(0xA0, 0xBF) ? kOneMore : kImpossible;
    case kAfterEd:
      return in(0x80, 0x9F) ? kOneMore : kImpossible;
    case kAfterF0:
      return in(0x90, 0xBF) ? kTwoMore : kImpossible;
    case kAfterF4:
      return in(0x80, 0x8F) ? kTwoMore : kImpossible;
    default:
      return kImpossible;
  }
}

consteval Utf8Table make_utf8_table() {
  Utf8Table table{};
  for (unsigned byte = 0; byte < 256; ++byte)
    for (unsigned state = 0; state < kUtf8StateEnd; state += 6)
      table.row[byte] |= static_cast<std::uint64_t>(next_utf8_state(state, byte)) << state;
  return table;
}

inline constexpr Utf8Table kUtf8Table = make_utf8_table();

// The state after `byte`. Only its low six bits count (utf8_state()): left in, the others cost nothing, for a processor
// shifts by no more of them, while taking them out at each byte would double the time of a step.
[[gnu::always_inline]] inline std::uint64_t step_utf8(std::uint64_t state, std::uint8_t byte) {
  return kUtf8Table.row[byte] >> (state % 64);
}

[[gnu::always_inline]] inline Utf8State utf8_state(std::uint64_t state) {
  return static_cast<Utf8State>(state % 64);
}

// The state after all of `text`. Four steps a turn: a loop of single ones takes twice the time.
[[gnu::always_inline]] inline Utf8State run_utf8(Utf8State before, const std::uint8_t* text, std::size_t size) {
  std::uint64_t state = before;
  const std::uint8_t* const end = text + size;
  if (size % 2 != 0) state = step_utf8(state, *text++);
  if (size % 4 >= 2) {
    state = step_utf8(step_utf8(state, text[0]), text[1]);
    text += 2;
  }
  for (; text != end; text += 4) {
    state = step_utf8(step_utf8(state, text[0]), text[1]);
    state = step_utf8(step_utf8(state, text[2]), text[3]);
  }
  return utf8_state(state);
}

// Bytes at the end of `text` that may be the start of a code point whose rest is missing: 0 to 3.
[[gnu::always_inline]] inline std::size_t unfinished_size(const std::uint8_t* text, std::size_t size) {
  for (std::size_t back = 1; back <= 3 && back <= size; ++back) {
    const std::uint8_t byte = text[size - back];
    if (byte < 0x80) return 0;
    if (byte >= 0xC0) {
      const std::size_t whole = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2;
      return back < whole ? back : 0;
    }
  }
  return 0;
}

}  // namespace brume::codec

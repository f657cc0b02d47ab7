// utf8_pairs.h: what two neighbouring bytes tell about UTF-8, as three tables of 16 for vector lookups.
//
// After John Keiser and Daniel Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (Software: Practice and
// Experience, 2021). Each rule is a set of forbidden pairs, given by the high and the low half of the first byte and
// the high half of the second; it has one bit, and the bit is set in an entry of a table where that half belongs to the
// rule. The AND of the three entries of a pair holds the rules it breaks.
//
// One bit is no error by itself: two continuations in a row, right exactly where the lead byte two bytes back is E0 or
// above, or three bytes back F0 or above.
//
// Constants; any thread.
#pragma once

#include <cstdint>

namespace brume::codec {

struct Utf8PairTables {
  alignas(16) std::uint8_t first_high[16];
  alignas(16) std::uint8_t first_low[16];
  alignas(16) std::uint8_t second_high[16];
};

inline constexpr std::uint8_t kTwoContinuations = 0x80;

consteval Utf8PairTables make_utf8_pair_tables() {
  struct Rule {  // sets of half bytes: bit n stands for n
    unsigned first_high, first_low, second_high;
  };
  constexpr unsigned kAny = 0xFFFF;
  constexpr unsigned kContinuation = 0x0F00;  // high half 8 to B
  constexpr Rule kRules[8] = {
      {0xF000, kAny, kAny & ~kContinuation},  // a lead byte and no continuation
      {0x00FF, kAny, kContinuation},          // ASCII and a continuation
      {0x1000, 0x0003, kContinuation},        // C0, C1: overlong
      {0x4000, 0x0001, 0x0300},               // E0 80-9F: overlong
      {0x4000, 0x2000, 0x0C00},               // ED A0-BF: surrogates
      {0x8000, 0xFFE1, 0x0100},               // F0 80-8F: overlong; F5-FF 80-8F: no such lead byte
      {0x8000, 0xFFF0, 0x0E00},               // F4-FF 90-BF: above U+10FFFF
      {kContinuation, kAny, kContinuation},   // kTwoContinuations
  };
  Utf8PairTables tables{};
  for (unsigned rule = 0; rule < 8; ++rule) {
    const auto bit = static_cast<std::uint8_t>(1u << rule);
    for (unsigned half = 0; half < 16; ++half) {
      if ((kRules[rule].first_high >> half) % 2 != 0) tables.first_high[half] |= bit;
      if ((kRules[rule].first_low >> half) % 2 != 0) tables.first_low[half] |= bit;
      if ((kRules[rule].second_high >> half) % 2 != 0) tables.second_high[half] |= bit;
    }
  }
  return tables;
}

inline constexpr Utf8PairTables kUtf8Pairs = make_utf8_pair_tables();

}  // namespace brume::codec

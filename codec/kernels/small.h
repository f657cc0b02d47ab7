// small.h: masking and ASCII test of at most 64 bytes, inline, where a call through a table would cost more.
//
// Pure functions; any thread. No loops: a size class is covered by words from its front and words from its end, which
// may overlap. All words are loaded before the first is stored, so working in place is safe.
#pragma once

#include <cstddef>
#include <cstdint>

namespace brume::codec {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of keys and text are taken in memory order");

inline constexpr std::size_t kSmallSize = 64;
inline constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;

using Word16 [[gnu::vector_size(16)]] = std::uint64_t;  // SSE2 and NEON are there on every x86-64 and aarch64

template <typename Word>
[[gnu::always_inline]] inline Word load_word(const std::uint8_t* from) {
  Word word;
  __builtin_memcpy(&word, from, sizeof(word));
  return word;
}

template <typename Word>
[[gnu::always_inline]] inline void store_word(std::uint8_t* to, Word word) {
  __builtin_memcpy(to, &word, sizeof(word));
}

// The key as it has to lie for bytes that start `offset` bytes further on.
[[gnu::always_inline]] inline std::uint32_t key_at(std::uint32_t key, std::size_t offset) {
  const unsigned shift = 8 * static_cast<unsigned>(offset % 4);
  return (key >> shift) | (key << ((32 - shift) % 32));
}

[[gnu::always_inline]] inline std::uint64_t repeat_key(std::uint32_t key) {
  return key | (static_cast<std::uint64_t>(key) << 32);
}

// Masks as KernelSet::mask does and returns all bytes written ORed together: `& kHighBits` is 0 where they are ASCII.
// Requires: size <= kSmallSize.
[[gnu::always_inline]] inline std::uint64_t mask_small(std::uint8_t* out, const std::uint8_t* in, std::size_t size,
                                                       std::uint32_t key) {
  const std::uint64_t front_key = repeat_key(key);
  if (size >= 16) {
    // The last word starts size - 16 bytes in, which is size modulo 4.
    const std::uint64_t back_key = repeat_key(key_at(key, size));
    const Word16 front_keys = {front_key, front_key};
    const Word16 back_keys = {back_key, back_key};
    const Word16 first = load_word<Word16>(in) ^ front_keys;
    const Word16 last = load_word<Word16>(in + size - 16) ^ back_keys;
    Word16 all = first | last;
    if (size > 32) {
      const Word16 second = load_word<Word16>(in + 16) ^ front_keys;
      const Word16 last_but_one = load_word<Word16>(in + size - 32) ^ back_keys;
      all |= second | last_but_one;
      store_word(out + 16, second);
      store_word(out + size - 32, last_but_one);
    }
    store_word(out, first);
    store_word(out + size - 16, last);
    return all[0] | all[1];
  }
  if (size >= 8) {
    const std::uint64_t first = load_word<std::uint64_t>(in) ^ front_key;
    const std::uint64_t last = load_word<std::uint64_t>(in + size - 8) ^ repeat_key(key_at(key, size));
    store_word(out, first);
    store_word(out + size - 8, last);
    return first | last;
  }
  if (size >= 4) {
    const std::uint32_t first = load_word<std::uint32_t>(in) ^ key;
    const std::uint32_t last = load_word<std::uint32_t>(in + size - 4) ^ key_at(key, size);
    store_word(out, first);
    store_word(out + size - 4, last);
    return first | last;
  }
  if (size == 0) return 0;
  // One, two or three bytes: the first, the middle and the last one are all of them.
  const auto masked = [&](std::size_t at) { return static_cast<std::uint8_t>(in[at] ^ (front_key >> (8 * at))); };
  const std::uint8_t first = masked(0);
  const std::uint8_t middle = masked(size / 2);
  const std::uint8_t last = masked(size - 1);
  out[0] = first;
  out[size / 2] = middle;
  out[size - 1] = last;
  return static_cast<std::uint64_t>(first | middle | last);
}

// All bytes ORed together, as mask_small() returns them. Requires: size <= kSmallSize.
[[gnu::always_inline]] inline std::uint64_t or_small(const std::uint8_t* text, std::size_t size) {
  if (size >= 16) {
    Word16 all = load_word<Word16>(text) | load_word<Word16>(text + size - 16);
    if (size > 32) all |= load_word<Word16>(text + 16) | load_word<Word16>(text + size - 32);
    return all[0] | all[1];
  }
  if (size >= 8) return load_word<std::uint64_t>(text) | load_word<std::uint64_t>(text + size - 8);
  if (size >= 4) return load_word<std::uint32_t>(text) | load_word<std::uint32_t>(text + size - 4);
  if (size == 0) return 0;
  return static_cast<std::uint64_t>(text[0] | text[size / 2] | text[size - 1]);
}

}  // namespace brume::codec

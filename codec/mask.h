// mask.h: XOR of a payload with its 4-byte mask key (RFC 6455, section 5.3), at memory speed.
//
// Pure functions; any thread. Up to 64 bytes are done inline; for more the kernel (scalar, AVX2, AVX-512, NEON) is
// chosen once a process from what the processor has (kernels/dispatch.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <brume/codec/frame_header.h>
#include <brume/codec/kernels/small.h>

namespace brume::codec {

// The key as a word in memory order, rotated to where a byte at `offset` meets the first byte of the word.
inline std::uint32_t mask_word(const MaskKey& key, std::size_t offset) {
  return key_at(load_word<std::uint32_t>(reinterpret_cast<const std::uint8_t*>(key.data())), offset);
}

// apply_mask() for any size, by the best kernel. `word` is mask_word() of the first byte.
void apply_mask_by_kernel(std::span<std::byte> out, std::span<const std::byte> in, std::uint32_t word);

// Writes to `out` the bytes of `in` XORed with `key`, the first of them with key[offset % 4].
// `out` and `in` are the same bytes or do not overlap. Requires out.size() >= in.size().
// Masking and unmasking are the same operation.
inline void apply_mask(std::span<std::byte> out, std::span<const std::byte> in, const MaskKey& key,
                       std::size_t offset = 0) {
  const std::uint32_t word = mask_word(key, offset);
  if (in.size() > kSmallSize) {
    apply_mask_by_kernel(out, in, word);
    return;
  }
  mask_small(reinterpret_cast<std::uint8_t*>(out.data()), reinterpret_cast<const std::uint8_t*>(in.data()), in.size(),
             word);
}

}  // namespace brume::codec

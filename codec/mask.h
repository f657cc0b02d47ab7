// mask.h: XOR of a payload with its 4-byte mask key (RFC 6455, section 5.3), at memory speed.
//
// Pure functions; any thread. The kernel (scalar, AVX2, AVX-512, NEON) is chosen once a process from what the
// processor has (kernels/dispatch.h).
#pragma once

#include <cstddef>
#include <span>

#include <brume/codec/frame_header.h>

namespace brume::codec {

// Writes to `out` the bytes of `in` XORed with `key`, the first of them with key[offset % 4].
// `out` and `in` are the same bytes or do not overlap. Requires out.size() >= in.size().
// Masking and unmasking are the same operation.
void apply_mask(std::span<std::byte> out, std::span<const std::byte> in, const MaskKey& key, std::size_t offset = 0);

}  // namespace brume::codec

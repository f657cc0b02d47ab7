// text.h: text in pieces through a set of kernels: the state between them, and the last word on the first bad byte.
//
// Pure functions; any thread. What Utf8Validator (utf8.h) does for the best kernels, tests do for each set.
#pragma once

#include <cstddef>
#include <cstdint>

#include <brume/codec/kernels/kernel_set.h>
#include <brume/codec/kernels/utf8_dfa.h>

namespace brume::codec {

// The state after `size` more bytes of text in state `state`.
Utf8State feed_text(const KernelSet& kernels, Utf8State state, const std::uint8_t* text, std::size_t size);

// The same for masked bytes, which are written unmasked to `out` as KernelSet::unmask_validate does.
Utf8State feed_masked_text(const KernelSet& kernels, Utf8State state, std::uint8_t* out, const std::uint8_t* in,
                           std::size_t size, std::uint32_t key);

}  // namespace brume::codec

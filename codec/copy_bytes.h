// copy_bytes.h: memcpy for spans.
//
// Pure; any thread. There because std::ranges::copy copies spans byte by byte in libstdc++ 12.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace brume::codec {

// Copies `in` to the front of `out`; they do not overlap, and either may be empty and point nowhere.
// Requires: out.size() >= in.size().
inline void copy_bytes(std::span<std::byte> out, std::span<const std::byte> in) {
  if (!in.empty()) std::memcpy(out.data(), in.data(), in.size());
}

}  // namespace brume::codec

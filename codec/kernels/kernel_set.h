// kernel_set.h: the loops over payload bytes that differ from processor to processor, one table for each.
//
// Pure functions; any thread. The tables are constants that live as long as the program; dispatch.h says which of
// them this processor can run. Kernel files are compiled function by function for instructions that may be missing
// (target attributes), so they include only this folder, <cstddef>, <cstdint> and the intrinsics: an inline function
// of another header, compiled there with vector code, could be the one the linker keeps for everybody.
#pragma once

#include <cstddef>
#include <cstdint>

namespace brume::codec {

struct KernelSet {
  const char* name;

  // out[i] = in[i] ^ byte i % 4 of `key`, whose bytes are in memory order. Any size and alignment; `out` and `in` are
  // the same bytes or do not overlap.
  void (*mask)(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key);

  // Takes text that starts between code points and returns the size of a prefix made of whole, valid code points.
  // What is left holds the first bad byte, within kMaxUnjudgedSize bytes, or is an unfinished code point at the end
  // (or what may be the start of one): utf8_dfa.h has the last word on it.
  std::size_t (*validate)(const std::uint8_t* text, std::size_t size);

  // Both in one pass; validates what it wrote. Where a bad byte is found, the bytes of `out` behind it are
  // unspecified, else all of it is written.
  std::size_t (*unmask_validate)(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key);
};

inline constexpr std::size_t kMaxUnjudgedSize = 512;

extern const KernelSet kScalarKernels;
#if defined(__x86_64__)
extern const KernelSet kAvx2Kernels;
extern const KernelSet kAvx512Kernels;
#elif defined(__aarch64__)
extern const KernelSet kNeonKernels;
#endif

}  // namespace brume::codec

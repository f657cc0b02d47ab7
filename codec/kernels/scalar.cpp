// scalar.cpp: the kernels in plain C++, for any processor and as the measure of all others.
#include <brume/codec/kernels/kernel_set.h>
#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/utf8_dfa.h>

namespace brume::codec {
namespace {

void mask(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  if (size <= kSmallSize) {
    mask_small(out, in, size, key);
    return;
  }
  const std::uint64_t keys = repeat_key(key);
  const std::uint64_t last = load_word<std::uint64_t>(in + size - 8) ^ repeat_key(key_at(key, size));
  for (std::size_t at = 0; at < size - 8; at += 8) store_word(out + at, load_word<std::uint64_t>(in + at) ^ keys);
  store_word(out + size - 8, last);
}

std::size_t validate(const std::uint8_t* text, std::size_t size) {
  constexpr std::size_t kStep = 16;
  Utf8State state = kBetweenCodePoints;
  std::size_t at = 0;
  while (at < size) {
    const std::size_t step = size - at < kStep ? size - at : kStep;
    if (state == kBetweenCodePoints && (or_small(text + at, step) & kHighBits) == 0) {
      at += step;
      continue;
    }
    state = run_utf8(state, text + at, step);
    if (state == kImpossible) return at - unfinished_size(text, at);
    at += step;
  }
  return size - unfinished_size(text, size);
}

// Block by block, so that what is validated lies in the first-level cache.
std::size_t unmask_validate(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  constexpr std::size_t kBlock = 4096;  // a multiple of the key's size
  std::size_t good = 0;
  for (std::size_t at = 0; at < size; at += kBlock) {
    const std::size_t end = size - at < kBlock ? size : at + kBlock;
    mask(out + at, in + at, end - at, key);
    good += validate(out + good, end - good);
    if (end - good > unfinished_size(out, end)) return good;
  }
  return good;
}

}  // namespace

constinit const KernelSet kScalarKernels = {"scalar", mask, validate, unmask_validate};

}  // namespace brume::codec

#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/text.h>

namespace brume::codec {
namespace {

// Below this the automaton is done before a kernel has its tables loaded.
constexpr std::size_t kMinKernelSize = 32;

// Stops soon after a bad byte.
Utf8State run_dfa(Utf8State state, const std::uint8_t* text, std::size_t size) {
  constexpr std::size_t kStep = 64;
  for (; size > kStep && state != kImpossible; text += kStep, size -= kStep) state = run_utf8(state, text, kStep);
  return state == kImpossible ? state : run_utf8(state, text, size);
}

bool inside_code_point(Utf8State state) {
  return state != kBetweenCodePoints && state != kImpossible;
}

}  // namespace

Utf8State feed_text(const KernelSet& kernels, Utf8State state, const std::uint8_t* text, std::size_t size) {
  if (size < kMinKernelSize) return run_utf8(state, text, size);
  std::size_t at = 0;
  while (inside_code_point(state)) state = utf8_state(step_utf8(state, text[at++]));  // at most three bytes
  if (state == kBetweenCodePoints) at += kernels.validate(text + at, size - at);
  return run_dfa(state, text + at, size - at);
}

Utf8State feed_masked_text(const KernelSet& kernels, Utf8State state, std::uint8_t* out, const std::uint8_t* in,
                           std::size_t size, std::uint32_t key) {
  if (size <= kSmallSize) {
    mask_small(out, in, size, key);
    return feed_text(kernels, state, out, size);
  }
  std::size_t at = 0;
  for (; inside_code_point(state); ++at) {  // at most three bytes
    mask_small(out + at, in + at, 1, key_at(key, at));
    state = utf8_state(step_utf8(state, out[at]));
  }
  if (state == kBetweenCodePoints) at += kernels.unmask_validate(out + at, in + at, size - at, key_at(key, at));
  return run_dfa(state, out + at, size - at);
}

}  // namespace brume::codec

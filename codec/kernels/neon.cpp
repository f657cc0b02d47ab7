// neon.cpp: the kernels for aarch64, whose every processor has NEON; validation by lookups of pairs (utf8_pairs.h).
#include <brume/codec/kernels/kernel_set.h>
#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/utf8_dfa.h>
#include <brume/codec/kernels/utf8_pairs.h>

#if defined(__aarch64__)

#include <arm_neon.h>

namespace brume::codec {
namespace {

constexpr std::size_t kVector = 16;
constexpr std::size_t kGroup = 4 * kVector;

uint8x16_t broadcast_key(std::uint32_t key) {
  return vreinterpretq_u8_u32(vdupq_n_u32(key));
}

void mask(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  if (size <= kSmallSize) {
    mask_small(out, in, size, key);
    return;
  }
  const uint8x16_t keys = broadcast_key(key);
  const uint8x16_t last = veorq_u8(vld1q_u8(in + size - kVector), broadcast_key(key_at(key, size)));
  std::size_t at = 0;
  for (; size - at > kGroup; at += kGroup) {
    const uint8x16_t a = veorq_u8(vld1q_u8(in + at), keys);
    const uint8x16_t b = veorq_u8(vld1q_u8(in + at + kVector), keys);
    const uint8x16_t c = veorq_u8(vld1q_u8(in + at + 2 * kVector), keys);
    const uint8x16_t d = veorq_u8(vld1q_u8(in + at + 3 * kVector), keys);
    vst1q_u8(out + at, a);
    vst1q_u8(out + at + kVector, b);
    vst1q_u8(out + at + 2 * kVector, c);
    vst1q_u8(out + at + 3 * kVector, d);
  }
  for (; size - at > kVector; at += kVector) vst1q_u8(out + at, veorq_u8(vld1q_u8(in + at), keys));
  vst1q_u8(out + size - kVector, last);
}

// Judges vectors one after the other.
struct Judge {
  uint8x16_t first_high = vld1q_u8(kUtf8Pairs.first_high);
  uint8x16_t first_low = vld1q_u8(kUtf8Pairs.first_low);
  uint8x16_t second_high = vld1q_u8(kUtf8Pairs.second_high);
  uint8x16_t before = vdupq_n_u8(0);  // the vector before
  uint8x16_t broken = vdupq_n_u8(0);  // not 0: a rule was broken

  // The rules each byte breaks.
  uint8x16_t rules_broken(uint8x16_t text) const {
    const uint8x16_t one_back = vextq_u8(before, text, 15);
    const uint8x16_t pair = vandq_u8(vandq_u8(vqtbl1q_u8(first_high, vshrq_n_u8(one_back, 4)),
                                              vqtbl1q_u8(first_low, vandq_u8(one_back, vdupq_n_u8(0x0F)))),
                                     vqtbl1q_u8(second_high, vshrq_n_u8(text, 4)));
    // The high bit is left exactly where a lead byte two or three back asks for a second or third continuation.
    const uint8x16_t third = vcgeq_u8(vextq_u8(before, text, 14), vdupq_n_u8(0xE0));
    const uint8x16_t fourth = vcgeq_u8(vextq_u8(before, text, 13), vdupq_n_u8(0xF0));
    return veorq_u8(pair, vandq_u8(vorrq_u8(third, fourth), vdupq_n_u8(kTwoContinuations)));
  }

  void judge(uint8x16_t text) {
    broken = vorrq_u8(broken, rules_broken(text));
    before = text;
  }

  // Whether the vector before ends inside a code point.
  bool owed() const {
    return vgetq_lane_u8(before, 15) >= 0xC0 || vgetq_lane_u8(before, 14) >= 0xE0 || vgetq_lane_u8(before, 13) >= 0xF0;
  }

  bool bad() const { return vmaxvq_u8(broken) != 0; }
};

// A vector that starts with n bytes FF is 16 - n bytes into it.
constexpr std::uint8_t kFirstBytes[2 * kVector] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                                   0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

template <bool kUnmask>
std::size_t scan(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  const std::uint8_t* text = kUnmask ? out : in;
  const uint8x16_t keys = broadcast_key(key);
  Judge judge;
  // The end, to see whether the last bytes are ASCII; loaded before anything is stored, which may be in its place.
  const uint8x16_t end =
      size >= kVector ? veorq_u8(vld1q_u8(in + size - kVector), broadcast_key(key_at(key, size))) : vdupq_n_u8(0x80);
  std::size_t at = 0;
  for (; size - at >= kGroup; at += kGroup) {
    uint8x16_t a = vld1q_u8(in + at);
    uint8x16_t b = vld1q_u8(in + at + kVector);
    uint8x16_t c = vld1q_u8(in + at + 2 * kVector);
    uint8x16_t d = vld1q_u8(in + at + 3 * kVector);
    if constexpr (kUnmask) {
      a = veorq_u8(a, keys);
      b = veorq_u8(b, keys);
      c = veorq_u8(c, keys);
      d = veorq_u8(d, keys);
      vst1q_u8(out + at, a);
      vst1q_u8(out + at + kVector, b);
      vst1q_u8(out + at + 2 * kVector, c);
      vst1q_u8(out + at + 3 * kVector, d);
    }
    if (vmaxvq_u8(vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d))) < 0x80 && !judge.owed()) {
      judge.before = d;
      continue;
    }
    judge.judge(a);
    judge.judge(b);
    judge.judge(c);
    judge.judge(d);
    if (judge.bad()) return at - unfinished_size(text, at);
  }
  uint8x16_t all = end;
  for (std::size_t next = at; size - next >= kVector; next += kVector)
    all = vorrq_u8(all, veorq_u8(vld1q_u8(in + next), keys));
  if (vmaxvq_u8(all) < 0x80 && !judge.owed()) {
    if constexpr (kUnmask) mask(out + at, in + at, size - at, key);
    return size;
  }
  const std::size_t start = at;
  for (; size - at >= kVector; at += kVector) {
    uint8x16_t whole = vld1q_u8(in + at);
    if constexpr (kUnmask) {
      whole = veorq_u8(whole, keys);
      vst1q_u8(out + at, whole);
    }
    judge.judge(whole);
  }
  if (const std::size_t rest = size - at; rest != 0) {
    if constexpr (kUnmask) mask_small(out + at, in + at, rest, key);
    std::uint8_t padded[kVector] = {};
    __builtin_memcpy(padded, text + at, rest);
    // A code point cut off by the end breaks a rule only behind it.
    judge.broken =
        vorrq_u8(judge.broken, vandq_u8(judge.rules_broken(vld1q_u8(padded)), vld1q_u8(kFirstBytes + kVector - rest)));
  }
  if (judge.bad()) return start - unfinished_size(text, start);
  return size - unfinished_size(text, size);
}

std::size_t validate(const std::uint8_t* text, std::size_t size) {
  return scan<false>(nullptr, text, size, 0);
}

std::size_t unmask_validate(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  return scan<true>(out, in, size, key);
}

}  // namespace

constinit const KernelSet kNeonKernels = {"neon", mask, validate, unmask_validate};

}  // namespace brume::codec

#endif

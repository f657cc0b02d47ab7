// avx2.cpp: the kernels for AVX2; validation by lookups of pairs (utf8_pairs.h).
#include <brume/codec/kernels/kernel_set.h>
#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/utf8_dfa.h>
#include <brume/codec/kernels/utf8_pairs.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define BRUME_AVX2 [[gnu::target("avx2")]]
#define BRUME_AVX2_INLINE BRUME_AVX2 [[gnu::always_inline]] inline

namespace brume::codec {
namespace {

constexpr std::size_t kVector = 32;
constexpr std::size_t kGroup = 4 * kVector;

BRUME_AVX2_INLINE __m256i load(const std::uint8_t* from) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

BRUME_AVX2_INLINE void store(std::uint8_t* to, __m256i vector) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), vector);
}

BRUME_AVX2_INLINE __m256i broadcast_key(std::uint32_t key) {
  return _mm256_set1_epi32(static_cast<int>(key));
}

BRUME_AVX2_INLINE __m256i broadcast_byte(unsigned byte) {
  return _mm256_set1_epi8(static_cast<char>(byte));
}

BRUME_AVX2_INLINE bool is_zero(__m256i vector) {
  return _mm256_testz_si256(vector, vector) != 0;
}

BRUME_AVX2 void mask(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  if (size <= kSmallSize) {
    mask_small(out, in, size, key);
    return;
  }
  // Both ends are loaded before anything is stored and stored last, so the middle may overlap them. It starts where
  // stores are aligned.
  const __m256i first = _mm256_xor_si256(load(in), broadcast_key(key));
  const __m256i last = _mm256_xor_si256(load(in + size - kVector), broadcast_key(key_at(key, size)));
  std::size_t at = -reinterpret_cast<std::uintptr_t>(out) % kVector;
  const __m256i keys = broadcast_key(key_at(key, at));
  for (; size - at > kGroup; at += kGroup) {
    const __m256i a = _mm256_xor_si256(load(in + at), keys);
    const __m256i b = _mm256_xor_si256(load(in + at + kVector), keys);
    const __m256i c = _mm256_xor_si256(load(in + at + 2 * kVector), keys);
    const __m256i d = _mm256_xor_si256(load(in + at + 3 * kVector), keys);
    store(out + at, a);
    store(out + at + kVector, b);
    store(out + at + 2 * kVector, c);
    store(out + at + 3 * kVector, d);
  }
  for (; size - at > kVector; at += kVector) store(out + at, _mm256_xor_si256(load(in + at), keys));
  store(out, first);
  store(out + size - kVector, last);
}

// The vector `kBack` bytes before `text`, the vector before that being `before`.
template <int kBack>
BRUME_AVX2_INLINE __m256i shifted(__m256i before, __m256i text) {
  return _mm256_alignr_epi8(text, _mm256_permute2x128_si256(before, text, 0x21), 16 - kBack);
}

// Judges vectors one after the other.
struct Judge {
  __m256i first_high, first_low, second_high;
  __m256i before;  // the vector before
  __m256i broken;  // not 0: a rule was broken

  BRUME_AVX2_INLINE static __m256i table(const std::uint8_t (&entries)[16]) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(entries)));
  }

  BRUME_AVX2_INLINE void start() {
    first_high = table(kUtf8Pairs.first_high);
    first_low = table(kUtf8Pairs.first_low);
    second_high = table(kUtf8Pairs.second_high);
    before = broken = _mm256_setzero_si256();
  }

  // The rules each byte breaks.
  BRUME_AVX2_INLINE __m256i rules_broken(__m256i text) const {
    const __m256i low_half = broadcast_byte(0x0F);
    const __m256i one_back = shifted<1>(before, text);
    const __m256i pair = _mm256_and_si256(
        _mm256_and_si256(_mm256_shuffle_epi8(first_high, _mm256_and_si256(_mm256_srli_epi16(one_back, 4), low_half)),
                         _mm256_shuffle_epi8(first_low, _mm256_and_si256(one_back, low_half))),
        _mm256_shuffle_epi8(second_high, _mm256_and_si256(_mm256_srli_epi16(text, 4), low_half)));
    // The high bit is left exactly where a lead byte two or three back asks for a second or third continuation.
    const __m256i third = _mm256_subs_epu8(shifted<2>(before, text), broadcast_byte(0xE0 - kTwoContinuations));
    const __m256i fourth = _mm256_subs_epu8(shifted<3>(before, text), broadcast_byte(0xF0 - kTwoContinuations));
    const __m256i asked = _mm256_and_si256(_mm256_or_si256(third, fourth), broadcast_byte(kTwoContinuations));
    return _mm256_xor_si256(pair, asked);
  }

  BRUME_AVX2_INLINE void judge(__m256i text) {
    broken = _mm256_or_si256(broken, rules_broken(text));
    before = text;
  }

  // Whether the vector before ends inside a code point.
  BRUME_AVX2_INLINE bool owed() const {
    const __m256i largest =
        _mm256_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
                         -1, -1, -1, -1, -1, static_cast<char>(0xEF), static_cast<char>(0xDF), static_cast<char>(0xBF));
    return !is_zero(_mm256_subs_epu8(before, largest));
  }

  BRUME_AVX2_INLINE bool bad() const { return !is_zero(broken); }
};

// A vector that starts with n bytes FF is 32 - n bytes into it.
struct FirstBytes {
  std::uint8_t bytes[2 * kVector];
};

consteval FirstBytes make_first_bytes() {
  FirstBytes first{};
  for (unsigned at = 0; at < kVector; ++at) first.bytes[at] = 0xFF;
  return first;
}

constexpr FirstBytes kFirstBytes = make_first_bytes();

template <bool kUnmask>
BRUME_AVX2_INLINE std::size_t scan(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  const std::uint8_t* text = kUnmask ? out : in;
  const __m256i keys = broadcast_key(key);
  Judge judge;
  judge.start();
  // The end, to see whether the last bytes are ASCII; loaded before anything is stored, which may be in its place.
  const __m256i end = size >= kVector ? _mm256_xor_si256(load(in + size - kVector), broadcast_key(key_at(key, size)))
                                      : broadcast_byte(0x80);
  std::size_t at = 0;
  for (; size - at >= kGroup; at += kGroup) {
    __m256i a = load(in + at);
    __m256i b = load(in + at + kVector);
    __m256i c = load(in + at + 2 * kVector);
    __m256i d = load(in + at + 3 * kVector);
    if constexpr (kUnmask) {
      a = _mm256_xor_si256(a, keys);
      b = _mm256_xor_si256(b, keys);
      c = _mm256_xor_si256(c, keys);
      d = _mm256_xor_si256(d, keys);
      store(out + at, a);
      store(out + at + kVector, b);
      store(out + at + 2 * kVector, c);
      store(out + at + 3 * kVector, d);
    }
    const __m256i all = _mm256_or_si256(_mm256_or_si256(a, b), _mm256_or_si256(c, d));
    if (_mm256_movemask_epi8(all) == 0 && !judge.owed()) {
      judge.before = d;
      continue;
    }
    judge.judge(a);
    judge.judge(b);
    judge.judge(c);
    judge.judge(d);
    if (judge.bad()) return at - unfinished_size(text, at);
  }
  __m256i all = end;
  for (std::size_t next = at; size - next >= kVector; next += kVector)
    all = _mm256_or_si256(all, _mm256_xor_si256(load(in + next), keys));
  if (_mm256_movemask_epi8(all) == 0 && !judge.owed()) {
    if constexpr (kUnmask) mask(out + at, in + at, size - at, key);
    return size;
  }
  const std::size_t start = at;
  for (; size - at >= kVector; at += kVector) {
    __m256i whole = load(in + at);
    if constexpr (kUnmask) {
      whole = _mm256_xor_si256(whole, keys);
      store(out + at, whole);
    }
    judge.judge(whole);
  }
  if (const std::size_t rest = size - at; rest != 0) {
    if constexpr (kUnmask) mask_small(out + at, in + at, rest, key);
    alignas(kVector) std::uint8_t padded[kVector] = {};
    __builtin_memcpy(padded, text + at, rest);
    // A code point cut off by the end breaks a rule only behind it.
    judge.broken = _mm256_or_si256(
        judge.broken, _mm256_and_si256(judge.rules_broken(load(padded)), load(kFirstBytes.bytes + kVector - rest)));
  }
  if (judge.bad()) return start - unfinished_size(text, start);
  return size - unfinished_size(text, size);
}

BRUME_AVX2 std::size_t validate(const std::uint8_t* text, std::size_t size) {
  return scan<false>(nullptr, text, size, 0);
}

BRUME_AVX2 std::size_t unmask_validate(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  return scan<true>(out, in, size, key);
}

}  // namespace

constinit const KernelSet kAvx2Kernels = {"avx2", mask, validate, unmask_validate};

}  // namespace brume::codec

#endif

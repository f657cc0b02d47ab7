// avx512.cpp: the kernels for AVX-512 with VBMI (Ice Lake, Zen 4 and later).
//
// Validation goes by what the byte before demands. One lookup (VPERMB) tells what is known of a lead byte, a second one
// which lead bytes a continuation may not follow, and the AND of the two, a byte apart, must be 0. The second sees only
// the low six bits, so other bytes forbid something as well: harmless, for behind a lead byte they are wrong anyway.
// Whether continuations are exactly where they have to be is worked out in the highest bit of each byte. Masks of a bit
// a byte would be shorter to write, but on Zen 4 moving one to a general register takes two cycles.
#include <brume/codec/kernels/kernel_set.h>
#include <brume/codec/kernels/small.h>
#include <brume/codec/kernels/utf8_dfa.h>

#if defined(__x86_64__)

#include <immintrin.h>

#define BRUME_AVX512 [[gnu::target("avx512f,avx512bw,avx512vbmi,bmi,bmi2")]]
#define BRUME_AVX512_INLINE BRUME_AVX512 [[gnu::always_inline]] inline

namespace brume::codec {
namespace {

constexpr std::size_t kVector = 64;
constexpr std::size_t kGroup = 4 * kVector;
constexpr std::size_t kMinAligned = 2048;  // from here on it pays to begin at a boundary

BRUME_AVX512_INLINE __m512i load(const std::uint8_t* from) {
  return _mm512_loadu_si512(from);
}

BRUME_AVX512_INLINE void store(std::uint8_t* to, __m512i vector) {
  _mm512_storeu_si512(to, vector);
}

BRUME_AVX512_INLINE __m512i broadcast_key(std::uint32_t key) {
  return _mm512_set1_epi32(static_cast<int>(key));
}

// Bytes up to the next multiple of the vector's size, 0 to 63.
std::size_t size_to_boundary(const std::uint8_t* at) {
  return -reinterpret_cast<std::uintptr_t>(at) % kVector;
}

// Requires: size < kVector.
std::uint64_t first_lanes(std::size_t size) {
  return ~(~0ull << size);
}

BRUME_AVX512 void mask(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  if (size <= kSmallSize) {
    mask_small(out, in, size, key);
    return;
  }
  // Both ends are loaded before anything is stored and stored last, so the middle may overlap them. It starts where
  // stores are aligned.
  const __m512i first = _mm512_xor_si512(load(in), broadcast_key(key));
  const __m512i last = _mm512_xor_si512(load(in + size - kVector), broadcast_key(key_at(key, size)));
  std::size_t at = size_to_boundary(out);
  const __m512i keys = broadcast_key(key_at(key, at));
  for (; size - at > kGroup; at += kGroup) {
    const __m512i a = _mm512_xor_si512(load(in + at), keys);
    const __m512i b = _mm512_xor_si512(load(in + at + kVector), keys);
    const __m512i c = _mm512_xor_si512(load(in + at + 2 * kVector), keys);
    const __m512i d = _mm512_xor_si512(load(in + at + 3 * kVector), keys);
    store(out + at, a);
    store(out + at + kVector, b);
    store(out + at + 2 * kVector, c);
    store(out + at + 3 * kVector, d);
  }
  for (; size - at > kVector; at += kVector) store(out + at, _mm512_xor_si512(load(in + at), keys));
  store(out, first);
  store(out + size - kVector, last);
}

// What is known of a byte, a bit each. The lead bytes that not every continuation may follow have their own; C0, C1
// and F5 to FF, which nothing may follow, share one.
constexpr std::uint8_t kE0 = 0x01, kEd = 0x02, kF0 = 0x04, kF4 = 0x08, kNever = 0x10, kFourBytes = 0x40, kLead = 0x80;

struct Lookup {
  alignas(kVector) std::uint8_t entry[kVector];
};

consteval Lookup make_leads() {  // by the low six bits of a byte from C0 on
  Lookup lookup{};
  for (unsigned low = 0; low < kVector; ++low) {
    const unsigned byte = 0xC0 + low;
    lookup.entry[low] = kLead;
    if (byte >= 0xF0) lookup.entry[low] |= kFourBytes;
    if (byte <= 0xC1 || byte >= 0xF5) lookup.entry[low] |= kNever;
    if (byte == 0xE0) lookup.entry[low] |= kE0;
    if (byte == 0xED) lookup.entry[low] |= kEd;
    if (byte == 0xF0) lookup.entry[low] |= kF0;
    if (byte == 0xF4) lookup.entry[low] |= kF4;
  }
  return lookup;
}

consteval Lookup make_forbidden() {  // by the low six bits of a continuation: the leads it may not follow
  Lookup lookup{};
  for (unsigned low = 0; low < kVector; ++low) {
    const unsigned byte = 0x80 + low;
    lookup.entry[low] = kNever;
    lookup.entry[low] |= byte < 0xA0 ? kE0 : kEd;
    lookup.entry[low] |= byte < 0x90 ? kF0 : kF4;
  }
  return lookup;
}

consteval Lookup make_back(unsigned distance) {  // for VPERMI2B: the end of the vector before, then this one
  Lookup lookup{};
  for (unsigned at = 0; at < kVector; ++at) lookup.entry[at] = static_cast<std::uint8_t>(kVector - distance + at);
  return lookup;
}

constexpr Lookup kLeads = make_leads();
constexpr Lookup kForbidden = make_forbidden();
constexpr Lookup kOneBack = make_back(1);
constexpr Lookup kTwoBack = make_back(2);
constexpr Lookup kPlaces = make_back(kVector);  // each lane's own number

BRUME_AVX512_INLINE __m512i broadcast_byte(unsigned byte) {
  return _mm512_set1_epi8(static_cast<char>(byte));
}

BRUME_AVX512_INLINE __m512i table(const Lookup& lookup) {
  return _mm512_load_si512(lookup.entry);
}

// Judges vectors one after the other.
struct Judge {
  __m512i leads, forbidden, one_back, two_back;
  __m512i known;      // of each byte of the vector before
  __m512i more;       // of the vector before; a high bit: two bytes on has to be a continuation
  __m512i misplaced;  // a high bit: a continuation is missing, or there is one too many
  __m512i broken;     // not 0: a continuation that its lead byte does not allow

  BRUME_AVX512_INLINE void start() {
    leads = table(kLeads);
    forbidden = table(kForbidden);
    one_back = table(kOneBack);
    two_back = table(kTwoBack);
    known = more = misplaced = broken = _mm512_setzero_si512();
  }

  // `lanes`: which bytes count. The others are 0.
  BRUME_AVX512_INLINE void judge(__m512i text, std::uint64_t lanes = ~0ull) {
    const __mmask64 lead = _mm512_cmpge_epu8_mask(text, broadcast_byte(0xC0));
    const __m512i now = _mm512_maskz_permutexvar_epi8(lead, text, leads);
    const __m512i before = _mm512_permutex2var_epi8(known, one_back, now);

    // High bits from here on. A byte from E0 on asks for a continuation two bytes on; so does, a byte later, one from
    // F0 on: kFourBytes, moved up by one.
    const __m512i from_e0 = _mm512_subs_epu8(text, broadcast_byte(0xE0 - 0x80));
    const __m512i asks = _mm512_or_si512(from_e0, _mm512_add_epi8(before, before));
    const __m512i asked = _mm512_permutex2var_epi8(more, two_back, asks);
    // Continuations are where the highest bit is set and the second highest is not. They have to be behind a lead byte
    // and where they are asked for; both at once is wrong too, but then the byte before was misplaced.
    const __m512i unled = _mm512_ternarylogic_epi64(text, _mm512_add_epi8(text, text), before, kAndNotXor);
    const __m512i breaks = _mm512_maskz_permutexvar_epi8(lanes, text, forbidden);
    misplaced = _mm512_ternarylogic_epi64(misplaced, unled, asked, kOrXor);
    broken = _mm512_ternarylogic_epi64(broken, before, breaks, kOrAnd);
    known = now;
    more = asks;
  }

  // Whether the vector before ends inside a code point.
  BRUME_AVX512_INLINE bool owed() const {
    return (_mm512_movepi8_mask(known) >> 63 | _mm512_movepi8_mask(more) >> 62) != 0;
  }

  BRUME_AVX512_INLINE bool bad() const {
    return _mm512_movepi8_mask(misplaced) != 0 || _mm512_test_epi64_mask(broken, broken) != 0;
  }

  // Immediates of VPTERNLOG.
  static constexpr int kOrAnd = 0xF8;      // a | (b & c)
  static constexpr int kOr3 = 0xFE;        // a | b | c
  static constexpr int kAndNotXor = 0x9A;  // (a & ~b) ^ c
  static constexpr int kOrXor = 0xF6;      // a | (b ^ c)
};

// Whether less than a group of text is ASCII, once unmasked.
BRUME_AVX512_INLINE bool is_ascii(const std::uint8_t* in, std::size_t size, __m512i keys) {
  __m512i all = _mm512_setzero_si512();
  for (; size >= kVector; in += kVector, size -= kVector) all = _mm512_or_si512(all, _mm512_xor_si512(load(in), keys));
  const std::uint64_t lanes = first_lanes(size);
  const __m512i last = _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, in), keys);
  return (_mm512_movepi8_mask(all) | (_mm512_movepi8_mask(last) & lanes)) == 0;
}

template <bool kUnmask>
BRUME_AVX512_INLINE std::size_t scan(std::uint8_t* out, const std::uint8_t* in, std::size_t size, std::uint32_t key) {
  const std::uint8_t* text = kUnmask ? out : in;
  Judge judge;
  judge.start();
  std::size_t at = 0;
  if (size >= kMinAligned) {
    // The first bytes, up to a boundary, at the end of a vector of their own.
    at = size_to_boundary(text);
    const __m512i first = _mm512_xor_si512(load(in), broadcast_key(key));
    const __m512i places = _mm512_add_epi8(table(kPlaces), broadcast_byte(static_cast<unsigned>(at)));
    const __m512i head = _mm512_maskz_permutexvar_epi8(~(~0ull >> at), places, first);
    if constexpr (kUnmask) mask_small(out, in, at, key);
    if (_mm512_movepi8_mask(head) != 0) {
      judge.judge(head);
      if (judge.bad()) return 0;
    }
    key = key_at(key, at);
  }
  const __m512i keys = broadcast_key(key);
  for (; size - at >= kGroup; at += kGroup) {
    const __m512i a = _mm512_xor_si512(load(in + at), keys);
    const __m512i b = _mm512_xor_si512(load(in + at + kVector), keys);
    const __m512i c = _mm512_xor_si512(load(in + at + 2 * kVector), keys);
    const __m512i d = _mm512_xor_si512(load(in + at + 3 * kVector), keys);
    if constexpr (kUnmask) {
      store(out + at, a);
      store(out + at + kVector, b);
      store(out + at + 2 * kVector, c);
      store(out + at + 3 * kVector, d);
    }
    const __m512i all = _mm512_or_si512(_mm512_ternarylogic_epi64(a, b, c, Judge::kOr3), d);
    if (_mm512_movepi8_mask(all) == 0 && !judge.owed()) continue;
    judge.judge(a);
    judge.judge(b);
    judge.judge(c);
    judge.judge(d);
    if (judge.bad()) return at - unfinished_size(text, at);
  }
  if (!judge.owed() && is_ascii(in + at, size - at, keys)) {
    if constexpr (kUnmask) mask(out + at, in + at, size - at, key);
    return size;
  }
  const std::size_t start = at;
  for (; size - at >= kVector; at += kVector) {
    const __m512i whole = _mm512_xor_si512(load(in + at), keys);
    if constexpr (kUnmask) store(out + at, whole);
    judge.judge(whole);
  }
  bool bad = judge.bad();
  if (const std::size_t rest = size - at; rest != 0) {
    const std::uint64_t lanes = first_lanes(rest);
    const __m512i last = _mm512_maskz_mov_epi8(lanes, _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, in + at), keys));
    // By words and not by lanes: what is read next often lies right behind, and would have to wait for a store whose
    // lanes overlap it.
    if constexpr (kUnmask) mask_small(out + at, in + at, rest, key);
    // A code point cut off by the end is misplaced only behind it.
    judge.misplaced = _mm512_setzero_si512();
    judge.judge(last, lanes);
    judge.misplaced = _mm512_maskz_mov_epi8(lanes, judge.misplaced);
    bad |= judge.bad();
  }
  if (bad) return start - unfinished_size(text, start);
  return size - unfinished_size(text, size);
}

BRUME_AVX512 std::size_t validate(const std::uint8_t* text, std::size_t size) {
  return scan<false>(nullptr, text, size, 0);
}

BRUME_AVX512 std::size_t unmask_validate(std::uint8_t* out, const std::uint8_t* in, std::size_t size,
                                         std::uint32_t key) {
  return scan<true>(out, in, size, key);
}

}  // namespace

constinit const KernelSet kAvx512Kernels = {"avx512", mask, validate, unmask_validate};

}  // namespace brume::codec

#endif

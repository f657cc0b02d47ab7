#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/utf8.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/utf8_reference.h>

namespace brume::codec {
namespace {

using test::Bytes;
using test::bytes_of;
using test::kTestKey;

std::span<const std::uint8_t> numbers(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// Index of the byte at which a validator fed byte by byte fails.
std::optional<std::size_t> first_refused(std::span<const std::byte> text) {
  Utf8Validator validator;
  for (std::size_t at = 0; at < text.size(); ++at)
    if (!validator.feed(text.subspan(at, 1))) return at;
  return std::nullopt;
}

const std::string kFog = "brume: 霧, туман, สายหมอก, 🌫️";

TEST(Utf8Validator, FailsAtExactlyTheByteThatNothingCouldFollow) {
  const auto refused_at = [](std::initializer_list<unsigned> text) { return first_refused(bytes_of(text)); };
  EXPECT_EQ(refused_at({0x80}), 0u);
  EXPECT_EQ(refused_at({0xC0}), 0u);
  EXPECT_EQ(refused_at({0xC1}), 0u);
  EXPECT_EQ(refused_at({0xF5}), 0u);
  EXPECT_EQ(refused_at({0xFF}), 0u);
  EXPECT_EQ(refused_at({0xC2, 0x41}), 1u);
  EXPECT_EQ(refused_at({0xE0, 0x80}), 1u);
  EXPECT_EQ(refused_at({0xE0, 0x9F}), 1u);
  EXPECT_EQ(refused_at({0xED, 0xA0}), 1u);
  EXPECT_EQ(refused_at({0xF0, 0x8F}), 1u);
  EXPECT_EQ(refused_at({0xF4, 0x90}), 1u);
  EXPECT_EQ(refused_at({0xE9, 0x9C, 0x41}), 2u);
  EXPECT_EQ(refused_at({0xF0, 0x9F, 0x98, 0xC2}), 3u);
  EXPECT_EQ(refused_at({0xF4, 0x8F, 0xBF, 0xBF}), std::nullopt);
  EXPECT_EQ(refused_at({0xEF, 0xBF, 0xBE}), std::nullopt);  // U+FFFE is no character, but a code point
}

// Behind a code point of each size, so that the byte before is no help.
TEST(Utf8Validator, FailsWhereTheGrammarSaysOnFourBytesAroundAllBorders) {
  for (const std::string_view before : {"", "~", "ß", "霧", "🌫"})
    for (const std::uint8_t a : test::kUtf8BorderBytes)
      for (const std::uint8_t b : test::kUtf8BorderBytes)
        for (const std::uint8_t c : test::kUtf8BorderBytes) {
          const Bytes text = test::join({bytes_of(before), bytes_of({a, b, c, 0x80})});
          ASSERT_EQ(first_refused(text), test::judge_utf8(numbers(text)).bad) << before << a + 0 << b + 0 << c + 0;
        }
}

TEST(Utf8Validator, SaysTheSameHoweverTheTextIsSplit) {
  for (const auto& ending : {bytes_of({}), bytes_of({0xE9, 0x9C}), bytes_of({0xED, 0xA0, 0x80}), bytes_of({0xFF})}) {
    const Bytes text = test::join({bytes_of(kFog), bytes_of(kFog), bytes_of(kFog), ending, bytes_of("...")});
    const auto bad = test::judge_utf8(numbers(text)).bad;
    for (std::size_t first = 0; first <= text.size(); ++first)
      for (std::size_t second = first; second <= text.size(); ++second) {
        const auto all = std::span(text);
        Utf8Validator validator;
        ASSERT_EQ(validator.feed(all.first(first)), !bad || *bad >= first);
        ASSERT_EQ(validator.feed(all.subspan(first, second - first)), !bad || *bad >= second);
        ASSERT_EQ(validator.feed(all.subspan(second)), !bad);
        ASSERT_EQ(validator.failed(), bad.has_value());
      }
  }
}

TEST(Utf8Validator, KnowsWhetherACodePointIsUnfinished) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.complete());
  for (const std::string_view fog : {"~", "ß", "霧", "🌫"}) {
    for (std::size_t at = 0; at < fog.size(); ++at) {
      EXPECT_TRUE(validator.feed(bytes_of(fog.substr(at, 1))));
      EXPECT_EQ(validator.complete(), at + 1 == fog.size());
    }
  }
  EXPECT_FALSE(validator.failed());
}

TEST(Utf8Validator, StaysFailedUntilItIsReset) {
  Utf8Validator validator;
  EXPECT_FALSE(validator.feed(bytes_of({0xFF})));
  const Bytes good = bytes_of(std::string(100, 'x'));
  for (const std::size_t size : {0u, 1u, 64u, 100u}) EXPECT_FALSE(validator.feed(std::span(good).first(size)));
  Bytes out(100);
  for (const std::size_t size : {0u, 1u, 64u, 100u}) {
    EXPECT_FALSE(validator.feed_masked(out, std::span(good).first(size), MaskKey{}, 0)) << size;
  }
  EXPECT_TRUE(validator.failed());
  EXPECT_FALSE(validator.complete());
  validator.reset();
  EXPECT_TRUE(validator.complete());
  EXPECT_TRUE(validator.feed(good));
}

TEST(Utf8Validator, UnmasksWhatItValidatesFromAnyOffset) {
  for (std::size_t size = 0; size <= 300; ++size) {
    std::string text;
    while (text.size() < size) text += size % 2 == 0 ? kFog : "fog ";
    const Bytes plain = bytes_of(std::string_view(text).substr(0, size));
    for (std::size_t offset = 0; offset < 4; ++offset) {
      Bytes masked(size);
      apply_mask(masked, plain, kTestKey, offset);
      Bytes out(size + 9, std::byte{0xEE});
      Utf8Validator apart;
      ASSERT_TRUE(apart.feed_masked(out, masked, kTestKey, offset)) << size;
      ASSERT_EQ(out, test::join({plain, Bytes(9, std::byte{0xEE})})) << size;
      Utf8Validator in_place;
      ASSERT_TRUE(in_place.feed_masked(masked, masked, kTestKey, offset)) << size;
      ASSERT_EQ(masked, plain) << size;
      Utf8Validator unmasked;
      ASSERT_TRUE(unmasked.feed(plain));
      ASSERT_EQ(apart.complete(), unmasked.complete()) << size;
      ASSERT_EQ(in_place.complete(), unmasked.complete()) << size;
    }
  }
}

TEST(Utf8Validator, RefusesMaskedTextAtTheSameBytesAsPlainText) {
  for (const auto& bad : {bytes_of({0xC0}), bytes_of({0xE0, 0x80}), bytes_of({0xF4, 0x90}), bytes_of({0xE9, 0x9C})})
    for (std::size_t before = 0; before < 200; ++before) {
      const Bytes text = test::join({bytes_of(std::string(before, 'x')), bad, bytes_of("xyz")});
      const std::size_t refused = *test::judge_utf8(numbers(text)).bad;
      Bytes bytes(text.size());
      apply_mask(bytes, text, kTestKey);
      const auto all = std::span(bytes);
      Utf8Validator validator;
      ASSERT_TRUE(validator.feed_masked(all.first(refused), all.first(refused), kTestKey, 0)) << before;
      const auto rest = all.subspan(refused);
      ASSERT_FALSE(validator.feed_masked(rest, rest, kTestKey, refused)) << before;
      ASSERT_EQ(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(refused)),
                Bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(refused)));

      apply_mask(bytes, text, kTestKey);
      Utf8Validator whole;
      ASSERT_FALSE(whole.feed_masked(bytes, bytes, kTestKey, 0)) << before;
      ASSERT_EQ(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(refused)),
                Bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(refused)));
    }
}

TEST(Utf8Validator, SeesABadByteAtEveryPositionOfEverySize) {
  for (std::size_t size = 1; size <= 130; ++size)
    for (std::size_t at = 0; at < size; ++at) {
      Bytes text = bytes_of(std::string(size, 'x'));
      text[at] = std::byte{0x80};
      Utf8Validator plain;
      ASSERT_FALSE(plain.feed(text)) << at << " of " << size;
      Bytes masked(size);
      apply_mask(masked, text, kTestKey);
      Utf8Validator unmasking;
      ASSERT_FALSE(unmasking.feed_masked(masked, masked, kTestKey, 0)) << at << " of " << size;
    }
}

TEST(Utf8Validator, TouchesNothingOutsideTheSpans) {
  test::GuardedBuffer buffer(4096);
  for (std::size_t size = 0; size <= 4096; size += size < 300 ? 1 : 53)
    for (const unsigned fill : {0x61u, 0xC3u}) {
      for (const auto span : {buffer.at_start(size), buffer.at_end(size)}) {
        std::ranges::fill(span, static_cast<std::byte>(fill));
        Utf8Validator validator;
        ASSERT_EQ(validator.feed(span), fill == 0x61 || size < 2);
        validator.reset();
        ASSERT_EQ(validator.feed_masked(span, span, MaskKey{}, 0), fill == 0x61 || size < 2);
      }
    }
}

TEST(Utf8Validator, IsAByteThatCanBeCopiedAnywhere) {
  static_assert(sizeof(Utf8Validator) == 1);
  static_assert(std::is_trivially_copyable_v<Utf8Validator>);
  Utf8Validator validator;
  EXPECT_TRUE(validator.feed({}));
  EXPECT_TRUE(validator.feed_masked({}, {}, kTestKey, 1));
  EXPECT_TRUE(validator.complete());
}

TEST(IsValidUtf8, TakesWholeTextsOnly) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8(kFog));
  EXPECT_TRUE(is_valid_utf8(std::string_view("\0", 1)));
  EXPECT_TRUE(is_valid_utf8(bytes_of("fog")));
  EXPECT_FALSE(is_valid_utf8("\xE9\x9C"));
  EXPECT_FALSE(is_valid_utf8("\xED\xA0\x80"));
  EXPECT_FALSE(is_valid_utf8(bytes_of({0x61, 0xFF})));
  EXPECT_FALSE(is_valid_utf8(std::string(5000, 'x') + "\xC2"));
}

TEST(TruncateUtf8, KeepsWholeCodePointsAndAsManyAsFit) {
  EXPECT_EQ(truncate_utf8("", 0), "");
  EXPECT_EQ(truncate_utf8("", 7), "");
  EXPECT_EQ(truncate_utf8("fog", 3), "fog");
  EXPECT_EQ(truncate_utf8("fog", 2), "fo");
  EXPECT_EQ(truncate_utf8("fog", 0), "");
  EXPECT_EQ(truncate_utf8("霧", 2), "");
  EXPECT_EQ(truncate_utf8("霧", 3), "霧");
  EXPECT_EQ(truncate_utf8("a霧", 3), "a");
  EXPECT_EQ(truncate_utf8("a🌫b", 4), "a");
  EXPECT_EQ(truncate_utf8("a🌫b", 5), "a🌫");
  for (std::size_t max = 0; max <= kFog.size() + 3; ++max) {
    const std::string_view kept = truncate_utf8(kFog, max);
    EXPECT_LE(kept.size(), max);
    EXPECT_TRUE(is_valid_utf8(kept)) << max;
    EXPECT_TRUE(std::string_view(kFog).starts_with(kept));
    EXPECT_GT(kept.size() + 4, std::min(max, kFog.size()));  // no code point has more than four bytes
  }
}

}  // namespace
}  // namespace brume::codec

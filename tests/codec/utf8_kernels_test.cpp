#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/kernels/dispatch.h>
#include <brume/codec/kernels/text.h>
#include <brume/codec/kernels/utf8_dfa.h>
#include <brume/tests/support/seeds.h>
#include <brume/tests/support/utf8_reference.h>

namespace brume::codec {
namespace {

using test::Utf8Verdict;
using Text = std::vector<std::uint8_t>;

// What the automaton says, byte by byte; another test compares it with the grammar.
Utf8Verdict judge_by_automaton(std::span<const std::uint8_t> text) {
  Utf8Verdict verdict;
  std::uint64_t state = kBetweenCodePoints;
  for (std::size_t at = 0; at < text.size(); ++at) {
    state = step_utf8(state, text[at]);
    if (utf8_state(state) == kImpossible) {
      verdict.bad = at;
      break;
    }
    if (utf8_state(state) == kBetweenCodePoints) verdict.whole = at + 1;
  }
  return verdict;
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string digits;
  for (const std::uint8_t byte : bytes) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    digits += {kDigits[byte / 16], kDigits[byte % 16], ' '};
  }
  return digits;
}

TEST(Utf8Automaton, AgreesWithTheGrammarOnAllSequencesOfUpToThreeBytes) {
  for (unsigned all = 0; all < 1u << 24; ++all) {
    const std::array text{static_cast<std::uint8_t>(all >> 16), static_cast<std::uint8_t>(all >> 8),
                          static_cast<std::uint8_t>(all)};
    for (std::size_t size = 3; size > 0; --size) {
      const auto front = std::span(text).first(size);
      ASSERT_EQ(judge_by_automaton(front), test::judge_utf8(front)) << hex(front);
      if (text[size - 1] != 0) break;  // this front has been judged
    }
  }
}

TEST(Utf8Automaton, AgreesWithTheGrammarOnFourBytesAroundAllBorders) {
  for (const std::uint8_t a : test::kUtf8BorderBytes)
    for (const std::uint8_t b : test::kUtf8BorderBytes)
      for (const std::uint8_t c : test::kUtf8BorderBytes)
        for (const std::uint8_t d : test::kUtf8BorderBytes) {
          const std::array text{a, b, c, d};
          ASSERT_EQ(judge_by_automaton(text), test::judge_utf8(text)) << hex(text);
        }
}

// A sequence somewhere in a longer text.
enum class Background : std::uint8_t {
  ascii,
  cjk,    // three-byte code points, whole in front of the sequence, whole or cut off behind the text
  mixed,  // code points of all sizes, which the sequence cuts through
};
constexpr std::array kBackgrounds{Background::ascii, Background::cjk, Background::mixed};

class Scene {
 public:
  explicit Scene(std::size_t size) : text_(size) {
    const std::string_view mixed = "`mpt¡ߨ霧\xE0\xBF\xBF한\xED\x9F\xBF🌫\xF4\x8F\xBF\xBF~";
    for (std::size_t at = 0; at < size; ++at) mixed_.push_back(static_cast<std::uint8_t>(mixed[at % mixed.size()]));
  }

  std::span<const std::uint8_t> place(std::span<const std::uint8_t> sequence, std::size_t at, Background background) {
    if (background == Background::mixed) {
      text_ = mixed_;
    } else if (background == Background::ascii) {
      for (std::size_t i = 0; i < text_.size(); ++i) text_[i] = static_cast<std::uint8_t>('!' + i % 94);
    } else {
      fill_cjk(0, at, at % 3);
      fill_cjk(at + sequence.size(), text_.size(), 0);
    }
    std::memcpy(text_.data() + at, sequence.data(), sequence.size());
    return text_;
  }

 private:
  void fill_cjk(std::size_t from, std::size_t to, std::size_t dots) {
    constexpr std::array<std::uint8_t, 3> kFog{0xE9, 0x9C, 0xA7};
    for (std::size_t at = from; at < to; ++at) text_[at] = at < from + dots ? '.' : kFog[(at - from - dots) % 3];
  }

  Text text_;
  Text mixed_;
};

class EachUtf8Kernel : public testing::TestWithParam<const KernelSet*> {
 protected:
  const KernelSet& set() const { return *GetParam(); }

  static Utf8State expected_state(const Utf8Verdict& verdict, std::span<const std::uint8_t> text) {
    return verdict.bad ? kImpossible : run_utf8(kBetweenCodePoints, text.data(), text.size());
  }

  // Everything the kernels promise of a whole text.
  void expect_right(std::span<const std::uint8_t> text) {
    const Utf8Verdict verdict = judge_by_automaton(text);
    expect_good_prefix(verdict, text, set().validate(text.data(), text.size()));
    ASSERT_EQ(feed_text(set(), kBetweenCodePoints, text.data(), text.size()), expected_state(verdict, text));

    constexpr std::uint32_t kKey = 0x91'E3'4C'2F;
    copy_.resize(text.size());
    set().mask(copy_.data(), text.data(), text.size(), kKey);
    expect_good_prefix(verdict, text, set().unmask_validate(copy_.data(), copy_.data(), text.size(), kKey));
    const std::size_t written = verdict.bad ? *verdict.bad + 1 : text.size();
    ASSERT_EQ(std::memcmp(copy_.data(), text.data(), written), 0);
  }

  void expect_good_prefix(const Utf8Verdict& verdict, std::span<const std::uint8_t> text, std::size_t good) {
    if (!verdict.bad) {
      ASSERT_EQ(good, verdict.whole);
      return;
    }
    ASSERT_LE(good, verdict.whole);
    ASSERT_TRUE(good == verdict.whole || (text[good] & 0xC0) != 0x80) << "cuts a code point at " << good;
    ASSERT_LE(*verdict.bad - good, kMaxUnjudgedSize);
  }

  void expect_right_in(Scene& scene, std::span<const std::uint8_t> sequence, std::size_t at, Background background) {
    expect_right(scene.place(sequence, at, background));
    ASSERT_FALSE(HasFatalFailure()) << hex(sequence) << "at " << at << ", background " << static_cast<int>(background);
  }

 private:
  Text copy_;
};

INSTANTIATE_TEST_SUITE_P(Kernels, EachUtf8Kernel,
                         testing::ValuesIn(runnable_kernels().begin(), runnable_kernels().end()),
                         [](const auto& each) { return std::string(each.param->name); });

// Long enough for the widest vector and a part of the next, and for a group of the narrower ones.
constexpr std::size_t kSceneSize = 130;

TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonOnAllBytesAtEveryPosition) {
  Scene scene(kSceneSize);
  for (unsigned byte = 0; byte < 256; ++byte)
    for (std::size_t at = 0; at < kSceneSize; ++at)
      for (const Background background : kBackgrounds) {
        const std::array sequence{static_cast<std::uint8_t>(byte)};
        expect_right_in(scene, sequence, at, background);
        if (HasFatalFailure()) return;
      }
}

// All pairs, each at six of the positions and in two of the backgrounds; over all second bytes, a first byte comes to
// every position.
TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonOnAllPairsOfBytes) {
  Scene scene(kSceneSize);
  for (unsigned pair = 0; pair < 1u << 16; ++pair) {
    const std::array sequence{static_cast<std::uint8_t>(pair >> 8), static_cast<std::uint8_t>(pair)};
    for (std::size_t turn = 0; turn < 6; ++turn) {
      const std::size_t at = (pair + 23 * turn) % (kSceneSize - 1);
      expect_right_in(scene, sequence, at, kBackgrounds[(pair / 129 + turn) % kBackgrounds.size()]);
      if (HasFatalFailure()) return;
    }
  }
}

// All triples of border bytes, each at 40 positions that take turns.
TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonOnThreeBytesAroundAllBorders) {
  Scene scene(kSceneSize);
  std::size_t turn = 0;
  for (const std::uint8_t a : test::kUtf8BorderBytes)
    for (const std::uint8_t b : test::kUtf8BorderBytes)
      for (const std::uint8_t c : test::kUtf8BorderBytes)
        for (std::size_t repeat = 0; repeat < 40; ++repeat, ++turn) {
          const std::array sequence{a, b, c};
          expect_right_in(scene, sequence, turn % (kSceneSize - 2), kBackgrounds[turn / 128 % kBackgrounds.size()]);
          if (HasFatalFailure()) return;
        }
}

TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonOnFourBytesAroundAllBorders) {
  Scene scene(kSceneSize);
  std::size_t turn = 0;
  for (const std::uint8_t a : test::kUtf8BorderBytes) {
    if (a < 0xC0) continue;  // three bytes have been tried behind ASCII and continuations already
    for (const std::uint8_t b : test::kUtf8BorderBytes)
      for (const std::uint8_t c : test::kUtf8BorderBytes)
        for (const std::uint8_t d : test::kUtf8BorderBytes) {
          const std::array sequence{a, b, c, d};
          for (std::size_t repeat = 0; repeat < 2; ++repeat, ++turn) {
            expect_right_in(scene, sequence, turn % (kSceneSize - 3), kBackgrounds[turn / 127 % kBackgrounds.size()]);
            if (HasFatalFailure()) return;
          }
        }
  }
}

// One of each kind: valid at both ends of each form, and each way to be wrong.
const std::vector<Text>& telling_sequences() {
  static const std::vector<Text> sequences{
      {0x00},
      {0x7F},
      {0xC2, 0x80},
      {0xDF, 0xBF},
      {0xE0, 0xA0, 0x80},
      {0xE9, 0x9C, 0xA7},
      {0xED, 0x9F, 0xBF},
      {0xEE, 0x80, 0x80},
      {0xEF, 0xBF, 0xBF},
      {0xF0, 0x90, 0x80, 0x80},
      {0xF0, 0x9F, 0x98, 0x80},
      {0xF4, 0x8F, 0xBF, 0xBF},
      {0x80},
      {0xBF},
      {0xC0},
      {0xC1, 0xBF},
      {0xC2},
      {0xC2, 0x41},
      {0xC2, 0x80, 0x80},
      {0xE0, 0x80},
      {0xE0, 0x9F, 0xBF},
      {0xE0},
      {0xE0, 0xA0},
      {0xE9, 0x9C},
      {0xE9, 0x9C, 0x41},
      {0xE9, 0x41},
      {0xED, 0xA0, 0x80},
      {0xED, 0xBF, 0xBF},
      {0xEF, 0xBF, 0xBF, 0xBF},
      {0xF0},
      {0xF0, 0x80},
      {0xF0, 0x8F, 0xBF, 0xBF},
      {0xF0, 0x90},
      {0xF0, 0x90, 0x80},
      {0xF0, 0x9F, 0x98},
      {0xF0, 0x9F, 0x98, 0x41},
      {0xF0, 0x9F, 0x98, 0x80, 0x80},
      {0xF4, 0x90},
      {0xF4, 0x90, 0x80, 0x80},
      {0xF5},
      {0xF5, 0x80, 0x80, 0x80},
      {0xF8, 0x88, 0x80, 0x80, 0x80},
      {0xFE},
      {0xFF},
  };
  return sequences;
}

// Two pieces of a text, each fed masked or not: the state in between and at the end are the automaton's.
TEST_P(EachUtf8Kernel, GivesTheSameStatesAtEverySplit) {
  constexpr std::uint32_t kKey = 0x5D'08'B6'71;
  Scene scene(kSceneSize);
  Text masked(kSceneSize);
  Text out(kSceneSize);
  std::size_t turn = 0;
  for (const Text& sequence : telling_sequences())
    for (std::size_t at = 0; at + sequence.size() <= kSceneSize; ++at, ++turn) {
      const auto text = scene.place(sequence, at, kBackgrounds[turn % kBackgrounds.size()]);
      const Utf8Verdict verdict = judge_by_automaton(text);
      set().mask(masked.data(), text.data(), text.size(), kKey);
      for (std::size_t split = 0; split <= kSceneSize; ++split) {
        const std::size_t rest = kSceneSize - split;
        const auto between =
            verdict.bad && *verdict.bad < split ? kImpossible : run_utf8(kBetweenCodePoints, text.data(), split);
        const auto end = expected_state(verdict, text);
        Utf8State state = feed_text(set(), kBetweenCodePoints, text.data(), split);
        ASSERT_EQ(state, between) << hex(sequence) << "at " << at << " split " << split;
        ASSERT_EQ(feed_text(set(), state, text.data() + split, rest), end)
            << hex(sequence) << "at " << at << " split " << split;

        out = masked;
        state = feed_masked_text(set(), kBetweenCodePoints, out.data(), out.data(), split, kKey);
        ASSERT_EQ(state, between) << hex(sequence) << "masked, at " << at << " split " << split;
        const std::uint32_t key = kKey >> (8 * (split % 4)) | kKey << ((32 - 8 * (split % 4)) % 32);
        state = feed_masked_text(set(), state, out.data() + split, out.data() + split, rest, key);
        ASSERT_EQ(state, end) << hex(sequence) << "masked, at " << at << " split " << split;
        ASSERT_EQ(std::memcmp(out.data(), text.data(), verdict.bad.value_or(kSceneSize)), 0) << split;
      }
    }
}

// Long texts go through loops over groups of vectors.
TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonInLongTextsAtEveryPosition) {
  constexpr std::size_t kSize = 700;
  Scene scene(kSize);
  for (const Text& sequence : telling_sequences())
    for (std::size_t at = 0; at + sequence.size() <= kSize; ++at)
      for (const Background background : kBackgrounds) {
        expect_right_in(scene, sequence, at, background);
        if (HasFatalFailure()) return;
      }
}

// The longest texts begin at a boundary: of the text's alignments and the places of a sequence every third pair is
// tried, with the backgrounds in turn.
TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonInTextsThatStartAnywhere) {
  constexpr std::size_t kSize = 2200;
  constexpr std::size_t kAlignments = 64;
  Scene scene(kSize);
  Text shifted(kSize + kAlignments);
  std::size_t turn = 0;
  for (const Text& sequence : telling_sequences())
    for (std::size_t shift = 0; shift < kAlignments; ++shift)
      for (std::size_t at = shift % 3; at < 70; at += 3, ++turn) {
        const auto text = scene.place(sequence, at, kBackgrounds[turn / 3 % kBackgrounds.size()]);
        std::memcpy(shifted.data() + shift, text.data(), kSize);
        expect_right(std::span(shifted).subspan(shift, kSize));
        ASSERT_FALSE(HasFatalFailure()) << hex(sequence) << "at " << at << ", text shifted by " << shift;
      }
}

// Code points of all sizes in runs, with a few bytes changed in every other text.
class RandomText {
 public:
  explicit RandomText(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  Text text(std::size_t size) {
    Text text;
    while (text.size() < size) {
      const std::size_t form = below(test::kUtf8Forms.size());
      for (std::size_t run = 1 + below(below(8) == 0 ? 300 : 5); run > 0 && text.size() < size; --run)
        for (std::size_t i = 0; i < test::kUtf8Forms[form].size; ++i)
          text.push_back(in(test::kUtf8Forms[form].bytes[i]));
    }
    text.resize(size);
    if (size > 0 && below(2) == 0)
      for (std::size_t changes = 1 + below(3); changes > 0; --changes)
        text[below(size)] = test::kUtf8BorderBytes[below(test::kUtf8BorderBytes.size())];
    return text;
  }

 private:
  std::uint8_t in(test::ByteRange range) {
    return static_cast<std::uint8_t>(range.first + below(range.last - range.first + 1u));
  }

  std::mt19937_64 random_;
};

TEST_P(EachUtf8Kernel, AgreesWithTheAutomatonOnRandomTextsInRandomPieces) {
  constexpr std::size_t kTextsOfASeed = 40;
  for (const std::uint64_t seed : test::seeds(60)) {
    SCOPED_TRACE(test::seed_hint(seed));
    RandomText random(seed);
    for (std::size_t count = 0; count < kTextsOfASeed; ++count) {
      const Text text = random.text(1 + random.below(random.below(2) == 0 ? 200 : 6000));
      const Utf8Verdict verdict = judge_by_automaton(text);
      expect_right(text);
      const auto key = static_cast<std::uint32_t>(random.below(1u << 31));
      const bool in_place = random.below(2) == 0;
      const std::size_t shift = random.below(64);
      Text source(shift + text.size());
      Text target(text.size() + 64);
      set().mask(source.data() + shift, text.data(), text.size(), key);
      Utf8State state = kBetweenCodePoints;
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t size = std::min(text.size() - at, random.below(random.below(2) == 0 ? 10 : 3000));
        std::uint8_t* in = source.data() + shift + at;
        std::uint8_t* out = in_place ? in : target.data() + at;
        const std::uint32_t turned = key >> (8 * (at % 4)) | key << ((32 - 8 * (at % 4)) % 32);
        state = feed_masked_text(set(), state, out, in, size, turned);
        at += size;
        ASSERT_EQ(state == kImpossible, verdict.bad && *verdict.bad < at) << "text " << count << " fed up to " << at;
        if (state == kImpossible) break;
        ASSERT_EQ(std::memcmp(out, text.data() + at - size, size), 0) << "text " << count << " fed up to " << at;
      }
      ASSERT_EQ(state, expected_state(verdict, text)) << "text " << count;
    }
  }
}

}  // namespace
}  // namespace brume::codec

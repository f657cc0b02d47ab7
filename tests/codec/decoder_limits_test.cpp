#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/codec/decoder.h>
#include <brume/tests/support/decode_every_way.h>
#include <brume/tests/support/frames.h>

namespace brume::codec {
namespace {

using test::binary;
using test::Bytes;
using test::continuation;
using test::join;
using test::kNotFinal;
using test::ping;
using test::text;
using ::testing::ElementsAre;

std::vector<std::string> decode(const Bytes& stream, const DecoderLimits& limits) {
  return test::lines_of(test::decode_every_way(stream, limits));
}

TEST(DecoderLimits, F6_HugeLengthsFailAtTheHeadersLastByte) {
  for (const std::uint64_t size :
       {std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1, std::uint64_t{1} << 32, (std::uint64_t{1} << 32) + 1,
        std::uint64_t{1} << 53, (std::uint64_t{1} << 63) - 1}) {
    EXPECT_THAT(decode(binary("x", {.declared_size = size}), {}), ElementsAre("message_too_large at byte 14"));
    EXPECT_THAT(decode(text("x", {.fin = false, .declared_size = size}), {}),
                ElementsAre("message_too_large at byte 14"));
    const Bytes second = join({binary("x", kNotFinal), continuation("y", {.declared_size = size})});
    EXPECT_THAT(decode(second, {}), ElementsAre("message_too_large at byte 21"));
  }
}

TEST(DecoderLimits, F6_TheLargestSumDoesNotWrap) {
  const DecoderLimits limits{.max_message_size = std::numeric_limits<std::size_t>::max()};
  Bytes stream = join({binary("x", kNotFinal), continuation("", {.declared_size = (std::uint64_t{1} << 63) - 1})});
  Decoder decoder;
  std::span<std::byte> input(stream);
  EXPECT_EQ(decoder.next(input, limits).kind, Event::Kind::need_more);
  EXPECT_TRUE(decoder.mid_message());
}

TEST(DecoderLimits, F12_AMessageOfTheLimitPassesAndOneByteMoreFailsFromTheHeaderAlone) {
  for (const std::size_t limit : {0u, 1u, 20u, 125u, 126u, 200u}) {
    const DecoderLimits limits{.max_message_size = limit};
    const std::string fits(limit, 'x');
    const std::size_t header_size = frame_header_size(limit + 1, true);
    const std::string too_large = "message_too_large at byte " + std::to_string(header_size);
    EXPECT_THAT(decode(text(fits), limits), ElementsAre("text \"" + fits + "\""));
    EXPECT_THAT(decode(text(fits + "x"), limits), ElementsAre(too_large));
    EXPECT_THAT(decode(binary(fits + "x"), limits), ElementsAre(too_large));
    EXPECT_THAT(decode(text(fits + "x", kNotFinal), limits), ElementsAre(too_large));
  }
}

TEST(DecoderLimits, F12_TheSumOfFragmentsCounts) {
  const DecoderLimits limits{.max_message_size = 5};
  EXPECT_THAT(decode(join({text("Hel", kNotFinal), continuation("lo")}), limits), ElementsAre("text \"Hello\""));
  EXPECT_THAT(decode(join({text("Hel", kNotFinal), continuation("lo!")}), limits),
              ElementsAre("message_too_large at byte 15"));
  EXPECT_THAT(decode(join({text("Hello", kNotFinal), continuation("", kNotFinal), continuation("!")}), limits),
              ElementsAre("message_too_large at byte 23"));
}

TEST(DecoderLimits, F12_ControlFramesDoNotCount) {
  const DecoderLimits limits{.max_message_size = 5};
  const std::string payload(125, 'p');
  EXPECT_THAT(decode(join({text("Hel", kNotFinal), ping(payload), continuation("lo")}), limits),
              ElementsAre("ping \"" + payload + "\"", "text \"Hello\""));
}

TEST(DecoderLimits, F12_TheNextMessageStartsFromZero) {
  const DecoderLimits limits{.max_message_size = 5, .max_fragments = 2};
  const Bytes message = join({text("Hel", kNotFinal), continuation("lo")});
  EXPECT_THAT(decode(join({message, message, message}), limits),
              ElementsAre("text \"Hello\"", "text \"Hello\"", "text \"Hello\""));
}

TEST(DecoderLimits, L2_FragmentsAreCountedEmptyOnesToo) {
  const DecoderLimits limits{.max_fragments = 3};
  const Bytes two = join({text("a", kNotFinal), continuation("", kNotFinal)});
  EXPECT_THAT(decode(join({two, continuation("b")}), limits), ElementsAre("text \"ab\""));
  EXPECT_THAT(decode(join({two, continuation("", kNotFinal), continuation("")}), limits),
              ElementsAre("too_many_fragments at byte 25"));
}

TEST(DecoderLimits, L2_OneFrameAMessageIsTheLeastLimit) {
  const DecoderLimits limits{.max_fragments = 1};
  EXPECT_THAT(decode(join({text("a"), binary("b")}), limits), ElementsAre("text \"a\"", "binary \"b\""));
  EXPECT_THAT(decode(join({text("a", kNotFinal), continuation("b")}), limits),
              ElementsAre("too_many_fragments at byte 13"));
}

TEST(DecoderLimits, RulesOfTheHeaderComeBeforeTheLimits) {
  const DecoderLimits limits{.max_message_size = 0, .max_fragments = 1};
  const Bytes unmasked = join({text("", kNotFinal), continuation("b", test::kUnmasked)});
  EXPECT_THAT(decode(unmasked, limits), ElementsAre("unmasked_client_frame at byte 8"));
  EXPECT_THAT(decode(binary("b", {.length_form = test::LengthForm::bits64}), limits),
              ElementsAre("length_not_minimal at byte 8"));
  EXPECT_THAT(decode(join({text("", kNotFinal), continuation("b")}), limits),
              ElementsAre("too_many_fragments at byte 12"));
}

}  // namespace
}  // namespace brume::codec

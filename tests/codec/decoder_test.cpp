#include <cstdint>
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
using test::close;
using test::continuation;
using test::join;
using test::kNotFinal;
using test::kUnmasked;
using test::ping;
using test::pong;
using test::text;
using ::testing::ElementsAre;

constexpr DecoderLimits kClient{.receiver = Receiver::client};
constexpr test::FrameOptions kUnmaskedNotFinal{.fin = false, .key = std::nullopt};

std::vector<std::string> decode(const Bytes& stream, const DecoderLimits& limits = {}) {
  return test::lines_of(test::decode_every_way(stream, limits));
}

TEST(Decoder, DeliversTheExamplesOfSection57) {
  EXPECT_THAT(decode(text("Hello")), ElementsAre("text \"Hello\""));
  EXPECT_THAT(decode(text("Hello", kUnmasked), kClient), ElementsAre("text \"Hello\""));
  const Bytes fragments = join({text("Hel", kUnmaskedNotFinal), continuation("lo", kUnmasked)});
  EXPECT_THAT(decode(fragments, kClient), ElementsAre("text \"Hello\""));
  const Bytes ping_pong = join({ping("Hello"), pong("Hello")});
  EXPECT_THAT(decode(ping_pong), ElementsAre("ping \"Hello\"", "pong \"Hello\""));
}

TEST(Decoder, DeliversWholeFramesOfEveryLengthForm) {
  for (const std::size_t size : {0u, 1u, 20u, 125u, 126u, 127u, 300u}) {
    const std::string payload(size, 'x');
    EXPECT_THAT(decode(text(payload)), ElementsAre("text \"" + payload + "\""));
    EXPECT_THAT(decode(binary(payload)), ElementsAre("binary \"" + payload + "\""));
    EXPECT_THAT(decode(text(payload, kUnmasked), kClient), ElementsAre("text \"" + payload + "\""));
    EXPECT_THAT(decode(binary(payload, kUnmasked), kClient), ElementsAre("binary \"" + payload + "\""));
  }
}

TEST(Decoder, DeliversManyFramesOfOneInputInTheirOrder) {
  const Bytes stream = join({text("a"), binary("b"), ping("c"), text(""), pong(""), text("d")});
  EXPECT_THAT(decode(stream),
              ElementsAre("text \"a\"", "binary \"b\"", "ping \"c\"", "text \"\"", "pong \"\"", "text \"d\""));
}

TEST(Decoder, ALargeMessageInAnyPiecesIsTheSame) {
  const std::string payload = std::string(69'999, 'x') + "\xF0\x9F\x98\x80";
  test::GuardedBuffer buffer(80'000);
  for (const DecoderLimits& limits : {DecoderLimits{}, kClient}) {
    const Bytes stream = text(payload, limits.receiver == Receiver::server ? test::FrameOptions{} : kUnmasked);
    const auto expected = fuzz::decode_by_the_book(stream, limits);
    ASSERT_EQ(expected.size(), 1u);
    for (const std::size_t step : {1u, 7u, 4096u, 65'536u, 80'000u}) {
      std::vector<std::size_t> cuts;
      for (std::size_t cut = step; cut < stream.size(); cut += step) cuts.push_back(cut);
      test::expect_as_by_the_book(stream, cuts, expected, limits, buffer);
    }
  }
}

TEST(Decoder, F7_AContinuationWithoutAStartFailsAtItsFirstByte) {
  EXPECT_THAT(decode(continuation("x")), ElementsAre("continuation_without_start at byte 1"));
  EXPECT_THAT(decode(continuation("x", kNotFinal)), ElementsAre("continuation_without_start at byte 1"));
  EXPECT_THAT(decode(continuation("x", kUnmasked)), ElementsAre("continuation_without_start at byte 1"))
      << "known before the mask bit is";
  const Bytes after_a_message = join({text("a", kNotFinal), continuation("b"), continuation("c")});
  EXPECT_THAT(decode(after_a_message), ElementsAre("text \"ab\"", "continuation_without_start at byte 15"));
  const Bytes after_a_whole_message = join({text("ab"), continuation("c")});
  EXPECT_THAT(decode(after_a_whole_message), ElementsAre("text \"ab\"", "continuation_without_start at byte 9"));
}

TEST(Decoder, F7_ANewMessageInsideAnotherFailsAtItsFirstByte) {
  EXPECT_THAT(decode(join({text("a", kNotFinal), text("b")})), ElementsAre("data_inside_message at byte 8"));
  EXPECT_THAT(decode(join({text("a", kNotFinal), binary("b")})), ElementsAre("data_inside_message at byte 8"));
  EXPECT_THAT(decode(join({binary("", kNotFinal), binary("b")})), ElementsAre("data_inside_message at byte 7"));
  EXPECT_THAT(decode(join({text("a", kNotFinal), ping(), text("b", kUnmasked)})),
              ElementsAre("ping \"\"", "data_inside_message at byte 14"));
}

TEST(Decoder, F8_ControlFramesBetweenFragmentsComeAtOnceAndTheMessageGoesOn) {
  const Bytes stream = join({text("Hel", kNotFinal), ping("1"), continuation("l", kNotFinal), pong("2"), ping(""),
                             continuation("o"), ping("3")});
  EXPECT_THAT(decode(stream), ElementsAre("ping \"1\"", "pong \"2\"", "ping \"\"", "text \"Hello\"", "ping \"3\""));
}

TEST(Decoder, F8_AControlFrameOf125BytesFitsBetweenFragments) {
  const std::string payload(125, 'p');
  const Bytes stream = join({text("a", kNotFinal), ping(payload), continuation("b")});
  EXPECT_THAT(decode(stream), ElementsAre("ping \"" + payload + "\"", "text \"ab\""));
}

TEST(Decoder, F9_EmptyFragmentsAndEmptyMessagesGiveOneDeliveryEach) {
  EXPECT_THAT(decode(text("")), ElementsAre("text \"\""));
  EXPECT_THAT(decode(binary("")), ElementsAre("binary \"\""));
  EXPECT_THAT(decode(join({text("", kNotFinal), continuation("")})), ElementsAre("text \"\""));
  EXPECT_THAT(decode(join({text("ab", kNotFinal), continuation("")})), ElementsAre("text \"ab\""));
  EXPECT_THAT(decode(join({text("", kNotFinal), continuation("ab")})), ElementsAre("text \"ab\""));
  const Bytes many = join({binary("", kNotFinal), continuation("", kNotFinal), continuation("a", kNotFinal),
                           continuation("", kNotFinal), continuation("")});
  EXPECT_THAT(decode(many), ElementsAre("binary \"a\""));
}

TEST(Decoder, F10_BadUtf8FailsAtTheFirstImpossibleByte) {
  EXPECT_THAT(decode(text("ok\xFFmore")), ElementsAre("invalid_utf8 at byte 9"));
  EXPECT_THAT(decode(text("\xFEmore")), ElementsAre("invalid_utf8 at byte 7"));
  EXPECT_THAT(decode(text("\xC0\xAFmore")), ElementsAre("invalid_utf8 at byte 7"));
  EXPECT_THAT(decode(text("\xE0\x80\x80more")), ElementsAre("invalid_utf8 at byte 8"));
  EXPECT_THAT(decode(text("\xED\xA0\x80more")), ElementsAre("invalid_utf8 at byte 8"));
  EXPECT_THAT(decode(text("\xF4\x90\x80\x80more")), ElementsAre("invalid_utf8 at byte 8"));
  EXPECT_THAT(decode(text("\xF0\x9F\x98more")), ElementsAre("invalid_utf8 at byte 10"));
  EXPECT_THAT(decode(text("\x80")), ElementsAre("invalid_utf8 at byte 7"));
  EXPECT_THAT(decode(text("ok\xFFmore", kUnmasked), kClient), ElementsAre("invalid_utf8 at byte 5"));
}

TEST(Decoder, F10_BadUtf8FailsInTheMiddleOfALongFrame) {
  std::string payload(300, 'x');
  payload[200] = '\xFF';
  EXPECT_THAT(decode(text(payload)), ElementsAre("invalid_utf8 at byte 209"));
}

TEST(Decoder, F10_BadUtf8FailsInAFragmentBeforeItsMessageIsComplete) {
  const Bytes stream = join({text("ok", kNotFinal), continuation("x\xFFy", kNotFinal), ping()});
  EXPECT_THAT(decode(stream), ElementsAre("invalid_utf8 at byte 16"));
}

TEST(Decoder, F10_BinaryMessagesMayHoldAnyBytes) {
  EXPECT_THAT(decode(binary("\xFF\xC0")), ElementsAre("binary \"\xFF\xC0\""));
  EXPECT_THAT(decode(join({binary("\xFF", kNotFinal), continuation("\xC0")})), ElementsAre("binary \"\xFF\xC0\""));
}

TEST(Decoder, F11_ACodePointMayBeCutByFragmentsAndControlFrames) {
  const Bytes stream = join({text("\xF0", kNotFinal), continuation("\x9F", kNotFinal), ping("\xFF"),
                             continuation("\x98", kNotFinal), continuation("", kNotFinal), continuation("\x80")});
  EXPECT_THAT(decode(stream), ElementsAre("ping \"\xFF\"", "text \"\xF0\x9F\x98\x80\""));
}

TEST(Decoder, F11_ACodePointMayNotEndInTheNextMessage) {
  EXPECT_THAT(decode(join({text("ok\xC3"), text("\xBC")})), ElementsAre("truncated_utf8 at byte 9"));
  EXPECT_THAT(decode(text("\xE2\x82")), ElementsAre("truncated_utf8 at byte 8"));
  EXPECT_THAT(decode(join({text("\xE2", kNotFinal), continuation("\x82")})), ElementsAre("truncated_utf8 at byte 14"));
  EXPECT_THAT(decode(join({text("\xE2\x82", kNotFinal), continuation("")})), ElementsAre("truncated_utf8 at byte 14"));
}

TEST(Decoder, F11_ABrokenCodePointIsFoundInTheFragmentThatBreaksIt) {
  EXPECT_THAT(decode(join({text("\xE2\x82", kNotFinal), continuation("x")})), ElementsAre("invalid_utf8 at byte 15"));
}

TEST(Decoder, F11_NoncharactersAreText) {
  EXPECT_THAT(decode(text("\xEF\xBF\xBE\xEF\xBF\xBF")), ElementsAre("text \"\xEF\xBF\xBE\xEF\xBF\xBF\""));
}

TEST(Decoder, F13_F14_ACloseIsDeliveredWithWhateverPayloadItHas) {
  EXPECT_THAT(decode(test::frame(Opcode::close, "")), ElementsAre("close \"\""));
  EXPECT_THAT(decode(test::frame(Opcode::close, "x")), ElementsAre("close \"x\""));
  EXPECT_THAT(decode(close(1000, "\xFF")), ElementsAre("close \"\x03\xE8\xFF\""));
}

TEST(Decoder, F16_WhatFollowsACloseIsDroppedUnread) {
  EXPECT_THAT(decode(join({test::frame(Opcode::close, ""), ping("late"), text("\xFF")})), ElementsAre("close \"\""));
  EXPECT_THAT(decode(join({test::frame(Opcode::close, ""), test::frame(Opcode::close, "")})),
              ElementsAre("close \"\""));
}

TEST(Decoder, F17_ACloseInsideAMessageEndsItUndelivered) {
  const Bytes stream = join({text("lost", kNotFinal), test::frame(Opcode::close, ""), continuation("too")});
  EXPECT_THAT(decode(stream), ElementsAre("close \"\""));
}

TEST(Decoder, WhatFollowsAViolationIsDroppedUnread) {
  EXPECT_THAT(decode(join({text("\xFF"), ping("late")})), ElementsAre("invalid_utf8 at byte 7"));
}

TEST(Decoder, CompressedMessagesAreDeliveredAsTheyAreWhereTheyWereAgreed) {
  const DecoderLimits limits{.max_message_size = 10, .compression = true};
  const test::FrameOptions rsv1{.rsv_bits = 4};
  const test::FrameOptions rsv1_start{.fin = false, .rsv_bits = 4};
  EXPECT_THAT(
      decode(join({text("a\xFF", rsv1), binary("b", rsv1), text("c"), text("", rsv1)}), limits),
      ElementsAre("compressed text \"a\xFF\"", "compressed binary \"b\"", "text \"c\"", "compressed text \"\""));
  EXPECT_THAT(
      decode(join({text("\xFE", rsv1_start), ping("p"), continuation("\xFF", kNotFinal), continuation("")}), limits),
      ElementsAre("ping \"p\"", "compressed text \"\xFE\xFF\""));
  EXPECT_THAT(decode(join({text("\xFE", rsv1_start), continuation(""), text("\xFE")}), limits),
              ElementsAre("compressed text \"\xFE\"", "invalid_utf8 at byte 20"));
  // What does not compress is a little longer.
  const std::string longest(max_compressed_size(10), 'x');
  EXPECT_THAT(decode(text(longest, rsv1), limits), ElementsAre("compressed text \"" + longest + "\""));
  const DecoderLimits client{.receiver = Receiver::client, .compression = true};
  EXPECT_THAT(decode(text("a", {.key = std::nullopt, .rsv_bits = 4}), client), ElementsAre("compressed text \"a\""));
}

TEST(Decoder, AMovedDecoderGoesOnAndTheOldOneIsIdle) {
  Bytes stream = join({text("Hel", kNotFinal), continuation("lo")});
  std::span<std::byte> input = std::span(stream).first(12);
  Decoder first;
  EXPECT_EQ(first.next(input, {}).kind, Event::Kind::need_more);
  Decoder second = std::move(first);
  EXPECT_FALSE(first.mid_message());  // NOLINT(bugprone-use-after-move): a moved-from decoder is idle
  EXPECT_TRUE(second.mid_message());
  input = std::span(stream).subspan(12);
  EXPECT_EQ(test::text_of(second.next(input, {}).payload), "Hello");
}

TEST(Decoder, IsMidMessageFromTheFirstByteToTheLast) {
  Bytes stream = join({text("Hel", kNotFinal), ping("x"), continuation("lo"), ping("y")});
  const std::size_t end_of_message = 9 + 7 + 8;
  Decoder decoder;
  EXPECT_FALSE(decoder.mid_message());
  for (std::size_t i = 0; i < stream.size(); ++i) {
    std::span<std::byte> input = std::span(stream).subspan(i, 1);
    const Event event = decoder.next(input, {});
    const bool complete = i + 1 == end_of_message || i + 1 == stream.size();
    EXPECT_EQ(decoder.mid_message(), !complete) << "after byte " << i + 1;
    EXPECT_EQ(event.kind == Event::Kind::need_more, !complete && i + 1 != 16) << "after byte " << i + 1;
  }
}

}  // namespace
}  // namespace brume::codec

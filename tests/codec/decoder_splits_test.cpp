// Random streams, valid and broken, in random pieces: the decoder says what the reference decoder says.

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/decoder.h>
#include <brume/tests/support/decode_every_way.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/random_frames.h>
#include <brume/tests/support/seeds.h>

namespace brume::codec {
namespace {

constexpr std::size_t kBufferSize = 16 * 1024;  // above any stream made here
constexpr int kRandomSplits = 8;

DecoderLimits random_limits(test::RandomFrames& random, Receiver receiver) {
  DecoderLimits limits{.receiver = receiver};
  if (random.below(4) == 0) limits.max_message_size = random.below(300);
  if (random.below(4) == 0) limits.max_fragments = static_cast<std::uint32_t>(1 + random.below(5));
  return limits;
}

// Decodes whole, byte by byte and in random pieces. Returns what the reference says.
std::vector<fuzz::SeenEvent> compare(const test::Bytes& stream, const DecoderLimits& limits, test::RandomFrames& random,
                                     test::GuardedBuffer& buffer) {
  const auto expected = fuzz::decode_by_the_book(stream, limits);
  test::expect_as_by_the_book(stream, {}, expected, limits, buffer);
  test::expect_as_by_the_book(stream, fuzz::cut_everywhere(stream.size()), expected, limits, buffer);
  for (int i = 0; i < kRandomSplits; ++i) {
    const auto cuts = random.cuts(stream.size(), 1 + random.below(12));
    test::expect_as_by_the_book(stream, cuts, expected, limits, buffer);
  }
  return expected;
}

TEST(DecoderSplits, RandomValidStreamsGiveTheReferencesEventsInAnyPieces) {
  test::GuardedBuffer buffer(kBufferSize);
  std::size_t messages = 0;
  for (const std::uint64_t seed : test::seeds(1500)) {
    SCOPED_TRACE(test::seed_hint(seed));
    const Receiver receiver = seed % 2 == 0 ? Receiver::server : Receiver::client;
    test::RandomFrames random(seed, receiver);
    const auto events = compare(random.valid_stream(6), {.receiver = receiver}, random, buffer);
    for (const fuzz::SeenEvent& event : events) {
      ASSERT_NE(event.kind, Event::Kind::violation) << event;
      if (event.kind == Event::Kind::message) ++messages;
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(messages, 0u);
}

TEST(DecoderSplits, RandomBrokenStreamsGiveTheReferencesEventsInAnyPieces) {
  test::GuardedBuffer buffer(kBufferSize);
  std::set<Violation> met;
  const auto seeds = test::seeds(4000);
  for (const std::uint64_t seed : seeds) {
    SCOPED_TRACE(test::seed_hint(seed));
    const Receiver receiver = seed % 2 == 0 ? Receiver::server : Receiver::client;
    test::RandomFrames random(seed, receiver);
    test::Bytes stream = random.valid_stream(4);
    random.break_somewhere(stream);
    for (const auto& event : compare(stream, random_limits(random, receiver), random, buffer)) {
      if (event.kind == Event::Kind::violation) met.insert(event.violation);
    }
    if (HasFailure()) return;
  }
  if (seeds.size() == 1) return;
  for (const ViolationInfo& row : violations()) {
    const bool judged_elsewhere = row.violation >= Violation::close_payload_one_byte;
    EXPECT_EQ(met.contains(row.violation), !judged_elsewhere) << row.name;
  }
}

TEST(DecoderSplits, AMixedStreamGivesTheSameEventsAtEveryPairOfCuts) {
  using namespace test;
  const Bytes stream = join({text("Hel", kNotFinal), ping("p"), continuation("\xC3", kNotFinal), continuation("\xBC"),
                             binary(std::string(126, 'b')), text(""), close(1000, "bye")});
  GuardedBuffer buffer(stream.size());
  const auto expected = fuzz::decode_by_the_book(stream, {});
  ASSERT_EQ(expected.size(), 5u);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    for (std::size_t second = first; second <= stream.size(); ++second) {
      const std::size_t cuts[] = {first, second};
      expect_as_by_the_book(stream, cuts, expected, {}, buffer);
    }
  }
}

}  // namespace
}  // namespace brume::codec

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/deflater.h>
#include <brume/codec/inflater.h>
#include <brume/tests/support/deflate_payloads.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/seeds.h>

namespace brume::codec {
namespace {

using test::ReferenceInflater;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::optional<std::string> alone(Deflater& deflater, std::string_view text, std::size_t room) {
  test::GuardedBuffer buffer(room);
  const auto out = buffer.at_end(room);
  const auto size = deflater.deflate_alone(bytes_of(text), out);
  if (!size) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out.data()), *size);
}

std::string next(Deflater& deflater, std::string_view text) {
  test::GuardedBuffer buffer(Deflater::bound(text.size()));
  const auto out = buffer.at_end(Deflater::bound(text.size()));
  const std::size_t size = deflater.deflate_next(bytes_of(text), out);
  return {reinterpret_cast<const char*>(out.data()), size};
}

TEST(Deflater, MakesTheExampleOfRfc7692Section7231) {
  Deflater deflater(15, 6);
  EXPECT_EQ(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), alone(deflater, "Hello", 100));
  EXPECT_EQ(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), alone(deflater, "Hello", 100)) << "nothing is kept";
}

TEST(Deflater, MakesTheExampleOfRfc7692Section7232) {
  Deflater deflater(15, 6);
  EXPECT_EQ(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), next(deflater, "Hello"));
  EXPECT_EQ(std::string("\xf2\x00\x11\x00\x00", 5), next(deflater, "Hello"));
  deflater.forget();
  EXPECT_EQ(std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7), next(deflater, "Hello"));
}

// The reference refuses BFINAL, more than the window reaches, and what does not end in a sync flush.
TEST(Deflater, MessagesThatStandAloneAreReadBySomebodyElse) {
  for (const std::uint64_t seed : test::seeds(60)) {
    SCOPED_TRACE(test::seed_hint(seed));
    std::mt19937_64 random(seed);
    const auto bits = static_cast<std::uint8_t>(9 + random() % 7);
    Deflater deflater(bits, static_cast<std::uint8_t>(1 + random() % 9));
    for (int i = 0; i < 5; ++i) {
      const std::string text = test::some_text(random, 1 + random() % (random() % 2 == 0 ? 300 : 70'000));
      const auto payload = alone(deflater, text, Deflater::bound(text.size()));
      ASSERT_TRUE(payload);
      ASSERT_EQ(text, ReferenceInflater(bits).message(*payload));
      if (i == 2) deflater.set_level(static_cast<std::uint8_t>(1 + random() % 9));
    }
    EXPECT_LE(deflater.held_bytes(), Deflater::most_bytes(bits));
  }
}

TEST(Deflater, MessagesThatFollowEachOtherAreReadBySomebodyElse) {
  for (const std::uint64_t seed : test::seeds(60)) {
    SCOPED_TRACE(test::seed_hint(seed));
    std::mt19937_64 random(seed);
    const auto bits = static_cast<std::uint8_t>(9 + random() % 7);
    Deflater deflater(bits, static_cast<std::uint8_t>(1 + random() % 9));
    ReferenceInflater inflater(bits);
    for (int i = 0; i < 20; ++i) {
      const std::string text = test::some_text(random, 1 + random() % (random() % 2 == 0 ? 300 : 20'000));
      ASSERT_EQ(text, inflater.message(next(deflater, text)));
      if (random() % 8 == 0) deflater.forget();
    }
  }
}

TEST(Deflater, AMessageThatDoesNotFitIsGivenUpAndTheNextOneIsNot) {
  Deflater deflater(15, 6);
  std::mt19937_64 random(1);
  const std::string text = test::some_text(random, 5000);
  const auto payload = alone(deflater, text, Deflater::bound(text.size()));
  ASSERT_TRUE(payload);
  for (const std::size_t room : {std::size_t{0}, std::size_t{1}, payload->size() / 2, payload->size() + 4}) {
    EXPECT_EQ(std::nullopt, alone(deflater, text, room)) << room;
    EXPECT_EQ(payload, alone(deflater, text, payload->size() + 5)) << room;
  }
}

TEST(Deflater, TheBoundHoldsForWhatDoesNotCompress) {
  std::mt19937_64 random(1);
  for (std::uint8_t bits = 9; bits <= 15; ++bits) {
    for (const unsigned level : {1u, 6u, 9u}) {
      Deflater deflater(bits, static_cast<std::uint8_t>(level));
      for (const std::size_t size : {1u, 2u, 100u, 1000u, 4096u, 50'000u}) {
        std::string text;
        while (text.size() < size) text += static_cast<char>(random());
        ASSERT_LT(next(deflater, text).size() + 4, Deflater::bound(size));
        // Bytes above 143 take 9 bits in a fixed block.
        for (char& c : text) c = static_cast<char>(c | 0x90);
        ASSERT_LT(next(deflater, text).size() + 4, Deflater::bound(size));
      }
    }
  }
}

TEST(Deflater, TheSmallestWindowThatHoldsAMessageIsTaken) {
  EXPECT_EQ(9, Deflater::window_for(1, 15));
  EXPECT_EQ(9, Deflater::window_for(512, 15));
  EXPECT_EQ(10, Deflater::window_for(513, 15));
  EXPECT_EQ(15, Deflater::window_for(1 << 20, 15));
  EXPECT_EQ(11, Deflater::window_for(1 << 20, 11));
}

}  // namespace
}  // namespace brume::codec

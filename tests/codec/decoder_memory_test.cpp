#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>

#include <gtest/gtest.h>

#include <brume/codec/decoder.h>
#include <brume/fuzz/support/run_decoder.h>
#include <brume/tests/support/frames.h>

namespace {

std::size_t allocation_count = 0;

void* counted_allocation(std::size_t size) {
  ++allocation_count;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) {
  return counted_allocation(size);
}
void* operator new[](std::size_t size) {
  return counted_allocation(size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace brume::codec {
namespace {

using test::Bytes;

// Feeds `bytes` and expects no event and memory within twice what was received since the message began.
void feed_quietly(Decoder& decoder, Bytes bytes, std::size_t& received, const DecoderLimits& limits = {}) {
  received += bytes.size();
  std::span<std::byte> input(bytes);
  ASSERT_EQ(decoder.next(input, limits).kind, Event::Kind::need_more);
  ASSERT_LE(decoder.held_bytes(), 2 * received + fuzz::kHeldConstant);
  decoder.check_invariants();
}

TEST(DecoderMemory, AnIdleDecoderIsOnePointer) {
  EXPECT_EQ(sizeof(Decoder), sizeof(void*));
  EXPECT_EQ(Decoder().held_bytes(), 0u);
}

TEST(DecoderMemory, WholeFramesCostNoAllocation) {
  for (const std::size_t size : {0u, 20u, 125u, 126u, 1000u, 70'000u}) {
    const std::string payload(size, 'x');
    Bytes stream = test::join({test::text(payload), test::binary(payload), test::ping("a"), test::pong("b")});
    Decoder decoder;
    std::span<std::byte> input(stream);
    const std::size_t before = allocation_count;
    int events = 0;
    while (decoder.next(input, {}).kind != Event::Kind::need_more) ++events;
    EXPECT_EQ(allocation_count, before) << size;
    EXPECT_EQ(events, 4);
    EXPECT_EQ(decoder.held_bytes(), 0u);
  }
}

TEST(DecoderMemory, ViolationsInWholeFramesCostNoAllocation) {
  for (Bytes stream : {test::frame(3, {}, {.declared_size = std::uint64_t{1} << 62}), test::text("\xFF"),
                       test::binary("", {.declared_size = std::numeric_limits<std::int64_t>::max()}),
                       test::continuation("x"), test::binary("x", test::kUnmasked)}) {
    Decoder decoder;
    std::span<std::byte> input(stream);
    const std::size_t before = allocation_count;
    EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::violation);
    EXPECT_EQ(allocation_count, before);
    EXPECT_EQ(decoder.held_bytes(), 0u);
    EXPECT_FALSE(decoder.mid_message());
  }
}

TEST(DecoderMemory, AFrameWhoseHeaderWasCutIsStillOpenedWhereItLies) {
  Bytes stream = test::text("Hello");
  Decoder decoder;
  std::span<std::byte> input = std::span(stream).first(3);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::need_more);
  EXPECT_GT(decoder.held_bytes(), 0u);
  input = std::span(stream).subspan(3);
  const Event event = decoder.next(input, {});
  EXPECT_EQ(test::text_of(event.payload), "Hello");
  EXPECT_EQ(event.payload.data(), stream.data() + 6);
  EXPECT_EQ(decoder.held_bytes(), 0u);
}

TEST(DecoderMemory, L2_OneByteAndEmptyFragmentsStayWithinTwiceTheBytesReceived) {
  for (const std::string payload : {"", "x"}) {
    const DecoderLimits limits{.max_fragments = 100'000};
    Decoder decoder;
    std::size_t received = 0;
    feed_quietly(decoder, test::text(payload, test::kNotFinal), received, limits);
    for (int i = 0; i < 50'000; ++i) {
      feed_quietly(decoder, test::continuation(payload, test::kNotFinal), received, limits);
    }
    Bytes last = test::continuation(payload);
    std::span<std::byte> input(last);
    const Event event = decoder.next(input, limits);
    EXPECT_EQ(event.kind, Event::Kind::message);
    EXPECT_EQ(event.payload.size(), payload.size() * 50'002);
  }
}

TEST(DecoderMemory, L2_FragmentsForEverEndAtTheFragmentLimit) {
  Decoder decoder;
  std::size_t received = 0;
  feed_quietly(decoder, test::text("", test::kNotFinal), received);
  for (std::uint32_t i = 1; i < DecoderLimits{}.max_fragments; ++i) {
    feed_quietly(decoder, test::continuation("", test::kNotFinal), received);
  }
  Bytes last = test::continuation("");
  std::span<std::byte> input(last);
  EXPECT_EQ(decoder.next(input, {}).violation, Violation::too_many_fragments);
  EXPECT_EQ(decoder.held_bytes(), 0u);
}

TEST(DecoderMemory, L3_ALargeDeclaredLengthIsNotAllocated) {
  const DecoderLimits limits{.max_message_size = std::numeric_limits<std::size_t>::max() / 4};
  Decoder decoder;
  std::size_t received = 0;
  feed_quietly(decoder, test::binary("x", {.declared_size = std::uint64_t{1} << 60}), received, limits);
  for (int i = 0; i < 10'000; ++i) feed_quietly(decoder, test::bytes_of("y"), received, limits);
  EXPECT_LE(decoder.held_bytes(), 20'000 + fuzz::kHeldConstant);
}

TEST(DecoderMemory, L3_AHeaderAloneHoldsOnlyTheConstant) {
  Decoder decoder;
  std::size_t received = 0;
  feed_quietly(decoder, test::binary("", {.declared_size = 500'000}), received);
  EXPECT_LE(decoder.held_bytes(), fuzz::kHeldConstant);
}

TEST(DecoderMemory, APieceOfAFrameTakesNoMoreThanTheFrame) {
  Decoder decoder;
  Bytes stream = test::binary(std::string(16'384, 'x'));
  std::span<std::byte> input = std::span(stream).first(12'000);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::need_more);
  EXPECT_LE(decoder.held_bytes(), 16'384 + fuzz::kHeldConstant);
}

TEST(DecoderMemory, TheStoreIsGivenBackByTheCallAfterTheMessage) {
  Decoder decoder;
  Bytes stream = test::text("Hello");
  std::span<std::byte> input = std::span(stream).first(8);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::need_more);
  input = std::span(stream).subspan(8);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::message);
  EXPECT_GT(decoder.held_bytes(), 0u);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::need_more);
  EXPECT_EQ(decoder.held_bytes(), 0u);
}

TEST(DecoderMemory, AMessageInPiecesIsHandedOverWithoutACopy) {
  Decoder decoder;
  Bytes stream = test::join({test::text("Hel", test::kNotFinal), test::continuation("lo")});
  std::span<std::byte> input(stream);
  const Event event = decoder.next(input, {});
  ASSERT_EQ(test::text_of(event.payload), "Hello");
  const std::size_t before = allocation_count;
  const OwnedBytes owned = decoder.take_payload(event.payload);
  EXPECT_EQ(allocation_count, before);
  EXPECT_EQ(owned.data.get(), event.payload.data());
  EXPECT_EQ(owned.size, 5u);
  EXPECT_EQ(decoder.next(input, {}).kind, Event::Kind::need_more);
  EXPECT_EQ(test::text_of({owned.data.get(), owned.size}), "Hello");
}

TEST(DecoderMemory, AMessageInTheInputIsHandedOverAsACopy) {
  Decoder decoder;
  Bytes stream = test::text("Hello");
  std::span<std::byte> input(stream);
  const Event event = decoder.next(input, {});
  const OwnedBytes owned = decoder.take_payload(event.payload);
  EXPECT_NE(owned.data.get(), event.payload.data());
  std::ranges::fill(stream, std::byte{0});
  EXPECT_EQ(test::text_of({owned.data.get(), owned.size}), "Hello");
}

TEST(DecoderMemory, AnEmptyMessageIsHandedOverAsNothing) {
  Decoder decoder;
  Bytes stream = test::text("");
  std::span<std::byte> input(stream);
  const OwnedBytes owned = decoder.take_payload(decoder.next(input, {}).payload);
  EXPECT_EQ(owned.data, nullptr);
  EXPECT_EQ(owned.size, 0u);
}

}  // namespace
}  // namespace brume::codec

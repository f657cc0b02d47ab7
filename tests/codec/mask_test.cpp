#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/mask.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::codec {
namespace {

using test::Bytes;
using test::bytes_of;
using test::kTestKey;

Bytes sample(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t at = 0; at < size; ++at) bytes[at] = static_cast<std::byte>(at * 131 + at / 5);
  return bytes;
}

Bytes masked_by_definition(std::span<const std::byte> in, const MaskKey& key, std::size_t offset) {
  Bytes out;
  for (std::size_t at = 0; at < in.size(); ++at) out.push_back(in[at] ^ key[(offset + at) % 4]);
  return out;
}

// Around the sizes where the way of working changes, and far beyond the last of them.
std::vector<std::size_t> sizes() {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 300; ++size) sizes.push_back(size);
  for (const std::size_t size : {511u, 512u, 513u, 2047u, 2048u, 2049u, 16384u, 65537u}) sizes.push_back(size);
  return sizes;
}

TEST(Mask, UnmasksTheExampleOfTheRfc) {  // RFC 6455, section 5.7
  Bytes payload = bytes_of({0x7F, 0x9F, 0x4D, 0x51, 0x58});
  apply_mask(payload, payload, kTestKey);
  EXPECT_EQ(test::text_of(payload), "Hello");
}

TEST(Mask, FollowsTheDefinitionFromAnyOffset) {
  for (const std::size_t size : sizes()) {
    const Bytes in = sample(size);
    Bytes out(size);
    for (const std::size_t offset : {0u, 1u, 2u, 3u, 4u, 5u, 1022u, 1023u}) {
      apply_mask(out, in, kTestKey, offset);
      ASSERT_EQ(out, masked_by_definition(in, kTestKey, offset)) << size << " bytes from offset " << offset;
    }
  }
}

TEST(Mask, TakesAnOffsetBeyondAll32Bits) {
  const Bytes in = sample(100);
  Bytes out(100);
  const std::size_t offset = (std::size_t{1} << 40) + 3;
  apply_mask(out, in, kTestKey, offset);
  EXPECT_EQ(out, masked_by_definition(in, kTestKey, offset));
}

TEST(Mask, TwiceIsTheIdentityInPlace) {
  for (const std::size_t size : sizes()) {
    Bytes bytes = sample(size);
    apply_mask(bytes, bytes, kTestKey, 3);
    ASSERT_EQ(bytes, masked_by_definition(sample(size), kTestKey, 3)) << size;
    apply_mask(bytes, bytes, kTestKey, 3);
    ASSERT_EQ(bytes, sample(size)) << size;
  }
}

TEST(Mask, GoesOnAtAnOffsetWhereThePieceBeforeEnded) {
  const Bytes in = sample(200);
  const Bytes whole = masked_by_definition(in, kTestKey, 0);
  for (std::size_t split = 0; split <= in.size(); ++split) {
    Bytes out = in;
    const auto pieces = std::span(out);
    apply_mask(pieces.first(split), pieces.first(split), kTestKey);
    apply_mask(pieces.subspan(split), pieces.subspan(split), kTestKey, split);
    ASSERT_EQ(out, whole) << split;
  }
}

TEST(Mask, WritesNoMoreThanItReadsIntoALargerOutput) {
  for (const std::size_t size : sizes()) {
    const Bytes in = sample(size);
    Bytes out(size + 70, std::byte{0xEE});
    apply_mask(out, in, kTestKey);
    ASSERT_EQ(Bytes(out.begin() + static_cast<std::ptrdiff_t>(size), out.end()), Bytes(70, std::byte{0xEE})) << size;
  }
}

TEST(Mask, TouchesNothingOutsideTheSpans) {
  test::GuardedBuffer source(66000);
  test::GuardedBuffer target(66000);
  for (const std::size_t size : sizes()) {
    apply_mask(target.at_start(size), source.at_end(size), kTestKey, 1);
    apply_mask(target.at_end(size), source.at_start(size), kTestKey, 2);
    apply_mask(target.at_end(size), target.at_end(size), kTestKey, 3);
    apply_mask(target.at_start(size), target.at_start(size), kTestKey);
  }
}

TEST(Mask, TakesSpansOfNothing) {
  apply_mask({}, {}, kTestKey, 2);
}

}  // namespace
}  // namespace brume::codec

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/frame_header.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::codec {
namespace {

using test::Bytes;
using test::bytes_of;
using test::FrameOptions;
using test::LengthForm;

constexpr std::array kKnownOpcodes{Opcode::continuation, Opcode::text, Opcode::binary,
                                   Opcode::close,        Opcode::ping, Opcode::pong};

// What read_frame_header() says of `bytes`, in memory that ends where they end.
std::expected<std::optional<FrameHeader>, Violation> read(const Bytes& bytes, Receiver receiver = Receiver::server,
                                                          bool rsv1_allowed = false) {
  static test::GuardedBuffer buffer(kMaxHeaderSize);
  return read_frame_header(buffer.place_at_end(bytes), receiver, rsv1_allowed);
}

// Asserts that the header fails with `violation` at its byte number `at`, counted from 1, and no sooner, and that what
// comes after that byte changes nothing.
void expect_violation_at(const Bytes& header, std::size_t at, Violation violation,
                         Receiver receiver = Receiver::server) {
  for (std::size_t size = 0; size <= header.size(); ++size) {
    const auto result = read(Bytes(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size)), receiver);
    if (size < at) {
      ASSERT_TRUE(result.has_value()) << "already at byte " << size << ": " << info(result.error()).name;
      EXPECT_FALSE(result->has_value()) << "complete at byte " << size;
    } else {
      ASSERT_FALSE(result.has_value()) << "not at byte " << size;
      EXPECT_EQ(info(result.error()).name, info(violation).name) << "at byte " << size;
    }
  }
}

// A header alone that declares `size` bytes.
Bytes header_of(unsigned opcode, std::uint64_t size, FrameOptions options = {}) {
  options.declared_size = size;
  return test::frame(opcode, {}, options);
}

TEST(FrameHeader, ReadsTheExamplesOfSection57) {
  const auto masked = read(bytes_of({0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D}));
  ASSERT_TRUE(masked && *masked);
  EXPECT_EQ((*masked)->opcode, Opcode::text);
  EXPECT_TRUE((*masked)->fin);
  EXPECT_TRUE((*masked)->masked);
  EXPECT_EQ((*masked)->mask_key, test::kTestKey);
  EXPECT_EQ((*masked)->payload_size, 5u);
  EXPECT_EQ((*masked)->header_size, 6u);

  const auto fragment = read(bytes_of({0x01, 0x03}), Receiver::client);
  ASSERT_TRUE(fragment && *fragment);
  EXPECT_EQ((*fragment)->opcode, Opcode::text);
  EXPECT_FALSE((*fragment)->fin);
  EXPECT_FALSE((*fragment)->masked);
  EXPECT_EQ((*fragment)->payload_size, 3u);

  const auto large = read(bytes_of({0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0}), Receiver::client);
  ASSERT_TRUE(large && *large);
  EXPECT_EQ((*large)->payload_size, 65536u);
  EXPECT_EQ((*large)->header_size, 10u);
}

TEST(FrameHeader, WhatIsWrittenIsReadBackAtEveryBoundaryLength) {
  const std::vector<std::uint64_t> sizes{0,
                                         1,
                                         124,
                                         125,
                                         126,
                                         127,
                                         128,
                                         255,
                                         256,
                                         65534,
                                         65535,
                                         65536,
                                         65537,
                                         (std::uint64_t{1} << 31) - 1,
                                         std::uint64_t{1} << 31,
                                         (std::uint64_t{1} << 32) - 1,
                                         std::uint64_t{1} << 32,
                                         (std::uint64_t{1} << 32) + 1,
                                         std::uint64_t{1} << 53,
                                         std::numeric_limits<std::int64_t>::max()};
  for (const Opcode opcode : kKnownOpcodes) {
    for (const std::uint64_t size : sizes) {
      for (const bool masked : {false, true}) {
        for (const bool fin : {false, true}) {
          if (is_control(opcode) && (!fin || size > kMaxControlPayloadSize)) continue;
          const FrameHeader header{opcode, fin, false, masked, masked ? test::kTestKey : MaskKey{}, size, 0};
          test::GuardedBuffer buffer(kMaxHeaderSize);
          const auto out = buffer.at_end(frame_header_size(size, masked));
          ASSERT_EQ(write_frame_header(out, header), out.size());
          const Receiver receiver = masked ? Receiver::server : Receiver::client;
          for (std::size_t known = 0; known < out.size(); ++known) {
            const auto partly = read_frame_header(out.first(known), receiver);
            ASSERT_TRUE(partly.has_value());
            EXPECT_FALSE(partly->has_value());
          }
          const auto result = read_frame_header(out, receiver);
          ASSERT_TRUE(result && *result) << size;
          EXPECT_EQ((*result)->opcode, opcode);
          EXPECT_EQ((*result)->fin, fin);
          EXPECT_EQ((*result)->rsv1, false);
          EXPECT_EQ((*result)->masked, masked);
          EXPECT_EQ((*result)->mask_key, header.mask_key);
          EXPECT_EQ((*result)->payload_size, size);
          EXPECT_EQ((*result)->header_size, out.size());
        }
      }
    }
  }
}

TEST(FrameHeader, IsWrittenAsHandBuiltFramesAre) {
  for (const std::uint64_t size : {0u, 125u, 126u, 65535u, 65536u, 0x12345678u}) {
    const FrameHeader header{Opcode::binary, true, false, true, test::kTestKey, size, 0};
    Bytes out(frame_header_size(size, true));
    write_frame_header(out, header);
    EXPECT_EQ(out, header_of(2, size));
  }
}

TEST(FrameHeader, F1_ReservedBitsFailAtTheFirstByte) {
  for (const Opcode opcode : kKnownOpcodes) {
    const auto number = static_cast<unsigned>(opcode);
    expect_violation_at(header_of(number, 5, {.rsv_bits = 2}), 1, Violation::reserved_bit_2);
    expect_violation_at(header_of(number, 5, {.rsv_bits = 1}), 1, Violation::reserved_bit_3);
    expect_violation_at(header_of(number, 5, {.rsv_bits = 4}), 1, Violation::unexpected_rsv1);
    expect_violation_at(header_of(number, 5, {.rsv_bits = 7}), 1, Violation::reserved_bit_2);
    expect_violation_at(header_of(number, 5, {.rsv_bits = 5}), 1, Violation::reserved_bit_3);
  }
}

TEST(FrameHeader, F1_Rsv1IsReadOnlyOnTheFirstFrameOfAMessageWhereItWasAgreed) {
  for (const Opcode opcode : kKnownOpcodes) {
    const auto result = read(header_of(static_cast<unsigned>(opcode), 5, {.rsv_bits = 4}), Receiver::server, true);
    if (opcode == Opcode::text || opcode == Opcode::binary) {
      ASSERT_TRUE(result && *result);
      EXPECT_TRUE((*result)->rsv1);
    } else {
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error(), Violation::unexpected_rsv1);
    }
  }
}

TEST(FrameHeader, Rsv1IsWrittenWhereItIsSet) {
  const FrameHeader header{Opcode::text, true, true, true, test::kTestKey, 5, 0};
  Bytes out(frame_header_size(5, true));
  write_frame_header(out, header);
  EXPECT_EQ(out, header_of(1, 5, {.rsv_bits = 4}));
}

TEST(FrameHeader, F2_ReservedOpcodesFailAtTheFirstByteWhateverElseIsWrong) {
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
    expect_violation_at(header_of(opcode, 5), 1, Violation::reserved_opcode);
    expect_violation_at(header_of(opcode, 5, test::kUnmasked), 1, Violation::reserved_opcode);
    expect_violation_at(header_of(opcode, std::uint64_t{1} << 62), 1, Violation::reserved_opcode);
    expect_violation_at(header_of(opcode, 5, {.fin = false, .rsv_bits = 7}), 1, Violation::reserved_opcode);
  }
}

TEST(FrameHeader, F3_AServerRefusesUnmaskedFramesAtTheSecondByte) {
  for (const Opcode opcode : kKnownOpcodes) {
    const auto number = static_cast<unsigned>(opcode);
    expect_violation_at(header_of(number, 0, test::kUnmasked), 2, Violation::unmasked_client_frame);
    expect_violation_at(header_of(number, 125, test::kUnmasked), 2, Violation::unmasked_client_frame);
    if (is_control(opcode)) continue;
    expect_violation_at(header_of(number, 70000, test::kUnmasked), 2, Violation::unmasked_client_frame);
  }
}

TEST(FrameHeader, F3_AClientRefusesMaskedFramesAtTheSecondByte) {
  for (const Opcode opcode : kKnownOpcodes) {
    const auto number = static_cast<unsigned>(opcode);
    expect_violation_at(header_of(number, 0), 2, Violation::masked_server_frame, Receiver::client);
    expect_violation_at(header_of(number, 125), 2, Violation::masked_server_frame, Receiver::client);
  }
}

TEST(FrameHeader, F3_AnAllZeroMaskKeyIsLegal) {
  const auto result = read(header_of(1, 5, {.key = MaskKey{}}));
  ASSERT_TRUE(result && *result);
  EXPECT_EQ((*result)->mask_key, MaskKey{});
}

TEST(FrameHeader, F4_AFragmentedControlFrameFailsAtTheFirstByte) {
  for (const unsigned opcode : {8u, 9u, 10u}) {
    expect_violation_at(header_of(opcode, 5, test::kNotFinal), 1, Violation::fragmented_control);
  }
}

TEST(FrameHeader, F4_ALongControlFrameFailsAtTheSecondByteBeforeItsMask) {
  for (const unsigned opcode : {8u, 9u, 10u}) {
    for (const std::uint64_t size : {std::uint64_t{126}, std::uint64_t{65535}, std::uint64_t{1} << 62}) {
      expect_violation_at(header_of(opcode, size), 2, Violation::control_too_long);
      expect_violation_at(header_of(opcode, size, test::kUnmasked), 2, Violation::control_too_long);
      expect_violation_at(header_of(opcode, size), 2, Violation::control_too_long, Receiver::client);
    }
    expect_violation_at(header_of(opcode, 5, {.length_form = LengthForm::bits16}), 2, Violation::control_too_long);
  }
}

TEST(FrameHeader, F5_A16BitLengthBelow126FailsAtItsSecondByte) {
  for (const std::uint64_t size : {0u, 1u, 124u, 125u}) {
    const Bytes header = header_of(2, size, {.length_form = LengthForm::bits16});
    expect_violation_at(header, 4, Violation::length_not_minimal);
  }
  EXPECT_TRUE(read(header_of(2, 126, {.length_form = LengthForm::bits16})));
  EXPECT_TRUE(read(header_of(2, 256, {.length_form = LengthForm::bits16})));
}

TEST(FrameHeader, F5_A64BitLengthBelow65536FailsAtItsSixthByte) {
  for (const std::uint64_t size : {0u, 1u, 125u, 126u, 65535u}) {
    const Bytes header = header_of(2, size, {.length_form = LengthForm::bits64});
    expect_violation_at(header, 2 + 6, Violation::length_not_minimal);
  }
  EXPECT_TRUE(read(header_of(2, 65536, {.length_form = LengthForm::bits64})));
}

TEST(FrameHeader, F5_A64BitLengthWithItsTopBitSetFailsAtItsFirstByte) {
  for (const std::uint64_t size : {std::uint64_t{1} << 63, (std::uint64_t{1} << 63) + 1, ~std::uint64_t{0}}) {
    expect_violation_at(header_of(2, size), 3, Violation::length_top_bit);
  }
}

TEST(FrameHeader, F6_TheLargestLengthsAreReadExactly) {
  for (const std::uint64_t size : {std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1, (std::uint64_t{1} << 32) + 1,
                                   std::uint64_t{1} << 53, (std::uint64_t{1} << 63) - 1}) {
    const auto result = read(header_of(2, size));
    ASSERT_TRUE(result && *result);
    EXPECT_EQ((*result)->payload_size, size);
  }
}

TEST(FrameHeader, EveryFirstTwoBytesAreJudgedAlikeWholeAndOneByOne) {
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      for (const Receiver receiver : {Receiver::server, Receiver::client}) {
        const auto one = read(bytes_of({first}), receiver);
        const auto two = read(bytes_of({first, second}), receiver);
        if (one) continue;
        ASSERT_FALSE(two);
        EXPECT_EQ(one.error(), two.error());
        EXPECT_EQ(judge_first_byte(static_cast<std::byte>(first)), one.error());
      }
    }
  }
}

}  // namespace
}  // namespace brume::codec

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/decoder.h>
#include <brume/codec/encoder.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::codec {
namespace {

using test::Bytes;

constexpr std::array<std::size_t, 12> kSizes{0, 1, 5, 20, 124, 125, 126, 127, 65535, 65536, 65537, 100000};

std::string some_text(std::size_t size) {
  std::string text;
  while (text.size() < size) text.push_back(static_cast<char>('a' + text.size() % 26));
  return text;
}

Bytes server_frame(Opcode opcode, std::string_view payload, bool fin = true) {
  test::GuardedBuffer buffer(server_frame_size(payload.size()));
  const auto out = buffer.at_end(server_frame_size(payload.size()));
  EXPECT_EQ(write_server_frame(out, opcode, std::as_bytes(std::span(payload)), fin), out.size());
  return {out.begin(), out.end()};
}

Bytes client_frame(Opcode opcode, std::string_view payload, bool fin = true) {
  test::GuardedBuffer buffer(client_frame_size(payload.size()));
  const auto out = buffer.at_end(client_frame_size(payload.size()));
  EXPECT_EQ(write_client_frame(out, opcode, std::as_bytes(std::span(payload)), test::kTestKey, fin), out.size());
  return {out.begin(), out.end()};
}

TEST(Encoder, WritesTheExamplesOfSection57) {
  EXPECT_EQ(server_frame(Opcode::text, "Hello"), test::bytes_of({0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F}));
  EXPECT_EQ(client_frame(Opcode::text, "Hello"),
            test::bytes_of({0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58}));
  EXPECT_EQ(server_frame(Opcode::text, "Hel", false), test::bytes_of({0x01, 0x03, 0x48, 0x65, 0x6C}));
  EXPECT_EQ(server_frame(Opcode::continuation, "lo"), test::bytes_of({0x80, 0x02, 0x6C, 0x6F}));
}

TEST(Encoder, WritesWhatHandBuiltFramesHold) {
  for (const std::size_t size : kSizes) {
    const std::string text = some_text(size);
    EXPECT_EQ(server_frame(Opcode::binary, text), test::binary(text, test::kUnmasked)) << size;
    EXPECT_EQ(client_frame(Opcode::binary, text), test::binary(text)) << size;
  }
}

TEST(Encoder, WhatItWritesDecodesBackOnTheOtherSide) {
  for (const std::size_t size : kSizes) {
    const std::string text = some_text(size);
    for (const Receiver receiver : {Receiver::server, Receiver::client}) {
      Bytes stream = receiver == Receiver::server ? client_frame(Opcode::text, text) : server_frame(Opcode::text, text);
      Decoder decoder;
      std::span<std::byte> input(stream);
      const Event event = decoder.next(input, {.max_message_size = size, .receiver = receiver});
      ASSERT_EQ(event.kind, Event::Kind::message) << size;
      EXPECT_EQ(event.opcode, Opcode::text);
      EXPECT_EQ(test::text_of(event.payload), text);
      EXPECT_TRUE(input.empty());
    }
  }
}

TEST(Encoder, WritesACompressedMessageOfAClientMaskedAndWithRsv1) {
  for (const std::size_t size : kSizes) {
    const std::string payload = some_text(size);
    test::GuardedBuffer buffer(client_frame_size(size));
    const auto out = buffer.at_end(client_frame_size(size));
    EXPECT_EQ(write_compressed_client_frame(out, Opcode::text, std::as_bytes(std::span(payload)), test::kTestKey),
              out.size());
    EXPECT_EQ(Bytes(out.begin(), out.end()), test::text(payload, {.rsv_bits = 4})) << size;
  }
}

TEST(Encoder, WritesTheHeaderOfACompressedMessage) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{125}, std::size_t{126}, std::size_t{70'000}}) {
    std::array<std::byte, kMaxHeaderSize> out{};
    const std::size_t written = write_server_header(out, Opcode::text, true, size);
    ASSERT_EQ(written, frame_header_size(size, false));
    const auto header = read_frame_header(std::span(out).first(written), Receiver::client, true);
    ASSERT_TRUE(header && *header);
    EXPECT_TRUE((*header)->rsv1 && (*header)->fin && !(*header)->masked);
    EXPECT_EQ((*header)->opcode, Opcode::text);
    EXPECT_EQ((*header)->payload_size, size);
    write_server_header(out, Opcode::text, false, size);
    EXPECT_FALSE((*read_frame_header(std::span(out).first(written), Receiver::client))->rsv1);
  }
}

TEST(Encoder, WritesAServersCloseFrame) {
  const auto written = [](std::uint16_t code, std::string_view reason) {
    std::array<std::byte, kMaxControlFrameSize> out{};
    const std::size_t size = write_server_close(out, code, reason);
    return Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size));
  };
  EXPECT_EQ(written(1000, ""), test::close(1000, "", test::kUnmasked));
  EXPECT_EQ(written(4000, "replaced"), test::close(4000, "replaced", test::kUnmasked));
  EXPECT_EQ(written(1000, some_text(200)), test::close(1000, some_text(kMaxCloseReasonSize), test::kUnmasked));
  EXPECT_EQ(written(close_code::no_status, "not sent"), test::frame(Opcode::close, "", test::kUnmasked));
}

}  // namespace
}  // namespace brume::codec

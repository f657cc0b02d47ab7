// Frame decoder: any stream, in any pieces, under any limits, says what the reference decoder says.
//
// Byte 0 chooses the receiver (bit 0), the limits (bits 1 to 4) and compression (bit 5), byte 1 the pieces; the rest is
// the stream.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/close_payload.h>
#include <brume/codec/decoder.h>
#include <brume/fuzz/support/reference_decoder.h>
#include <brume/fuzz/support/run_decoder.h>

namespace brume::fuzz {
namespace {

using codec::check;

constexpr std::size_t kControlBytes = 2;

codec::DecoderLimits limits_for(std::uint8_t choice) {
  constexpr std::array<std::size_t, 4> kSizes{512 * 1024, 0, 16, 300};
  constexpr std::array<std::uint32_t, 4> kFragments{1024, 1, 2, 5};
  return {.max_message_size = kSizes[choice >> 1 & 3],
          .max_fragments = kFragments[choice >> 3 & 3],
          .receiver = (choice & 1) == 0 ? codec::Receiver::server : codec::Receiver::client,
          .compression = (choice >> 5 & 1) != 0};
}

// Pieces of up to 1, 2, 3 ... bytes (some of them empty), their sizes drawn from `choice`; one byte each for 0.
std::vector<std::size_t> cuts_for(std::uint8_t choice, std::size_t stream_size) {
  if (choice == 0) return cut_everywhere(stream_size);
  std::vector<std::size_t> cuts;
  std::uint32_t state = choice;
  std::size_t position = 0;
  while (true) {
    state = state * 1664525 + 1013904223;  // a linear congruential generator: the same pieces in every run
    position += (state >> 24) % (choice % 64 + 2u);
    if (position >= stream_size) return cuts;
    cuts.push_back(position);
  }
}

// Holds one piece at a time in memory of exactly its size, so that the sanitizer sees a step beyond it.
class ExactMemory {
 public:
  std::span<std::byte> operator()(std::span<const std::byte> piece) {
    memory_ = std::make_unique_for_overwrite<std::byte[]>(piece.size());
    std::ranges::copy(piece, memory_.get());
    return {memory_.get(), piece.size()};
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
};

void compare(std::span<const std::byte> stream, std::span<const std::size_t> cuts, const codec::DecoderLimits& limits,
             std::span<const SeenEvent> expected) {
  const auto events = run_decoder(stream, cuts, limits, ExactMemory());
  if (const auto found = difference(events, expected, cuts)) {
    std::fprintf(stderr, "in %zu pieces: %s\n", cuts.size() + 1, found->c_str());
    std::abort();
  }
}

// A header that is read is written again as it came: there is one form for each. As it is read with permessage-deflate
// agreed, too, which lets RSV1 in at a message's first frame and nowhere else.
void check_header(std::span<const std::byte> stream, codec::Receiver receiver) {
  const auto plain = codec::read_frame_header(stream, receiver);
  const auto compressed = codec::read_frame_header(stream, receiver, true);
  const bool may_differ = !plain && plain.error() == codec::Violation::unexpected_rsv1;
  check(may_differ || (plain.has_value() == compressed.has_value() && (plain || plain.error() == compressed.error())),
        "permessage-deflate changes what RSV1 means alone");
  if (!compressed || !*compressed) return;
  const codec::FrameHeader& header = **compressed;
  check(!header.rsv1 || header.opcode == codec::Opcode::text || header.opcode == codec::Opcode::binary,
        "RSV1 stands at the first frame of a message");
  check(header.header_size == codec::frame_header_size(header.payload_size, header.masked), "the shortest form");
  std::array<std::byte, codec::kMaxHeaderSize> written{};
  const std::size_t size = codec::write_frame_header(written, header);
  check(std::ranges::equal(std::span(written).first(size), stream.first(header.header_size)),
        "a header is written as it came");
}

// What is accepted in a Close frame may be echoed, and is then the same.
void check_close(std::span<const std::byte> payload) {
  const auto read = codec::read_close_payload(payload);
  if (!read) return;
  std::array<std::byte, codec::kMaxControlPayloadSize> echo{};
  const std::size_t size = codec::write_close_payload(echo, read->code, read->reason);
  check(std::ranges::equal(std::span(echo).first(size), payload), "an accepted close payload is echoed as it came");
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume::fuzz;
  if (size < kControlBytes) return 0;
  const auto limits = limits_for(data[0]);
  const auto stream = std::as_bytes(std::span(data, size)).subspan(kControlBytes);
  const auto cuts = cuts_for(data[1], stream.size());
  const auto expected = decode_by_the_book(stream, limits);
  check_header(stream, limits.receiver);
  compare(stream, {}, limits, expected);
  compare(stream, cuts, limits, expected);
  for (const SeenEvent& event : expected) {
    if (event.kind == brume::codec::Event::Kind::close) check_close(event.payload);
  }
  return 0;
}

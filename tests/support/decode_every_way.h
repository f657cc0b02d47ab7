// decode_every_way.h: what codec::Decoder says of a stream, the same for every cut, in memory that ends where it ends.
//
// Functions without state, for the main thread of a test.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/decoder.h>
#include <brume/fuzz/support/reference_decoder.h>
#include <brume/fuzz/support/run_decoder.h>
#include <brume/fuzz/support/seen_event.h>
#include <brume/tests/support/frames.h>
#include <brume/tests/support/guarded_buffer.h>

namespace brume::test {

// Expects the decoder to say of the stream in these pieces what the reference says; returns what it said.
inline std::vector<fuzz::SeenEvent> expect_as_by_the_book(std::span<const std::byte> stream,
                                                          std::span<const std::size_t> cuts,
                                                          std::span<const fuzz::SeenEvent> expected,
                                                          const codec::DecoderLimits& limits, GuardedBuffer& buffer) {
  const auto place = [&buffer](std::span<const std::byte> piece) { return buffer.place_at_end(piece); };
  auto events = fuzz::run_decoder(stream, cuts, limits, place);
  if (const auto difference = fuzz::difference(events, expected, cuts)) {
    std::string where;
    for (const std::size_t cut : cuts) where += " " + std::to_string(cut);
    ADD_FAILURE() << "cut at" << (where.size() > 200 ? " many places" : where) << ": " << *difference;
  }
  return events;
}

// Decodes the stream whole, cut in two at each place, and byte by byte, and expects the reference's events each time.
// Returns the events of the run byte by byte, whose `end` is exact. Quadratic in the stream's size.
inline std::vector<fuzz::SeenEvent> decode_every_way(std::span<const std::byte> stream,
                                                     const codec::DecoderLimits& limits = {}) {
  GuardedBuffer buffer(stream.size());
  const auto expected = fuzz::decode_by_the_book(stream, limits);
  expect_as_by_the_book(stream, {}, expected, limits, buffer);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    expect_as_by_the_book(stream, std::span(&cut, 1), expected, limits, buffer);
  }
  return expect_as_by_the_book(stream, fuzz::cut_everywhere(stream.size()), expected, limits, buffer);
}

// The events as short lines: `text "Hello"`, `ping ""`, `invalid_utf8 at byte 9`.
inline std::vector<std::string> lines_of(std::span<const fuzz::SeenEvent> events) {
  using Kind = codec::Event::Kind;
  std::vector<std::string> lines;
  for (const fuzz::SeenEvent& event : events) {
    const std::string payload = " \"" + std::string(text_of(event.payload)) + "\"";
    switch (event.kind) {
      case Kind::need_more:
        lines.push_back("need_more");
        break;
      case Kind::message:
        lines.push_back((event.compressed ? "compressed " : std::string()) +
                        (event.opcode == codec::Opcode::text ? "text" : "binary") + payload);
        break;
      case Kind::ping:
        lines.push_back("ping" + payload);
        break;
      case Kind::pong:
        lines.push_back("pong" + payload);
        break;
      case Kind::close:
        lines.push_back("close" + payload);
        break;
      case Kind::violation:
        lines.push_back(std::string(codec::info(event.violation).name) + " at byte " + std::to_string(event.end));
        break;
    }
  }
  return lines;
}

}  // namespace brume::test

// run_decoder.h: codec::Decoder over a stream that is cut anywhere, judged against the reference decoder.
//
// Functions without state. What must hold after every step is checked on the way.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/decoder.h>
#include <brume/fuzz/support/reference_decoder.h>
#include <brume/fuzz/support/seen_event.h>

namespace brume::fuzz {

// What a decoder may hold that does not grow with the bytes received.
inline constexpr std::size_t kHeldConstant = 512;

// Runs a decoder over `stream` in the pieces between `cuts` (ascending positions). `place(piece)` copies a piece to
// where the decoder is to find it and returns that span, which holds until the next call.
template <class Place>
std::vector<SeenEvent> run_decoder(std::span<const std::byte> stream, std::span<const std::size_t> cuts,
                                   const codec::DecoderLimits& limits, Place&& place) {
  using codec::check;
  using Kind = codec::Event::Kind;
  std::vector<SeenEvent> events;
  codec::Decoder decoder;
  std::size_t begin = 0;
  std::size_t received_since_idle = 0;
  bool ended = false;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
    std::span<std::byte> input = place(stream.subspan(begin, end - begin));
    received_since_idle += input.size();
    while (true) {
      const std::size_t before = input.size();
      const codec::Event event = decoder.next(input, limits);
      decoder.check_invariants();
      check(decoder.held_bytes() <= 2 * received_since_idle + kHeldConstant, "memory is within twice the bytes seen");
      check(input.size() <= before, "input is only ever taken");
      if (event.kind == Kind::need_more) {
        check(input.empty(), "nothing is left over where more is needed");
        break;
      }
      check(!ended, "nothing comes after a close or a violation");
      check(event.kind != Kind::message || !decoder.mid_message(), "a message that is delivered is over");
      check(!decoder.mid_message() || decoder.held_bytes() > 0, "the beginning of a message is held");
      SeenEvent seen{.kind = event.kind, .compressed = event.compressed, .opcode = event.opcode, .end = end};
      if (event.kind == Kind::violation) seen.violation = event.violation;
      seen.payload.assign(event.payload.begin(), event.payload.end());
      if (event.kind == Kind::message) {
        const codec::OwnedBytes owned = decoder.take_payload(event.payload);
        check(std::ranges::equal(std::span(owned.data.get(), owned.size), seen.payload), "a kept payload is the same");
      }
      events.push_back(std::move(seen));
      ended = event.kind == Kind::violation || event.kind == Kind::close;
    }
    if (decoder.held_bytes() == 0) received_since_idle = 0;
    check(decoder.mid_message() == (decoder.held_bytes() > 0), "memory is held in the middle of a message alone");
    begin = end;
  }
  return events;
}

// What differs between the events of a run with these cuts and the reference's; nullopt where nothing does.
inline std::optional<std::string> difference(std::span<const SeenEvent> seen, std::span<const SeenEvent> expected,
                                             std::span<const std::size_t> cuts) {
  std::ostringstream text;
  for (std::size_t i = 0; i < std::max(seen.size(), expected.size()); ++i) {
    if (i < seen.size() && i < expected.size()) {
      // The event has to come with the piece that holds its last byte.
      const auto cut = std::ranges::lower_bound(cuts, expected[i].end);
      const bool in_time = cut == cuts.end() ? seen[i].end >= expected[i].end : seen[i].end == *cut;
      if (seen[i].says_the_same_as(expected[i]) && in_time) continue;
    }
    text << "event " << i << ": ";
    if (i < seen.size()) {
      text << seen[i];
    } else {
      text << "none";
    }
    text << ", expected ";
    if (i < expected.size()) {
      text << expected[i];
    } else {
      text << "none";
    }
    return text.str();
  }
  return std::nullopt;
}

// All cuts of a stream: a piece for each byte.
inline std::vector<std::size_t> cut_everywhere(std::size_t stream_size) {
  std::vector<std::size_t> cuts;
  for (std::size_t i = 1; i < stream_size; ++i) cuts.push_back(i);
  return cuts;
}

}  // namespace brume::fuzz

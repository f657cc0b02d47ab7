// seen_event.h: an event of a decoder, kept for comparison.
//
// Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <vector>

#include <brume/codec/decoder.h>

namespace brume::fuzz {

struct SeenEvent {
  codec::Event::Kind kind{};
  bool compressed = false;       // of a message
  codec::Opcode opcode{};        // of a message, else continuation
  codec::Violation violation{};  // of a violation, else the first enumerator
  std::vector<std::byte> payload{};
  std::size_t end = 0;  // bytes of the stream that were given when the event came

  // Whether both say the same; when they said it depends on the cuts.
  bool says_the_same_as(const SeenEvent& other) const {
    return kind == other.kind && compressed == other.compressed && opcode == other.opcode &&
           violation == other.violation && payload == other.payload;
  }
};

inline std::ostream& operator<<(std::ostream& out, const SeenEvent& event) {
  switch (event.kind) {
    case codec::Event::Kind::need_more:
      out << "need_more";
      break;
    case codec::Event::Kind::message:
      out << (event.compressed ? "compressed " : "")
          << (event.opcode == codec::Opcode::text ? "text message" : "binary message");
      break;
    case codec::Event::Kind::ping:
      out << "ping";
      break;
    case codec::Event::Kind::pong:
      out << "pong";
      break;
    case codec::Event::Kind::close:
      out << "close";
      break;
    case codec::Event::Kind::violation:
      return out << "violation " << codec::info(event.violation).name << " at byte " << event.end;
  }
  return out << " of " << event.payload.size() << " bytes at byte " << event.end;
}

}  // namespace brume::fuzz

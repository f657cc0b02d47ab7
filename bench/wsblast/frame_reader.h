// frame_reader.h: counts the messages in the bytes a server sends, and compares them with the tape if asked to.
//
// One for each connection, on the generator's thread. It trusts the server's framing: this is no test of a codec.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <brume/bench/wsblast/tape.h>

namespace wsblast {

class FrameReader {
 public:
  // From now on every message must equal the tape's, beginning with frame `first`. The tape outlives the reader.
  void expect(const Tape& tape, std::size_t first) {
    tape_ = &tape;
    expected_ = first;
  }

  // Takes the next bytes of the stream; returns how many messages they completed.
  std::uint32_t read(std::span<const std::byte> input);

  std::uint64_t verified() const { return verified_; }
  std::uint64_t mismatches() const { return mismatches_; }
  bool close_seen() const { return close_seen_; }

 private:
  std::size_t read_header(std::span<const std::byte> input);
  std::uint32_t end_frame();
  void compare(std::span<const std::byte> part);

  std::uint64_t remaining_ = 0;  // payload bytes of the current frame still to come
  bool in_payload_ = false;
  std::uint8_t header_size_ = 0;  // bytes of a header that came in pieces
  std::array<std::byte, 10> header_{};

  const Tape* tape_ = nullptr;
  std::size_t expected_ = 0;
  std::size_t compared_ = 0;  // bytes of the current message
  std::uint64_t verified_ = 0;
  std::uint64_t mismatches_ = 0;
  bool differs_ = false;
  bool close_seen_ = false;
};

}  // namespace wsblast

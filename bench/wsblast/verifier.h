// verifier.h: compares the messages that one connection receives with the tape's, byte for byte, inflated where they
// are compressed.
//
// On the generator's thread. The tape outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <brume/bench/wsblast/deflate.h>
#include <brume/bench/wsblast/tape.h>

namespace wsblast {

class Verifier {
 public:
  // Every message must equal the tape's, beginning with frame `first`.
  Verifier(const Tape& tape, std::size_t first) : tape_(tape), expected_(first) {}

  // The next part of a message's payload; `first_byte` of its frame's header.
  void take(std::byte first_byte, std::span<const std::byte> part);
  void end_message(std::byte first_byte);

  std::uint64_t verified() const { return verified_; }
  std::uint64_t mismatches() const { return mismatches_; }

 private:
  const Tape& tape_;
  std::size_t expected_;
  std::size_t compared_ = 0;  // bytes of the current message
  bool differs_ = false;
  std::vector<std::byte> compressed_;  // of the current message
  Inflater inflater_;
  std::uint64_t verified_ = 0;
  std::uint64_t mismatches_ = 0;
};

}  // namespace wsblast

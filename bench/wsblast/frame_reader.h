// frame_reader.h: counts the messages in the bytes a server sends, and has them compared with the tape if asked to.
//
// One for each connection, on the generator's thread. It trusts the server's framing: this is no test of a codec.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <brume/bench/wsblast/verifier.h>

namespace wsblast {

class FrameReader {
 public:
  // From now on every message must equal the tape's, beginning with frame `first`. The tape outlives the reader.
  void expect(const Tape& tape, std::size_t first) { verifier_ = std::make_unique<Verifier>(tape, first); }

  // Takes the next bytes of the stream; returns how many messages they completed.
  std::uint32_t read(std::span<const std::byte> input);

  std::uint64_t verified() const { return verifier_ ? verifier_->verified() : 0; }
  std::uint64_t mismatches() const { return verifier_ ? verifier_->mismatches() : 0; }
  std::uint64_t messages() const { return messages_; }      // so far
  std::uint64_t compressed() const { return compressed_; }  // of them
  bool close_seen() const { return close_seen_; }

 private:
  std::size_t read_header(std::span<const std::byte> input);
  std::uint32_t end_frame();

  std::uint64_t remaining_ = 0;  // payload bytes of the current frame still to come
  bool in_payload_ = false;
  std::uint8_t header_size_ = 0;  // bytes of a header that came in pieces
  std::array<std::byte, 10> header_{};

  std::unique_ptr<Verifier> verifier_;
  std::uint64_t messages_ = 0;
  std::uint64_t compressed_ = 0;
  bool close_seen_ = false;
};

}  // namespace wsblast

// tape.h: client frames made before the measurement, so that sending is a slice of memory and costs nothing.
//
// The tape is a ring: frame n is frame n modulo frame_count(). Each frame has a mask key of its own (RFC 6455, section
// 5.3), drawn in bulk from the kernel, and random payload; compressed ones hold text like JSON. Built once, then
// read-only; views live as long as the tape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include <brume/bench/wsblast/options.h>

namespace wsblast {

class Tape {
 public:
  // `longest_run`: the most frames one frames() call asks for. Requires sizes that are not empty.
  Tape(const Options& options, std::size_t longest_run) : Tape(options.sizes, options, longest_run) {}
  Tape(const std::vector<std::size_t>& sizes, const Options& options, std::size_t longest_run);

  std::size_t frame_count() const { return frame_count_; }

  // The bytes on the wire of `count` frames in a row. Requires `first` < frame_count(), `count` <= longest_run.
  std::span<const std::byte> frames(std::size_t first, std::size_t count) const {
    return std::span(wire_).subspan(wire_offsets_[first], wire_offsets_[first + count] - wire_offsets_[first]);
  }

  // What the server has to send back for frame `index`. Requires `index` < frame_count().
  std::span<const std::byte> payload(std::size_t index) const {
    const std::size_t begin = payload_offsets_[index];
    return std::span(payloads_).subspan(begin, payload_offsets_[index + 1] - begin);
  }

  // FIN and the opcode, as in every frame.
  std::byte opcode_byte() const { return opcode_byte_; }
  bool compressed() const { return compressed_; }

 private:
  void choose_frame_count(const std::vector<std::size_t>& sizes, std::size_t longest_run);
  void draw_payloads(const std::vector<std::size_t>& sizes, bool text, std::mt19937_64& random);
  void append_frame(std::byte first_byte, std::span<const std::byte> payload, std::span<const std::byte, 4> key,
                    bool masked);

  std::byte opcode_byte_;
  bool compressed_;
  std::size_t frame_count_ = 0;
  std::vector<std::byte> wire_;  // the ring, and its first frames once more so that a run never wraps
  std::vector<std::size_t> wire_offsets_;
  std::vector<std::byte> payloads_;
  std::vector<std::size_t> payload_offsets_;
};

}  // namespace wsblast

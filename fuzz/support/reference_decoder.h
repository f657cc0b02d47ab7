// reference_decoder.h: RFC 6455's receiving side, slow and obvious, for comparison with codec::Decoder.
//
// It takes one byte at a time, keeps every byte of the frame at hand, and shares no code with the codec. A value of one
// stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <brume/codec/decoder.h>
#include <brume/fuzz/support/reference_utf8.h>
#include <brume/fuzz/support/seen_event.h>

namespace brume::fuzz {

class ReferenceDecoder {
 public:
  explicit ReferenceDecoder(const codec::DecoderLimits& limits) : limits_(limits) {}

  // Takes the stream's next byte; returns the event that this byte completes. Takes nothing after close or violation.
  std::optional<SeenEvent> take(std::byte byte) {
    if (ended_) return std::nullopt;
    frame_.push_back(std::to_integer<std::uint8_t>(byte));
    ++taken_;
    std::optional<SeenEvent> event = judge();
    if (!event) return std::nullopt;
    event->end = taken_;
    ended_ = event->kind == Kind::violation || event->kind == Kind::close;
    return event;
  }

 private:
  using Kind = codec::Event::Kind;
  using Violation = codec::Violation;

  static constexpr unsigned kText = 1;
  static constexpr unsigned kBinary = 2;
  static constexpr unsigned kClose = 8;
  static constexpr unsigned kPing = 9;

  unsigned opcode() const { return frame_[0] & 0x0Fu; }
  bool fin() const { return (frame_[0] & 0x80u) != 0; }
  bool control() const { return opcode() >= 8; }
  unsigned length_bits() const { return frame_[1] & 0x7Fu; }
  bool masked() const { return (frame_[1] & 0x80u) != 0; }
  std::size_t length_size() const { return length_bits() == 127 ? 8 : length_bits() == 126 ? 2 : 0; }
  std::size_t header_size() const { return 2 + length_size() + (masked() ? 4u : 0u); }
  std::uint64_t length() const {
    if (length_size() == 0) return length_bits();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < length_size(); ++i) value = value * 256 + frame_[2 + i];
    return value;
  }

  static SeenEvent broken(Violation violation) { return {.kind = Kind::violation, .violation = violation}; }

  // Judges what the newest byte of the frame decides.
  std::optional<SeenEvent> judge() {
    const std::size_t size = frame_.size();
    if (size == 1) return judge_first();
    if (size == 2) {
      if (const auto event = judge_second()) return event;
    }
    if (size == 3 && length_size() == 8 && (frame_[2] & 0x80u) != 0) return broken(Violation::length_top_bit);
    if (size == 4 && length_size() == 2 && length() < 126) return broken(Violation::length_not_minimal);
    if (size == 8 && length_size() == 8) {
      bool small = true;
      for (std::size_t i = 2; i < 8; ++i) small = small && frame_[i] == 0;
      if (small) return broken(Violation::length_not_minimal);
    }
    if (size < header_size()) return std::nullopt;
    if (size == header_size()) {
      if (const auto event = judge_limits()) return event;
    } else if (!control()) {
      message_.push_back(newest_payload_byte());
      if (message_opcode_ == kText && !compressed_ && !text_.take(std::to_integer<std::uint8_t>(message_.back()))) {
        return broken(Violation::invalid_utf8);
      }
    } else {
      control_.push_back(newest_payload_byte());
    }
    if (size - header_size() < length()) return std::nullopt;
    return end_frame();
  }

  std::optional<SeenEvent> judge_first() const {
    if (opcode() > kBinary && opcode() < kClose) return broken(Violation::reserved_opcode);
    if (opcode() > 10) return broken(Violation::reserved_opcode);
    if ((frame_[0] & 0x20u) != 0) return broken(Violation::reserved_bit_2);
    if ((frame_[0] & 0x10u) != 0) return broken(Violation::reserved_bit_3);
    const bool may_be_compressed = limits_.compression && (opcode() == kText || opcode() == kBinary);
    if ((frame_[0] & 0x40u) != 0 && !may_be_compressed) return broken(Violation::unexpected_rsv1);
    if (control() && !fin()) return broken(Violation::fragmented_control);
    if (opcode() == 0 && message_opcode_ == 0) return broken(Violation::continuation_without_start);
    if (opcode() != 0 && !control() && message_opcode_ != 0) return broken(Violation::data_inside_message);
    return std::nullopt;
  }

  std::optional<SeenEvent> judge_second() const {
    if (control() && length_bits() > 125) return broken(Violation::control_too_long);
    const bool to_server = limits_.receiver == codec::Receiver::server;
    if (to_server && !masked()) return broken(Violation::unmasked_client_frame);
    if (!to_server && masked()) return broken(Violation::masked_server_frame);
    return std::nullopt;
  }

  // At the header's last byte.
  std::optional<SeenEvent> judge_limits() {
    if (control()) return std::nullopt;
    if (opcode() != 0) {
      message_opcode_ = opcode();
      compressed_ = (frame_[0] & 0x40u) != 0;
    }
    if (++fragments_ > limits_.max_fragments) return broken(Violation::too_many_fragments);
    std::uint64_t most = limits_.max_message_size;
    if (compressed_) most += most / 64 + 64;
    if (length() > most) return broken(Violation::message_too_large);
    if (message_.size() + length() > most) return broken(Violation::message_too_large);
    return std::nullopt;
  }

  std::byte newest_payload_byte() const {
    const std::size_t position = frame_.size() - 1 - header_size();
    const unsigned key = masked() ? frame_[header_size() - 4 + position % 4] : 0u;
    return static_cast<std::byte>(frame_.back() ^ key);
  }

  SeenEvent end_frame_of_control() {
    SeenEvent event{.kind = Kind::pong, .payload = std::exchange(control_, {})};
    if (opcode() == kClose) event.kind = Kind::close;
    if (opcode() == kPing) event.kind = Kind::ping;
    return event;
  }

  std::optional<SeenEvent> end_frame() {
    std::optional<SeenEvent> event;
    if (control()) {
      event = end_frame_of_control();
    } else if (fin()) {
      if (!text_.between_code_points()) return broken(Violation::truncated_utf8);
      const auto type = message_opcode_ == kText ? codec::Opcode::text : codec::Opcode::binary;
      event = SeenEvent{
          .kind = Kind::message, .compressed = compressed_, .opcode = type, .payload = std::exchange(message_, {})};
      message_opcode_ = 0;
      fragments_ = 0;
    }
    frame_.clear();
    return event;
  }

  codec::DecoderLimits limits_;
  bool ended_ = false;
  std::size_t taken_ = 0;
  std::vector<unsigned> frame_;  // all bytes of the frame at hand
  std::vector<std::byte> control_;
  std::vector<std::byte> message_;
  ReferenceUtf8 text_;
  unsigned message_opcode_ = 0;
  bool compressed_ = false;  // the message
  std::uint32_t fragments_ = 0;
};

inline std::vector<SeenEvent> decode_by_the_book(std::span<const std::byte> stream,
                                                 const codec::DecoderLimits& limits) {
  ReferenceDecoder decoder(limits);
  std::vector<SeenEvent> events;
  for (const std::byte byte : stream) {
    if (auto event = decoder.take(byte)) events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace brume::fuzz

// partial.h: what a Decoder keeps between two calls while a frame or a message is not complete.
//
// Made with the first byte that has to wait, gone when nothing waits. A value of one Decoder, on its thread.
// May throw std::bad_alloc.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <brume/codec/frame_header.h>
#include <brume/codec/message_store.h>
#include <brume/codec/utf8.h>

namespace brume::codec {

struct Partial {
  enum class Phase : std::uint8_t {
    header,     // the next bytes belong to a header
    payload,    // they belong to the payload of `frame`
    delivered,  // the last event is a view of this
  };

  // Turns to the payload of a frame whose header was just read. Requires: phase is header.
  void begin(const FrameHeader& header);
  // Takes the bytes of the payload that are in `input`. False at bad UTF-8. `max_size`: the message's, in frames.
  // Requires: phase is payload.
  bool take_payload(std::span<std::byte>& input, std::size_t max_size);
  // The unmasked payload of the control frame at hand. Requires: the frame is complete.
  std::span<std::byte> control() { return std::span(control_payload).first(static_cast<std::size_t>(received)); }

  bool frame_is_complete() const { return received == frame.payload_size; }
  bool in_message() const { return opcode != Opcode::continuation; }
  void check_invariants() const;

  Phase phase = Phase::header;

  // The frame at hand: its header's bytes until they are complete, then the header and the payload.
  std::uint8_t header_bytes_held = 0;
  std::array<std::byte, kMaxHeaderSize> header_bytes{};
  FrameHeader frame{};
  std::uint64_t received = 0;  // bytes of its payload
  // A control frame has room of its own, as it may come in the middle of a message.
  std::array<std::byte, kMaxControlPayloadSize> control_payload{};

  // The message that is not complete yet.
  Opcode opcode = Opcode::continuation;  // continuation where there is no message
  bool compressed = false;               // so that its text is judged by who inflates it
  Utf8Validator utf8{};
  std::uint32_t fragments = 0;
  MessageStore store{};
};

}  // namespace brume::codec

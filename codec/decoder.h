// decoder.h: a byte stream in, whole messages and control frames out (RFC 6455, sections 5 and 6.2; RFC 7692, 6.1).
//
// Free of I/O. A Decoder belongs to one connection and its thread. A frame that is wholly in the input is unmasked
// and validated where it landed and costs no allocation; only an unfinished frame or message is moved into the
// decoder's own store (message_store.h), which grows with the bytes seen (never with the length declared) and is given
// back by the call after the one that delivered it: call next() until need_more. An idle decoder is one pointer.
// May throw std::bad_alloc, after which it must be destroyed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <expected>
#include <memory>
#include <optional>
#include <span>

#include <brume/codec/frame_header.h>
#include <brume/codec/open_payload.h>
#include <brume/codec/violation.h>

namespace brume::codec {

struct Partial;  // partial.h

struct DecoderLimits {
  std::size_t max_message_size = 512 * 1024;  // bytes of a whole message, judged from each header (section 10.4)
  std::uint32_t max_fragments = 1024;         // frames of one message, empty ones too; at least 1
  Receiver receiver = Receiver::server;
  bool compression =
      false;  // permessage-deflate was agreed: RSV1 marks a message as compressed (RFC 7692, section 6.1)
};

// Of a compressed message's payload, where a message may have `max_message_size` bytes: what does not compress is a
// little longer for having been through a compressor.
constexpr std::size_t max_compressed_size(std::size_t max_message_size) {
  return max_message_size + max_message_size / 64 + 64;
}

struct Event {
  enum class Kind : std::uint8_t {
    need_more,  // the input is used up
    message,    // a whole text or binary message
    ping,
    pong,
    close,      // a Close frame; its payload is not judged yet (close_payload.h)
    violation,  // a broken rule; nothing more is taken
  };
  Kind kind = Kind::need_more;
  // Of a message: whether its payload is still compressed, and so neither known to be UTF-8 nor within the limit.
  bool compressed = false;
  Opcode opcode = Opcode::continuation;              // of a message: text or binary
  Violation violation = Violation::reserved_opcode;  // meaningful only for Kind::violation
  // Unmasked. Lies in the input or in the decoder; valid until the next call of next(), and no longer than both.
  std::span<std::byte> payload{};
};

// Owning bytes of a message: the decoder's store handed over (take_payload), or a copy.
struct OwnedBytes {
  std::unique_ptr<std::byte[]> data;
  std::size_t size = 0;
};

class Decoder {
 public:
  // Takes bytes from the front of `input` (which is changed in place: payloads are unmasked) up to the end of the
  // next message or control frame, and leaves the rest in `input`. How a stream is split never changes the events.
  // A violation is found at its first byte: the header's by read_frame_header(), a frame that is out of sequence
  // (section 5.4) at its first byte, a limit at its header's last byte, bad UTF-8 at the first impossible byte.
  // After Kind::violation and Kind::close whatever later calls bring is dropped unread (section 5.5.1).
  // Requires: `limits` is the same on every call.
  Event next(std::span<std::byte>& input, const DecoderLimits& limits);

  // True from a message's (or control frame's) first byte to its last: what message_timeout measures.
  bool mid_message() const;
  // Bytes of memory held beyond the object itself: at most twice the bytes received, and a small constant.
  std::size_t held_bytes() const;
  // The payload of the message just returned, as an owner. Where it lies in the decoder's store (a message that came
  // in pieces) the store is handed over without a copy; otherwise it is copied. Requires: the last next() returned
  // Kind::message with this payload.
  OwnedBytes take_payload(std::span<const std::byte> payload);
  void check_invariants() const;

 private:
  struct Release {
    void operator()(Partial* partial) const noexcept;
  };

  using HeaderOrViolation = std::expected<std::optional<FrameHeader>, Violation>;

  static Partial* ended();
  Event next_in_pieces(std::span<std::byte>& input, const DecoderLimits& limits);
  HeaderOrViolation take_header(std::span<std::byte>& input, const DecoderLimits& limits);
  std::optional<Violation> judge_sequence(Opcode opcode) const;
  std::optional<Violation> judge_limits(const FrameHeader& header, const DecoderLimits& limits) const;
  Event deliver_in_place(const FrameHeader& header, std::span<std::byte>& input);
  Event deliver_from_partial();
  Event fail(Violation violation);
  void forget_delivered();
  bool waiting() const;
  bool in_message() const;
  Partial& need_partial();

  // Null where nothing waits; ended() after a close or a violation.
  std::unique_ptr<Partial, Release> partial_;
};

// A short unfragmented message that is wholly there is nearly all that most connections ever get: it is dealt with
// here, and everything else, what is wrong with such a message included, in decoder.cpp.
inline Event Decoder::next(std::span<std::byte>& input, const DecoderLimits& limits) {
  constexpr std::byte kWholeText{0x81};
  constexpr std::byte kWholeBinary{0x82};
  constexpr std::size_t kLengthEnd = 2;
  if (partial_ == nullptr && input.size() >= kLengthEnd) [[likely]] {
    const bool masked = limits.receiver == Receiver::server;
    const std::size_t header_size = kLengthEnd + (masked ? sizeof(MaskKey) : 0);
    // Above 125 for the longer length forms, and where the mask bit is not the expected one.
    const std::size_t payload_size = std::to_integer<unsigned>(input[1]) ^ (masked ? 0x80u : 0u);
    if ((input[0] == kWholeText || input[0] == kWholeBinary) && payload_size <= kMaxControlPayloadSize &&
        payload_size <= limits.max_message_size && header_size + payload_size <= input.size()) [[likely]] {
      const Opcode opcode = opcode_of(input[0]);
      MaskKey key{};
      if (masked) std::memcpy(key.data(), input.data() + kLengthEnd, key.size());
      const auto payload = input.subspan(header_size, payload_size);
      input = input.subspan(header_size + payload_size);
      const auto violation = open_in_place(payload, opcode, masked ? &key : nullptr);
      if (violation) return fail(*violation);
      return {.kind = Event::Kind::message, .opcode = opcode, .payload = payload};
    }
  }
  // A copy, so that the caller's own span may stay in registers.
  std::span<std::byte> rest = input;
  const Event event = next_in_pieces(rest, limits);
  input = rest;
  return event;
}

}  // namespace brume::codec

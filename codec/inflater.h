// inflater.h: the payload of a compressed message as its sender had it (RFC 7692, section 7.2.2).
//
// Two ways that agree on every payload but for what is said at WholeInflater: the whole message at once by libdeflate,
// where no message refers to an earlier one, and by zlib where they do. Neither writes beyond the room it is given, so
// a payload that would grow without end costs what its receiver allows. An inflater is one thread's at a time. A
// payload may hold several blocks and blocks with BFINAL set (section 7.2.3.4); what follows such a block begins anew.
// An empty payload, as some compressors make of an empty message, is an empty message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <brume/codec/zlib_memory.h>

struct libdeflate_decompressor;

namespace brume::codec {

struct Inflated {
  enum class State : std::uint8_t {
    done,
    full,  // there is more than the room holds, or the room is used up and what is behind it is bad
    bad,   // the payload is no DEFLATE data, or does not end where a message may end
  };
  State state = State::done;
  std::size_t size = 0;  // bytes written
};

// Keeps nothing from one message to the next. Constructor: may throw std::bad_alloc.
//
// Of a payload that is cut off inside a block with BFINAL set it may make some message where zlib would find it bad:
// the block then ends in what stands for the end of the message. It also takes tables of a dynamic block that zlib
// refuses: of more codes than there are (RFC 1951, section 3.2.7), with a repeat that goes beyond them, or without a
// code for the end of the block; and the codes that never occur (length 286 and 287, distance 30 and 31;
// section 3.2.6), as some length or distance. No encoder writes any of these, and what is made of them is bounded like
// all else.
class WholeInflater {
 public:
  // Bytes behind the payload that inflate() needs for itself.
  static constexpr std::size_t kRoomBehind = 9;

  WholeInflater();
  ~WholeInflater();
  WholeInflater(const WholeInflater&) = delete;
  WholeInflater& operator=(const WholeInflater&) = delete;

  // `payload`: and kRoomBehind more bytes, which are overwritten. `full`: nothing is kept; begin again with more room.
  Inflated inflate(std::span<std::byte> payload_and_room, std::span<std::byte> out);

 private:
  libdeflate_decompressor* decompressor_;
};

// Keeps the window of what it inflated: for a peer that refers to earlier messages. Not movable (zlib keeps its
// address). After `bad`, and after a message that was given up at `full`, it is only good for being destroyed.
class StreamInflater {
 public:
  // The window is taken with the first message. May throw std::bad_alloc.
  explicit StreamInflater(std::uint8_t window_bits);
  ~StreamInflater();
  StreamInflater(const StreamInflater&) = delete;
  StreamInflater& operator=(const StreamInflater&) = delete;

  // `payload` stays where it is until inflate() says done or bad.
  void begin(std::span<const std::byte> payload);
  // `full`: what was written counts, and the next call goes on behind it. May throw std::bad_alloc.
  Inflated inflate(std::span<std::byte> out);
  // The next message refers to nothing before it.
  void forget();

  std::size_t held_bytes() const { return memory_.held; }
  // At most held_bytes() with that window.
  static constexpr std::size_t most_bytes(std::uint8_t window_bits) {
    constexpr std::size_t kState = 7300;  // zlib's own, for any window
    return kState + (std::size_t{1} << (window_bits < 9 ? 9 : window_bits));
  }

 private:
  ZlibMemory memory_;
  z_stream stream_{};
  bool empty_ = true;    // the payload
  bool in_tail_ = true;  // what stands for the end of the message is being read
};

}  // namespace brume::codec

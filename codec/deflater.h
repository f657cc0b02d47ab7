// deflater.h: messages compressed as RFC 7692, section 7.2.1 wants them, by zlib.
//
// What comes out has BFINAL clear and ends in a sync flush whose last four bytes are taken off. (libdeflate makes no
// such stream: it ends with BFINAL set, which several peers refuse.) One thread's at a time; not movable (zlib keeps
// its address).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include <brume/codec/zlib_memory.h>

namespace brume::codec {

class Deflater {
 public:
  // `window_bits`: 9 to 15; `level`: 1 to 9. May throw std::bad_alloc.
  Deflater(std::uint8_t window_bits, std::uint8_t level);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Forgets what came before and compresses `message`, which refers to nothing but itself. Returns the size written;
  // nullopt where `out` does not hold it, which says nothing to the next call. Requires: `message` is not empty.
  std::optional<std::size_t> deflate_alone(std::span<const std::byte> message, std::span<std::byte> out);
  // Compresses `message`, which may refer to those before it: each of them has to reach the peer.
  // Requires: `message` is not empty; out.size() >= bound(message.size()).
  std::size_t deflate_next(std::span<const std::byte> message, std::span<std::byte> out);
  // Of messages that follow; a call to deflate_alone() follows next.
  void set_level(std::uint8_t level);
  // The next message refers to nothing before it.
  void forget() { deflateReset(&stream_); }

  // Bytes that a message of that size takes at most.
  static constexpr std::size_t bound(std::size_t size) { return size + size / 8 + size / 64 + 64; }
  std::size_t held_bytes() const { return memory_.held; }
  // At most held_bytes() with that window.
  static constexpr std::size_t most_bytes(std::uint8_t window_bits) {
    constexpr std::size_t kState = 6200;  // zlib's own, for any window
    return kState + (std::size_t{1} << (window_bits + 2)) + (std::size_t{1} << (memory_level(window_bits) + 9));
  }
  // The smallest window, of those up to `most_bits`, that holds a whole message of that size.
  static constexpr std::uint8_t window_for(std::size_t size, std::uint8_t most_bits) {
    std::uint8_t bits = 9;
    while (bits < most_bits && std::size_t{1} << bits < size) ++bits;
    return bits;
  }

 private:
  // Tables in proportion to the window: zlib clears them for each message that stands alone.
  static constexpr int memory_level(std::uint8_t window_bits) { return std::min(window_bits - 6, 8); }
  std::optional<std::size_t> run(std::span<const std::byte> message, std::span<std::byte> out);

  ZlibMemory memory_;
  z_stream stream_{};
  std::uint8_t level_;
};

}  // namespace brume::codec

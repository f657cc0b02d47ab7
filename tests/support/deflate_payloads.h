// deflate_payloads.h: compressed payloads as other implementations make them, and as they read them, by zlib alone.
//
// Values; any thread. Shares nothing with codec/deflater.h and codec/inflater.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#define ZLIB_CONST
#include <zlib.h>

namespace brume::test {

// A sender that keeps its window from message to message, unless it is told to forget it.
class ReferenceDeflater {
 public:
  explicit ReferenceDeflater(int window_bits = 15, int level = 6, int strategy = Z_DEFAULT_STRATEGY) {
    deflateInit2(&stream_, level, Z_DEFLATED, -window_bits, 8, strategy);
  }
  ~ReferenceDeflater() { deflateEnd(&stream_); }
  ReferenceDeflater(const ReferenceDeflater&) = delete;
  ReferenceDeflater& operator=(const ReferenceDeflater&) = delete;

  // The payload of a message. `pieces`: sync flushes in between, so that it has several blocks.
  std::string message(std::string_view text, std::size_t pieces = 1) {
    std::string out;
    for (std::size_t i = 1; i <= pieces; ++i) {
      const std::size_t size = text.size() / (pieces - i + 1);
      run(text.substr(0, size), Z_SYNC_FLUSH, out);
      text.remove_prefix(size);
    }
    if (out.size() >= 4) out.resize(out.size() - 4);  // an empty message behind another flush is nothing
    return out;
  }
  // The same with BFINAL set, and the octet behind it (RFC 7692, section 7.2.3.4).
  std::string final_message(std::string_view text) {
    std::string out;
    run(text, Z_FINISH, out);
    deflateReset(&stream_);
    return out + '\0';
  }
  void forget() { deflateReset(&stream_); }

 private:
  void run(std::string_view text, int flush, std::string& out) {
    std::string room(text.size() + text.size() / 4 + 100, '\0');
    stream_.next_in = reinterpret_cast<const Bytef*>(text.data());
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    deflate(&stream_, flush);
    out.append(room, 0, room.size() - stream_.avail_out);
  }

  z_stream stream_{};
};

// A receiver that keeps its window, of this size and no more.
class ReferenceInflater {
 public:
  explicit ReferenceInflater(int window_bits = 15) { inflateInit2(&stream_, -window_bits); }
  ~ReferenceInflater() { inflateEnd(&stream_); }
  ReferenceInflater(const ReferenceInflater&) = delete;
  ReferenceInflater& operator=(const ReferenceInflater&) = delete;

  // nullopt where it is bad, or longer than `limit`. Refuses BFINAL, as some peers do.
  std::optional<std::string> message(std::string_view payload, std::size_t limit = 1 << 22) {
    const std::string whole = std::string(payload) + std::string("\0\0\xff\xff", 4);
    stream_.next_in = reinterpret_cast<const Bytef*>(whole.data());
    stream_.avail_in = static_cast<uInt>(whole.size());
    // In small steps: zlib looks for what is referred to in the window only where it is not in what it just wrote.
    std::string text;
    std::string step(64, '\0');
    while (true) {
      stream_.next_out = reinterpret_cast<Bytef*>(step.data());
      stream_.avail_out = static_cast<uInt>(step.size());
      const int result = inflate(&stream_, Z_SYNC_FLUSH);
      text.append(step, 0, step.size() - stream_.avail_out);
      if (result != Z_OK && result != Z_BUF_ERROR) return std::nullopt;
      const bool between_blocks = (stream_.data_type & 128) != 0 && (stream_.data_type & 63) == 0;
      if (text.size() > limit) return std::nullopt;
      if (stream_.avail_in == 0 && between_blocks) return text;
      if (stream_.avail_out != 0) return std::nullopt;
    }
  }
  void forget() { inflateReset(&stream_); }

 private:
  z_stream stream_{};
};

// A text of about that size which compresses a little, well or not at all.
inline std::string some_text(std::mt19937_64& random, std::size_t size) {
  std::string text;
  const std::uint64_t kind = random() % 3;
  while (text.size() < size) {
    if (kind == 0) {
      text += static_cast<char>(random());
    } else if (kind == 1) {
      text += "{\"id\":" + std::to_string(random() % 1000) + ",\"name\":\"somebody\"},";
    } else {
      text.append(random() % 300, static_cast<char>('a' + random() % 4));
      text += ' ';
    }
  }
  text.resize(size);
  return text;
}

}  // namespace brume::test

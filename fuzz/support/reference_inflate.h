// reference_inflate.h: compressed messages read by plain zlib, a byte at a time (RFC 7692, section 7.2.2).
//
// A value of one connection's direction: what a message refers to stays from one to the next.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <zlib.h>

#include <brume/codec/check.h>

namespace brume::fuzz {

class ReferenceInflater {
 public:
  struct Result {
    bool done = false;
    bool cut_off = false;            // it is bad for where it ends, and nothing else
    bool lax = false;                // it is bad for a table or a code that libdeflate takes
    std::vector<std::byte> bytes{};  // of what is bad: those in front of what is wrong
  };

  ReferenceInflater() { codec::check(inflateInit2(&stream_, -15) == Z_OK, "there is memory for a window"); }
  ~ReferenceInflater() { inflateEnd(&stream_); }
  ReferenceInflater(const ReferenceInflater&) = delete;
  ReferenceInflater& operator=(const ReferenceInflater&) = delete;

  // Stops beyond `most` bytes, done or not. After a result that is not done only forget() is allowed.
  Result take(std::span<const std::byte> payload, std::size_t most) {
    Result result;
    if (payload.empty()) {
      result.done = true;
      return result;
    }
    std::vector<std::byte> input(payload.begin(), payload.end());
    for (const unsigned byte : {0x00u, 0x00u, 0xFFu, 0xFFu}) input.push_back(static_cast<std::byte>(byte));
    for (std::size_t i = 0; i < input.size(); ++i) {
      switch (step(input[i], result)) {
        case Z_OK:
          if (result.bytes.size() > most) return result;
          break;
        case Z_STREAM_END:
          inflateReset(&stream_);
          result.done = i + 1 == payload.size() || i + 1 == input.size();
          result.cut_off = i >= payload.size() && !result.done;
          if (i + 1 >= payload.size()) return result;
          break;
        default:
          result.lax = stream_.msg != nullptr && is_lax(stream_.msg);
          result.cut_off = i >= payload.size();
          return result;
      }
    }
    // Bit 7: between two blocks; bits 0 to 5: bits of the last byte that are left.
    result.done = (stream_.data_type & 128) != 0 && (stream_.data_type & 63) == 0;
    result.cut_off = !result.done;
    return result;
  }

  void forget() { inflateReset(&stream_); }

 private:
  // What zlib says of tables and codes that another decoder may well take (inflater.h).
  static bool is_lax(std::string_view message) {
    return message == "too many length or distance symbols" || message == "invalid bit length repeat" ||
           message == "invalid code -- missing end-of-block" || message == "invalid literal/length code" ||
           message == "invalid distance code";
  }

  // Gives zlib one byte and takes all that comes of it.
  int step(std::byte byte, Result& result) {
    Bytef in = static_cast<Bytef>(byte);
    stream_.next_in = &in;
    stream_.avail_in = 1;
    while (true) {
      std::array<std::byte, 512> out;
      stream_.next_out = reinterpret_cast<Bytef*>(out.data());
      stream_.avail_out = static_cast<uInt>(out.size());
      const int status = inflate(&stream_, Z_NO_FLUSH);
      const std::size_t made = out.size() - stream_.avail_out;
      result.bytes.insert(result.bytes.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(made));
      if (status == Z_BUF_ERROR) return Z_OK;  // nothing was left to do
      if (status != Z_OK || stream_.avail_out != 0) return status;
    }
  }

  z_stream stream_{};
};

}  // namespace brume::fuzz

// deflate.h: messages that stand alone, compressed and back (RFC 7692, section 7.2), by zlib.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#define ZLIB_CONST
#include <zlib.h>

namespace wsblast {

// Of a message that is not empty. Throws std::runtime_error where zlib fails.
std::vector<std::byte> deflated(std::span<const std::byte> message);

class Inflater {
 public:
  Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  // Whether a compressed message's payload is `expected`.
  bool gives(std::span<const std::byte> payload, std::span<const std::byte> expected);

 private:
  z_stream stream_{};
  std::vector<std::byte> out_;
};

}  // namespace wsblast

// proxy_text.h: PROXY headers as tests write them.
//
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <brume/codec/proxy_header.h>

namespace brume::test {

// A header of version 2: the byte of version and command, that of family and transport, and what follows the length.
inline std::string proxy_v2(int command, int family, std::string_view block) {
  std::string text("\r\n\r\n\0\r\nQUIT\n", 12);
  text += static_cast<char>(command);
  text += static_cast<char>(family);
  text += static_cast<char>(block.size() >> 8);
  text += static_cast<char>(block.size() & 0xFF);
  return text.append(block);
}

inline std::string vector(int type, std::string_view value) {
  std::string text;
  text += static_cast<char>(type);
  text += static_cast<char>(value.size() >> 8);
  text += static_cast<char>(value.size() & 0xFF);
  return text.append(value);
}

// PP2_TYPE_SSL: the client's bits, an outcome of verification, and vectors within.
inline std::string tls_vector(int bits, std::string_view within = {}) {
  std::string value(1, static_cast<char>(bits));
  value.append("\0\0\0\1", 4).append(within);
  return vector(0x20, value);
}

// A header with a checksum that fits between the two parts of its block.
inline std::string with_checksum(int command, int family, std::string_view before, std::string_view after) {
  const std::string block = std::string(before) + vector(3, std::string_view("\0\0\0\0", 4)) + std::string(after);
  std::string text = proxy_v2(command, family, block);
  const std::uint32_t sum = codec::crc32c(std::as_bytes(std::span(text)));
  const std::size_t place = text.size() - after.size() - 4;
  for (std::size_t i = 0; i < 4; ++i) text[place + i] = static_cast<char>(sum >> (24 - 8 * i));
  return text;
}

}  // namespace brume::test

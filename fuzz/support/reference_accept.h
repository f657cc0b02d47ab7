// reference_accept.h: Base64 and Sec-WebSocket-Accept by the book (RFC 4648, section 4; RFC 6455, section 4.2.2).
//
// Functions without state.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include <openssl/evp.h>

#include <brume/codec/check.h>

namespace brume::fuzz {

inline std::string base64_by_the_book(std::span<const unsigned char> bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    unsigned word = 0;
    for (unsigned i = 0; i < 3; ++i) word = word << 8 | (at + i < bytes.size() ? bytes[at + i] : 0u);
    for (unsigned i = 0; i < 4; ++i) encoded += at + i > bytes.size() ? '=' : kAlphabet[word >> (18 - 6 * i) & 63];
  }
  return encoded;
}

inline std::string accept_by_the_book(std::string_view key) {
  const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  codec::check(EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1, "SHA-1 is there");
  return base64_by_the_book(std::span(digest).first(size));
}

}  // namespace brume::fuzz

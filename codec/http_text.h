// http_text.h: the characters of HTTP text, shared by the scanner, the parser and the handshake.
//
// Pure functions: any thread, no state, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <brume/codec/http_error.h>

namespace brume::codec {

// What a byte may be part of; a byte may be several.
inline constexpr std::uint8_t kTokenChar = 1;   // token (RFC 9110, section 5.6.2)
inline constexpr std::uint8_t kTargetChar = 2;  // request target: every visible ASCII character but '#'
inline constexpr std::uint8_t kHostChar = 4;    // registered name (RFC 3986, section 3.2.2), without '%' and ','
inline constexpr std::uint8_t kDigitChar = 8;
inline constexpr std::uint8_t kHexChar = 16;
inline constexpr std::uint8_t kBase64Char = 32;  // RFC 4648, section 4, without the padding

extern const std::array<std::uint8_t, 256> kCharClasses;

inline bool is_a(std::uint8_t char_class, char c) {
  return (kCharClasses[static_cast<unsigned char>(c)] & char_class) != 0;
}
inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// Whether every character of `text` is in the class; true of an empty text.
bool all_of_class(std::uint8_t char_class, std::string_view text);

// Without the blanks (OWS, RFC 9110, section 5.6.3) at both ends.
std::string_view trim_blanks(std::string_view text);

// The first byte of [begin, end) that is a control character other than a tab, or end. Reads no byte outside.
const char* find_control(const char* begin, const char* end);

// The rule that the control character `bad` breaks, where `line` is what stands before it in its line and the line is
// the request line or a field.
HttpError control_character_error(std::string_view line, char bad, bool in_request_line);

}  // namespace brume::codec

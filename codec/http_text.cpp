#include <algorithm>
#include <cstddef>
#include <cstring>

#include <brume/codec/http_head.h>
#include <brume/codec/http_text.h>

namespace brume::codec {
namespace {

consteval std::array<std::uint8_t, 256> char_classes() {
  std::array<std::uint8_t, 256> classes{};
  auto add = [&classes](std::string_view characters, std::uint8_t char_class) {
    for (char c : characters) classes[static_cast<unsigned char>(c)] |= char_class;
  };
  constexpr std::string_view kDigits = "0123456789";
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (std::string_view alphanumeric : {kDigits, kLetters}) add(alphanumeric, kTokenChar | kHostChar | kBase64Char);
  add("!#$%&'*+-.^_`|~", kTokenChar);
  add("-._~!$&'()*+;=", kHostChar);
  add(kDigits, kDigitChar | kHexChar);
  add("abcdefABCDEF", kHexChar);
  add("+/", kBase64Char);
  for (std::size_t c = 0x21; c <= 0x7e; ++c) {
    if (c != '#') classes[c] |= kTargetChar;
  }
  return classes;
}

// One byte repeated in all eight places of a word.
constexpr std::uint64_t repeated(std::uint8_t byte) {
  return byte * 0x0101010101010101u;
}

// Whether one of the eight bytes is below 0x20 or is 0x7f. A subtraction borrows only out of a byte that is itself
// such a byte, so there are no false alarms where the answer is no.
bool has_control(std::uint64_t word) {
  const std::uint64_t deleted = word ^ repeated(0x7f);
  return (((word - repeated(0x20)) & ~word) | ((deleted - repeated(0x01)) & ~deleted)) & repeated(0x80);
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

constinit const std::array<std::uint8_t, 256> kCharClasses = char_classes();

bool all_of_class(std::uint8_t char_class, std::string_view text) {
  return std::ranges::all_of(text, [char_class](char c) { return is_a(char_class, c); });
}

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

const char* find_control(const char* begin, const char* end) {
  const char* at = begin;
  while (end - at >= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    if (has_control(word)) {
      for (const char* last = at + 8; at != last; ++at) {
        if (is_control(*at) && *at != '\t') return at;
      }
    } else {
      at += 8;
    }
  }
  while (at != end && (!is_control(*at) || *at == '\t')) ++at;
  return at;
}

HttpError control_character_error(std::string_view line, char bad, bool in_request_line) {
  if (bad == '\n') return HttpError::bare_line_feed;
  if (bad == '\r') return HttpError::bare_carriage_return;
  if (!in_request_line) {
    return line.contains(':') ? HttpError::malformed_field_value : HttpError::malformed_field_name;
  }
  switch (std::ranges::count(line, ' ')) {
    case 0:
      return HttpError::malformed_request_line;  // a TLS handshake's first byte, for one: this is no HTTP at all
    case 1:
      return HttpError::malformed_target;
    default:
      return HttpError::malformed_version;
  }
}

bool is_token(std::string_view text) {
  return !text.empty() && all_of_class(kTokenChar, text);
}

}  // namespace brume::codec

#include <algorithm>
#include <cstddef>

#include <brume/codec/http_text.h>
#include <brume/codec/ip_text.h>

namespace brume::codec {
namespace {

unsigned hex_value(char digit) {
  if (digit <= '9') return static_cast<unsigned>(digit - '0');
  return static_cast<unsigned>((digit | 0x20) - 'a') + 10;
}

// Moves what stands behind "::" to the end and fills the gap with zeros. `size`: bytes read so far.
void widen(std::array<std::uint8_t, 16>& bytes, std::size_t gap, std::size_t size) {
  const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(gap);
  std::copy_backward(from, bytes.begin() + static_cast<std::ptrdiff_t>(size), bytes.end());
  std::fill_n(from, bytes.size() - size, std::uint8_t{0});
}

}  // namespace

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  for (std::size_t part = 0; part < bytes.size(); ++part) {
    std::size_t digits = 0;
    unsigned number = 0;
    while (digits < text.size() && digits < 3 && is_a(kDigitChar, text[digits]))
      number = number * 10 + static_cast<unsigned>(text[digits++] - '0');
    if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0')) return std::nullopt;
    bytes[part] = static_cast<std::uint8_t>(number);
    text.remove_prefix(digits);
    if (part + 1 == bytes.size()) break;
    if (!text.starts_with('.')) return std::nullopt;
    text.remove_prefix(1);
  }
  if (!text.empty()) return std::nullopt;
  return bytes;
}

std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;            // bytes read
  std::optional<std::size_t> gap;  // where "::" stands
  if (text.starts_with("::")) {
    gap = 0;
    text.remove_prefix(2);
  } else if (text.empty()) {
    return std::nullopt;
  }
  while (!text.empty()) {
    if (size == bytes.size()) return std::nullopt;
    std::size_t digits = 0;
    while (digits < text.size() && digits < 5 && is_a(kHexChar, text[digits])) ++digits;
    if (digits < text.size() && text[digits] == '.') {
      const auto last = parse_ipv4(text);
      if (!last || size + last->size() > bytes.size()) return std::nullopt;
      std::copy(last->begin(), last->end(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      size += last->size();
      break;
    }
    if (digits == 0 || digits > 4) return std::nullopt;
    unsigned group = 0;
    for (char digit : text.substr(0, digits)) group = group << 4 | hex_value(digit);
    bytes[size] = static_cast<std::uint8_t>(group >> 8);
    bytes[size + 1] = static_cast<std::uint8_t>(group & 0xFF);
    size += 2;
    text.remove_prefix(digits);
    if (text.starts_with("::")) {
      if (gap) return std::nullopt;
      gap = size;
      text.remove_prefix(2);
    } else if (text.size() > 1 && text.front() == ':') {
      text.remove_prefix(1);
    } else if (!text.empty()) {
      return std::nullopt;
    }
  }
  if (!gap) return size == bytes.size() ? std::optional(bytes) : std::nullopt;
  if (size + 2 > bytes.size()) return std::nullopt;
  widen(bytes, *gap, size);
  return bytes;
}

}  // namespace brume::codec

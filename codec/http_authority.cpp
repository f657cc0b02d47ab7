#include <cstddef>

#include <brume/codec/http_authority.h>
#include <brume/codec/http_text.h>

namespace brume::codec {
namespace {

constexpr std::size_t kMaxPortDigits = 5;

bool is_registered_name(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      if (text.size() - at < 3 || !is_a(kHexChar, text[at + 1]) || !is_a(kHexChar, text[at + 2])) return false;
      at += 2;
    } else if (!is_a(kHostChar, text[at])) {
      return false;
    }
  }
  return !text.empty();
}

// Four numbers up to 255 without leading zeros, with dots between them.
bool is_ipv4_address(std::string_view text) {
  for (int part = 1; part <= 4; ++part) {
    std::size_t digits = 0;
    int number = 0;
    while (digits < text.size() && digits < 3 && is_a(kDigitChar, text[digits]))
      number = number * 10 + (text[digits++] - '0');
    if (digits == 0 || number > 255 || (digits > 1 && text[0] == '0')) return false;
    text.remove_prefix(digits);
    if (part < 4) {
      if (!text.starts_with('.')) return false;
      text.remove_prefix(1);
    }
  }
  return text.empty();
}

// Digits after a colon; an empty port means the scheme's own.
bool read_port(std::string_view digits, std::optional<std::uint16_t>& port) {
  if (digits.empty()) return true;
  if (digits.size() > kMaxPortDigits || !all_of_class(kDigitChar, digits)) return false;
  std::uint32_t number = 0;
  for (char digit : digits) number = number * 10 + static_cast<std::uint32_t>(digit - '0');
  if (number > 65535) return false;
  port = static_cast<std::uint16_t>(number);
  return true;
}

}  // namespace

bool is_ipv6_address(std::string_view text) {
  std::size_t groups = 0;  // of 16 bits
  bool shortened = false;  // "::" was seen
  if (text.starts_with("::")) {
    shortened = true;
    text.remove_prefix(2);
  } else if (text.empty()) {
    return false;
  }
  while (!text.empty() && groups < 8) {
    std::size_t digits = 0;
    while (digits < text.size() && digits < 5 && is_a(kHexChar, text[digits])) ++digits;
    if (digits < text.size() && text[digits] == '.') {
      groups += 2;
      return is_ipv4_address(text) && (shortened ? groups <= 7 : groups == 8);
    }
    if (digits == 0 || digits > 4) return false;
    ++groups;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (text.starts_with("::")) {
      if (shortened) return false;
      shortened = true;
      text.remove_prefix(2);
    } else if (text.size() > 1 && text.front() == ':') {
      text.remove_prefix(1);
    } else {
      return false;
    }
  }
  return text.empty() && (shortened ? groups <= 7 : groups == 8);
}

std::optional<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::size_t host_size;
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos || !is_ipv6_address(text.substr(1, bracket - 1))) return std::nullopt;
    host_size = bracket + 1;
  } else {
    host_size = std::min(text.find(':'), text.size());
    if (!is_registered_name(text.substr(0, host_size))) return std::nullopt;
  }
  authority.host = text.substr(0, host_size);
  text.remove_prefix(host_size);
  if (text.empty()) return authority;
  if (text.front() != ':' || !read_port(text.substr(1), authority.port)) return std::nullopt;
  return authority;
}

}  // namespace brume::codec

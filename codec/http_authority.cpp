#include <algorithm>
#include <cstddef>

#include <brume/codec/http_authority.h>
#include <brume/codec/http_text.h>
#include <brume/codec/ip_text.h>

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
  return parse_ipv6(text).has_value();
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

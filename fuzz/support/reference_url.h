// reference_url.h: ws and wss addresses taken apart the slow way (RFC 6455, section 3; RFC 3986, section 3).
//
// Functions without state. They name every fault that a text has, where the codec names the first one it meets.
#pragma once

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <brume/codec/url.h>
#include <brume/fuzz/support/reference_request.h>

namespace brume::fuzz {

struct ReferenceUrl {
  std::set<codec::UrlError> faults;
  codec::Url url{};  // meaningful where there are no faults
};

inline constexpr std::string_view kHexCharacters = "0123456789abcdefABCDEF";
// unreserved and sub-delims; no percent-escapes and no commas, which codec/url.h refuses.
inline constexpr std::string_view kNameCharacters =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._~!$&'()*+;=";

inline bool is_ipv6_by_the_book(const std::string& text) {
  std::array<std::uint8_t, 16> address{};
  return text.find('\0') == std::string::npos && inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

// `authority`: what stands between "//" and the next '/', '?' or '#'.
inline void read_authority_by_the_book(const std::string& authority, ReferenceUrl& result) {
  using codec::UrlError;
  codec::Url& url = result.url;
  if (authority.find('@') != std::string::npos) result.faults.insert(UrlError::user_information);
  std::string host, port;
  bool has_port = false;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string::npos) {
      result.faults.insert(UrlError::malformed_host);
      return;
    }
    host = authority.substr(0, bracket + 1);
    const std::string behind = authority.substr(bracket + 1);
    has_port = behind.starts_with(':');
    if (has_port) port = behind.substr(1);
    if (!has_port && !behind.empty()) result.faults.insert(UrlError::malformed_host);
    url.host = lower_case(host.substr(1, host.size() - 2));
    if (!is_ipv6_by_the_book(url.host)) result.faults.insert(UrlError::malformed_host);
  } else {
    const std::size_t colon = authority.find(':');
    host = authority.substr(0, colon);
    has_port = colon != std::string::npos;
    if (has_port) port = authority.substr(colon + 1);
    url.host = lower_case(host);
    if (host.empty()) result.faults.insert(UrlError::missing_host);
    if (!consists_of(host, kNameCharacters)) result.faults.insert(UrlError::malformed_host);
  }
  const unsigned usual = url.secure ? 443 : 80;
  unsigned number = usual;
  if (!port.empty()) {
    const bool is_number = port.size() <= 5 && consists_of(port, kDigitCharacters);
    number = is_number ? static_cast<unsigned>(std::stoul(port)) : 0;
    if (number < 1 || number > 65535) result.faults.insert(UrlError::malformed_port);
  }
  url.port = static_cast<std::uint16_t>(number);
  url.authority = lower_case(host);
  if (number != usual) url.authority += ":" + std::to_string(number);
}

// `resource`: all from the path on.
inline void read_resource_by_the_book(const std::string& resource, ReferenceUrl& result) {
  using codec::UrlError;
  for (std::size_t i = 0; i < resource.size(); ++i) {
    const char c = resource[i];
    if (c == '#') result.faults.insert(UrlError::fragment);
    if (c <= ' ' || c >= 0x7f) result.faults.insert(UrlError::malformed_path);
    if (c != '%') continue;
    const std::string digits = resource.substr(i + 1, 2);
    if (digits.size() < 2 || !consists_of(digits, kHexCharacters)) result.faults.insert(UrlError::malformed_percent);
  }
  result.url.resource = resource.starts_with('/') ? resource : "/" + resource;
}

inline ReferenceUrl read_url_by_the_book(const std::string& text) {
  using codec::UrlError;
  if (text.size() > 8192) return {{UrlError::too_long}};
  const std::size_t mark = text.find("://");
  if (mark == std::string::npos) return {{UrlError::no_scheme}};
  ReferenceUrl result;
  const std::string scheme = lower_case(text.substr(0, mark));
  if (scheme != "ws" && scheme != "wss") result.faults.insert(UrlError::unknown_scheme);
  result.url.secure = scheme == "wss";
  const std::string rest = text.substr(mark + 3);
  const std::size_t path = rest.find_first_of("/?#");
  read_authority_by_the_book(rest.substr(0, path), result);
  read_resource_by_the_book(path == std::string::npos ? "" : rest.substr(path), result);
  return result;
}

}  // namespace brume::fuzz

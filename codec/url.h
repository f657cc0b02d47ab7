// url.h: ws:// and wss:// addresses, as a client is given them (RFC 6455, section 3; RFC 3986).
//
// Pure functions: any thread. Strict: what a server would refuse, or what two programs read differently, is refused
// here, each fault with an enumerator of its own.
//
// User information ("ws://user:secret@host/") is refused rather than turned into an Authorization field: it ends up in
// logs and histories, and it deceives about the host (RFC 9110, section 4.2.4). Whoever needs the field gives it as a
// header. http:// and https:// are refused too: the URL standard of browsers lets them stand for ws and wss, and then
// one typing error turns encryption off.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace brume::codec {

inline constexpr std::uint16_t kDefaultPort = 80;         // ws
inline constexpr std::uint16_t kDefaultSecurePort = 443;  // wss
inline constexpr std::size_t kMaxUrlSize = 8192;          // bytes; servers refuse longer request lines

enum class UrlError : std::uint8_t {
  too_long,           // above kMaxUrlSize
  no_scheme,          // no "://"
  unknown_scheme,     // neither ws nor wss
  user_information,   // something before an '@' in the authority
  missing_host,       // an empty host
  malformed_host,     // a character or bracket that no host has, or a broken IPv6 address
  malformed_port,     // not a number, or not from 1 to 65535
  fragment,           // '#': it has no meaning here and is never sent (RFC 6455, section 3)
  malformed_path,     // a blank, a control character or a byte above 0x7F in path or query: to be percent-encoded
  malformed_percent,  // '%' without two hexadecimal digits behind it
};
inline constexpr std::size_t kUrlErrorCount = 10;
// One short phrase ("a fragment (#) has no meaning in a WebSocket URL"). Static storage.
std::string_view to_string(UrlError error);

struct Url {
  bool secure = false;  // wss
  std::string host;     // a name in lower case or an IPv4 address; an IPv6 address without its brackets
  std::uint16_t port = kDefaultPort;
  std::string authority;  // for the Host field: the host (IPv6 in brackets), and the port where it is not the default
  std::string resource;   // path and query as given, "/" where the path is empty; never empty
};

// Reads a whole URL. Scheme and host are case-blind; path and query stay as they are (percent-escapes are checked, not
// decoded).
std::expected<Url, UrlError> parse_url(std::string_view text);

}  // namespace brume::codec

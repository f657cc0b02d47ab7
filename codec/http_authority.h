// http_authority.h: host[:port], as it stands in Host, in an absolute-form target and in Origin
// (RFC 3986, section 3.2; RFC 9110, section 7.2).
//
// Pure functions: any thread, no allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace brume::codec {

struct Authority {
  std::string_view host;              // as sent, an IPv6 address with its brackets; never empty
  std::optional<std::uint16_t> port;  // absent where there is none or only its colon
};

// Reads a whole authority; views point into `text`. nullopt for anything else: an empty host, user information (it is
// deprecated and a means to deceive: RFC 9110, section 4.2.4), a list of hosts, a broken percent-encoding, brackets
// around anything but an IPv6 address, a port above 65535.
std::optional<Authority> parse_authority(std::string_view text);

// Whether `text` is an IPv6 address (RFC 3986, section 3.2.2: no brackets, no zone).
bool is_ipv6_address(std::string_view text);

}  // namespace brume::codec

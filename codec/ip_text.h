// ip_text.h: IP addresses as text (RFC 3986, section 3.2.2), read without the system's help.
//
// Pure functions: any thread, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace brume::codec {

// Four numbers up to 255 without leading zeros, with dots between them; in network byte order. The whole text.
std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text);

// An IPv6 address in any form of RFC 4291, section 2.2, without brackets and zone; "::" stands for one group at least.
std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text);

}  // namespace brume::codec

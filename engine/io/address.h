// address.h: an IP address and port as a small value.
//
// Pure data: any thread, no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brume::io {

struct Address {
  enum class Family : std::uint8_t { none, v4, v6 };

  Family family = Family::none;
  std::uint16_t port = 0;                // host byte order
  std::uint32_t scope = 0;               // of a link-local IPv6 address
  std::array<std::uint8_t, 16> bytes{};  // network byte order; the first four for v4

  friend bool operator==(const Address&, const Address&) = default;

  // "127.0.0.1:8080", "[::1]:8080", ":8080" and "*:8080" (every IPv4 address); nullopt for anything else. Never
  // resolves a name other than "localhost" (127.0.0.1).
  static std::optional<Address> parse(std::string_view text);
  // "127.0.0.1:8080" or "[::1]:8080".
  std::string to_string() const;
  // Without the port: what limits per address count by.
  std::string host() const;
};

}  // namespace brume::io

// address.h: an IP address and port as a small value; of a Unix-domain socket just that it is one.
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
  enum class Family : std::uint8_t { none, v4, v6, local };  // local: a Unix-domain socket

  Family family = Family::none;
  std::uint16_t port = 0;                // host byte order
  std::uint32_t scope = 0;               // of a link-local IPv6 address
  std::array<std::uint8_t, 16> bytes{};  // network byte order; the first four for v4

  friend bool operator==(const Address&, const Address&) = default;

  // "127.0.0.1:8080", "[::1]:8080", ":8080" and "*:8080" (every IPv4 address); nullopt for anything else. Never
  // resolves a name other than "localhost" (127.0.0.1).
  static std::optional<Address> parse(std::string_view text);
  // An IPv4 or IPv6 address alone, without brackets, zone and port. An IPv4 address in its IPv6 form (::ffff:a.b.c.d)
  // comes out as IPv4, as peers do.
  static std::optional<Address> parse_host(std::string_view text);
  static Address v4(const std::array<std::uint8_t, 4>& bytes, std::uint16_t port = 0);
  // The same of IPv6 bytes.
  static Address v6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t port = 0);
  // "127.0.0.1:8080" or "[::1]:8080"; "unix".
  std::string to_string() const;
  // Without the port: what limits per address count by.
  std::string host() const;
};

}  // namespace brume::io

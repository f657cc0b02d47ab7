// address_range.h: a set of addresses as an operator writes it: "10.0.0.0/8", "2001:db8::/32", "192.0.2.1", "unix".
//
// Pure data: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include <brume/engine/io/address.h>

namespace brume::io {

struct AddressRange {
  Address base;             // port 0; what is not of the prefix is 0
  std::uint8_t prefix = 0;  // bits

  // An address (all its bits count), an address and a prefix, or "unix": every peer of a Unix-domain socket. IPv4
  // addresses in their IPv6 form are taken as IPv4, as peers are. nullopt for anything else, and where bits behind the
  // prefix are set: whoever writes "10.1.0.0/8" means something else.
  static std::optional<AddressRange> parse(std::string_view text);
  bool contains(const Address& address) const;
};

inline bool any_contains(std::span<const AddressRange> ranges, const Address& address) {
  for (const AddressRange& range : ranges)
    if (range.contains(address)) return true;
  return false;
}

}  // namespace brume::io

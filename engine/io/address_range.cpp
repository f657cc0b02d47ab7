#include <algorithm>
#include <array>
#include <charconv>

#include <brume/engine/io/address_range.h>

namespace brume::io {

namespace {

// Bits of `bytes` from `begin` on are all zero.
bool is_zero_from(const std::array<std::uint8_t, 16>& bytes, unsigned begin) {
  for (unsigned bit = begin; bit < bytes.size() * 8; bit++)
    if ((bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

std::optional<unsigned> parse_prefix(std::string_view text, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  if (text == "unix") {
    AddressRange range;
    range.base.family = Address::Family::local;
    return range;
  }
  const std::size_t slash = text.find('/');
  const bool v6 = text.find(':') != std::string_view::npos;
  const auto base = Address::parse_host(text.substr(0, slash));
  if (!base) return std::nullopt;
  const unsigned written = v6 ? 128 : 32;  // bits of the form it is written in
  unsigned prefix = written;
  if (slash != std::string_view::npos) {
    const auto given = parse_prefix(text.substr(slash + 1), written);
    if (!given) return std::nullopt;
    prefix = *given;
  }
  constexpr unsigned kMapped = 96;  // bits in front of an IPv4 address in its IPv6 form
  if (v6 && base->family == Address::Family::v4) {
    if (prefix < kMapped) return std::nullopt;
    prefix -= kMapped;
  }
  if (!is_zero_from(base->bytes, prefix)) return std::nullopt;
  return AddressRange{*base, static_cast<std::uint8_t>(prefix)};
}

bool AddressRange::contains(const Address& address) const {
  if (address.family != base.family) return false;
  const std::size_t whole = prefix / 8;
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole), address.bytes.begin()))
    return false;
  const unsigned rest = prefix % 8;
  return rest == 0 || (base.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0;
}

}  // namespace brume::io

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <net/if.h>
#include <netinet/in.h>

#include <brume/codec/ip_text.h>
#include <brume/engine/io/address.h>

namespace brume::io {

namespace {

constexpr std::size_t kMaxHostSize = INET6_ADDRSTRLEN + 1 + IF_NAMESIZE + 2;  // "[address%scope]"

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// A scope is given by its number or by the name of an interface that exists.
std::optional<std::uint32_t> parse_scope(std::string_view text) {
  if (auto number = parse_number<std::uint32_t>(text)) return number;
  const std::string name(text);
  const unsigned index = name.empty() ? 0 : if_nametoindex(name.c_str());
  if (index == 0) return std::nullopt;
  return index;
}

bool parse_v6(std::string_view host, Address& address) {
  if (const auto percent = host.find('%'); percent != std::string_view::npos) {
    const auto scope = parse_scope(host.substr(percent + 1));
    if (!scope) return false;
    address.scope = *scope;
    host = host.substr(0, percent);
  }
  address.family = Address::Family::v6;
  return inet_pton(AF_INET6, std::string(host).c_str(), address.bytes.data()) == 1;
}

bool parse_v4(std::string_view host, Address& address) {
  if (host.empty() || host == "*") host = "0.0.0.0";
  if (host == "localhost") host = "127.0.0.1";
  address.family = Address::Family::v4;
  return inet_pton(AF_INET, std::string(host).c_str(), address.bytes.data()) == 1;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  std::string_view host = text.substr(0, colon);
  // inet_pton() stops at a zero byte, which would hide what follows it.
  if (!port || host.size() > kMaxHostSize || host.find('\0') != std::string_view::npos) return std::nullopt;

  Address address;
  address.port = *port;
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  const bool valid = bracketed ? parse_v6(host.substr(1, host.size() - 2), address) : parse_v4(host, address);
  if (!valid) return std::nullopt;
  return address;
}

std::optional<Address> Address::parse_host(std::string_view text) {
  if (const auto bytes = codec::parse_ipv4(text)) return v4(*bytes);
  if (const auto bytes = codec::parse_ipv6(text)) return v6(*bytes);
  return std::nullopt;
}

Address Address::v4(const std::array<std::uint8_t, 4>& bytes, std::uint16_t port) {
  Address address;
  address.family = Family::v4;
  address.port = port;
  std::ranges::copy(bytes, address.bytes.begin());
  return address;
}

Address Address::v6(const std::array<std::uint8_t, 16>& bytes, std::uint16_t port) {
  constexpr std::array<std::uint8_t, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin()))
    return v4({bytes[12], bytes[13], bytes[14], bytes[15]}, port);
  Address address;
  address.family = Family::v6;
  address.port = port;
  address.bytes = bytes;
  return address;
}

std::string Address::host() const {
  char text[INET6_ADDRSTRLEN] = "";
  switch (family) {
    case Family::none:
      return "none";
    case Family::local:
      return "unix";
    case Family::v4:
      inet_ntop(AF_INET, bytes.data(), text, sizeof text);
      return text;
    case Family::v6:
      inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
      return scope == 0 ? std::string(text) : std::string(text) + "%" + std::to_string(scope);
  }
  return "none";
}

std::string Address::to_string() const {
  if (family == Family::local) return host();
  const std::string name = family == Family::v6 ? "[" + host() + "]" : host();
  return name + ":" + std::to_string(port);
}

}  // namespace brume::io

#include <string_view>

#include <brume/codec/http_text.h>
#include <brume/engine/http/forwarded.h>

namespace brume::http {

namespace {

// The last element of a comma-separated list, which is cut off; `list` is empty and `more` false after the first.
std::string_view take_last(std::string_view& list, bool& more) {
  const std::size_t comma = list.rfind(',');
  more = comma != std::string_view::npos;
  const std::string_view element = list.substr(more ? comma + 1 : 0);
  list = list.substr(0, more ? comma : 0);
  return codec::trim_blanks(element);
}

// Visits all elements of a field from the last of its last line to the first of its first, until one call is false.
template <class Visit>
void walk_back(const codec::RequestHead& head, std::string_view name, Visit visit) {
  for (std::size_t i = head.fields.size(); i-- > 0;) {
    if (!codec::equals_ignore_case(head.fields[i].name, name)) continue;
    std::string_view list = head.fields[i].value;
    for (bool more = true; more;)
      if (!visit(take_last(list, more))) return;
  }
}

// "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711". The port is not the client's own
// where proxies leave it out, and is not kept.
std::optional<io::Address> parse_element(std::string_view text) {
  if (const auto address = io::Address::parse_host(text)) return address;
  std::string_view host = text;
  std::string_view port;
  if (host.starts_with('[')) {
    const std::size_t bracket = host.find(']');
    if (bracket == std::string_view::npos) return std::nullopt;
    port = host.substr(bracket + 1);
    host = host.substr(1, bracket - 1);
    if (host.find(':') == std::string_view::npos) return std::nullopt;
    if (port.empty()) return io::Address::parse_host(host);
  } else {
    const std::size_t colon = host.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  constexpr std::size_t kMostDigits = 5;
  const std::string_view digits = port.substr(1);
  if (port.front() != ':' || digits.empty() || digits.size() > kMostDigits ||
      !codec::all_of_class(codec::kDigitChar, digits)) {
    return std::nullopt;
  }
  return io::Address::parse_host(host);
}

std::string_view scheme_of(std::string_view text) {
  if (codec::equals_ignore_case(text, "https") || codec::equals_ignore_case(text, "wss")) return "https";
  if (codec::equals_ignore_case(text, "http") || codec::equals_ignore_case(text, "ws")) return "http";
  return {};
}

}  // namespace

Forwarded read_forwarded(const codec::RequestHead& head, const io::Address& peer,
                         std::span<const io::AddressRange> trusted, std::string_view proxied) {
  Forwarded forwarded{.scheme = proxied};
  if (!io::any_contains(trusted, peer)) return forwarded;
  walk_back(head, "X-Forwarded-For", [&](std::string_view element) {
    const auto address = parse_element(element);
    if (!address) return false;
    forwarded.client = *address;
    return io::any_contains(trusted, *address);
  });
  walk_back(head, "X-Forwarded-Proto", [&](std::string_view element) {
    if (const auto scheme = scheme_of(element); !scheme.empty()) forwarded.scheme = scheme;
    return false;
  });
  return forwarded;
}

}  // namespace brume::http

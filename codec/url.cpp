#include <algorithm>
#include <cstddef>

#include <brume/codec/http_authority.h>
#include <brume/codec/http_head.h>
#include <brume/codec/http_text.h>
#include <brume/codec/url.h>

namespace brume::codec {
namespace {

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), to_lower);
  return result;
}

// Whether each '%' has its two digits.
bool percents_are_whole(std::string_view text) {
  for (std::size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 3)) {
    if (text.size() - at < 3 || !is_a(kHexChar, text[at + 1]) || !is_a(kHexChar, text[at + 2])) return false;
  }
  return true;
}

// Puts host and port of the authority into `url`. The parts are told apart before they are judged, so that each fault
// gets its own name.
std::expected<void, UrlError> read_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) return std::unexpected(UrlError::user_information);
  std::size_t host_size = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return std::unexpected(UrlError::malformed_host);
    host_size = bracket + 1;
    if (host_size < text.size() && text[host_size] != ':') return std::unexpected(UrlError::malformed_host);
  }
  const std::string_view host = text.substr(0, host_size);
  if (host.empty()) return std::unexpected(UrlError::missing_host);
  // A name with percent-escapes may be meant (RFC 3986, 3.2.2), but no resolver takes one.
  if (!parse_authority(host) || host.find('%') != std::string_view::npos) {
    return std::unexpected(UrlError::malformed_host);
  }
  const auto whole = parse_authority(text);
  if (!whole || whole->port == 0) return std::unexpected(UrlError::malformed_port);
  const std::uint16_t usual = url.secure ? kDefaultSecurePort : kDefaultPort;
  url.port = whole->port.value_or(usual);
  url.authority = lower_case(host);
  url.host = host.starts_with('[') ? url.authority.substr(1, url.authority.size() - 2) : url.authority;
  if (url.port != usual) url.authority.append(":").append(std::to_string(url.port));
  return {};
}

std::expected<void, UrlError> read_resource(std::string_view text, Url& url) {
  if (text.find('#') != std::string_view::npos) return std::unexpected(UrlError::fragment);
  if (!all_of_class(kTargetChar, text)) return std::unexpected(UrlError::malformed_path);
  if (!percents_are_whole(text)) return std::unexpected(UrlError::malformed_percent);
  if (!text.starts_with('/')) url.resource = std::string(1, '/');
  url.resource += text;
  return {};
}

}  // namespace

std::string_view to_string(UrlError error) {
  switch (error) {
    case UrlError::too_long:
      return "the URL is too long";
    case UrlError::no_scheme:
      return "the URL does not begin with ws:// or wss://";
    case UrlError::unknown_scheme:
      return "the URL's scheme is neither ws nor wss";
    case UrlError::user_information:
      return "user information in the URL is refused: give an Authorization header";
    case UrlError::missing_host:
      return "the URL has no host";
    case UrlError::malformed_host:
      return "the URL's host is malformed";
    case UrlError::malformed_port:
      return "the URL's port is not a number from 1 to 65535";
    case UrlError::fragment:
      return "a fragment (#) has no meaning in a WebSocket URL";
    case UrlError::malformed_path:
      return "the URL's path or query has a character that must be percent-encoded";
    case UrlError::malformed_percent:
      return "the URL's path or query has a % without two hexadecimal digits";
  }
  return "unknown error";
}

std::expected<Url, UrlError> parse_url(std::string_view text) {
  constexpr std::string_view kSchemeEnd = "://";
  if (text.size() > kMaxUrlSize) return std::unexpected(UrlError::too_long);
  const std::size_t scheme_size = text.find(kSchemeEnd);
  if (scheme_size == std::string_view::npos) return std::unexpected(UrlError::no_scheme);
  const std::string_view scheme = text.substr(0, scheme_size);
  Url url;
  url.secure = equals_ignore_case(scheme, "wss");
  if (!url.secure && !equals_ignore_case(scheme, "ws")) return std::unexpected(UrlError::unknown_scheme);
  text.remove_prefix(scheme_size + kSchemeEnd.size());
  const std::size_t authority_size = std::min(text.find_first_of("/?#"), text.size());
  if (auto read = read_authority(text.substr(0, authority_size), url); !read) return std::unexpected(read.error());
  if (auto read = read_resource(text.substr(authority_size), url); !read) return std::unexpected(read.error());
  return url;
}

}  // namespace brume::codec

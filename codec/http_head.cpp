#include <algorithm>
#include <array>

#include <brume/codec/http_authority.h>
#include <brume/codec/http_head.h>
#include <brume/codec/http_line.h>
#include <brume/codec/http_list.h>
#include <brume/codec/http_text.h>

namespace brume::codec {
namespace {

// RFC 9110, section 9.3, and PATCH (RFC 5789).
constexpr std::array<std::string_view, 9> kMethods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                      "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr std::array<std::string_view, 4> kSchemes = {"http", "https", "ws", "wss"};

// Puts the minor version of HTTP/1.x into `minor` (RFC 9112, section 2.3).
std::optional<HttpError> read_version(std::string_view version, std::uint8_t& minor) {
  constexpr std::string_view kName = "HTTP/";
  if (version.size() != kName.size() + 3 || !version.starts_with(kName)) return HttpError::malformed_version;
  version.remove_prefix(kName.size());
  if (!is_a(kDigitChar, version[0]) || version[1] != '.' || !is_a(kDigitChar, version[2])) {
    return HttpError::malformed_version;
  }
  if (version != "1.1" && version != "1.0") return HttpError::unsupported_version;
  minor = static_cast<std::uint8_t>(version[2] - '0');
  return std::nullopt;
}

// Splits the target into path, query and, in absolute-form, authority (RFC 9112, sections 3.2.1 and 3.2.2).
std::optional<HttpError> read_target(RequestHead& head) {
  std::string_view rest = head.target;
  if (!all_of_class(kTargetChar, rest)) return HttpError::malformed_target;
  if (!rest.starts_with('/')) {
    const std::size_t scheme_size = rest.find("://");
    const std::string_view scheme = rest.substr(0, scheme_size);
    const bool known = std::ranges::any_of(kSchemes, [&](auto s) { return equals_ignore_case(s, scheme); });
    if (scheme_size == std::string_view::npos || !known) return HttpError::malformed_target;
    rest.remove_prefix(scheme_size + 3);
    head.authority = rest.substr(0, rest.find_first_of("/?"));
    if (!parse_authority(head.authority)) return HttpError::malformed_target;
    rest.remove_prefix(head.authority.size());
  }
  const std::size_t path_size = std::min(rest.find('?'), rest.size());
  head.path = path_size == 0 ? std::string_view("/") : rest.substr(0, path_size);
  if (path_size < rest.size()) head.query = rest.substr(path_size + 1);
  return std::nullopt;
}

// The version is judged before the method is looked up and the target read: `PRI * HTTP/2.0` is a matter of version.
std::optional<HttpError> read_request_line(std::string_view line, RequestHead& head) {
  const std::size_t method_size = line.find(' ');
  const std::size_t version_gap = line.rfind(' ');
  if (method_size == version_gap) return HttpError::malformed_request_line;  // one space, or none
  head.method = line.substr(0, method_size);
  head.target = line.substr(method_size + 1, version_gap - method_size - 1);
  if (!is_token(head.method)) return HttpError::malformed_method;
  if (const auto error = read_version(line.substr(version_gap + 1), head.version_minor)) return error;
  if (std::ranges::find(kMethods, head.method) == kMethods.end()) return HttpError::unknown_method;
  return read_target(head);
}

// Judges Host and makes it the authority where the target has none (RFC 9112, sections 3.2 and 3.2.2).
std::optional<HttpError> read_host(RequestHead& head) {
  std::size_t count = 0;
  std::string_view host;
  for (const HeaderField& field : head.fields) {
    if (!equals_ignore_case(field.name, "Host")) continue;
    host = field.value;
    ++count;
  }
  if (count > 1) return HttpError::repeated_host;
  if (count == 0) return head.version_minor == 0 ? std::nullopt : std::optional(HttpError::missing_host);
  const bool overridden = !head.authority.empty();
  if (!parse_authority(host) && !(host.empty() && overridden)) return HttpError::malformed_host;
  if (!overridden) head.authority = host;
  return std::nullopt;
}

}  // namespace

std::expected<RequestHead, HttpError> parse_request_head(std::string_view text, std::span<HeaderField> storage,
                                                         const HeadLimits& limits) {
  const std::size_t max_fields = std::min({storage.size(), limits.max_headers, kMaxHeaders});
  RequestHead head;
  std::string_view rest = text;
  if (rest.starts_with(kCrlf)) rest.remove_prefix(kCrlf.size());

  const auto request_line = take_line(rest, true);
  if (!request_line) return std::unexpected(request_line.error());
  if (const auto error = read_request_line(*request_line, head)) return std::unexpected(*error);

  const auto fields = read_fields(rest, storage.first(max_fields));
  if (!fields) return std::unexpected(fields.error());
  head.fields = *fields;
  if (const auto error = read_host(head)) return std::unexpected(*error);
  return head;
}

std::optional<std::string_view> RequestHead::field(std::string_view name) const {
  for (const HeaderField& field : fields) {
    if (equals_ignore_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::size_t RequestHead::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields, [name](const HeaderField& field) { return equals_ignore_case(field.name, name); }));
}

bool RequestHead::has_token(std::string_view name, std::string_view token) const {
  return any_element(*this, name, [token](std::string_view element) { return equals_ignore_case(element, token); });
}

bool RequestHead::keep_alive() const {
  if (has_token("Connection", "close")) return false;
  return version_minor >= 1 || has_token("Connection", "keep-alive");
}

}  // namespace brume::codec

// http_head.h: an HTTP/1.1 request head, found in a byte stream and parsed (RFC 9112, sections 2 to 5; RFC 9110, 5).
//
// Strict on purpose: bare LF, folding, blanks before a colon and repeated Host are refused, never repaired.
// Free of I/O; no allocation: the parsed head is views into the caller's bytes. A HeadScanner belongs to one connection
// and is used by its thread; the functions may be called by any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include <brume/codec/http_error.h>

namespace brume::codec {

struct HeadLimits {
  std::size_t max_head_size = 16 * 1024;  // bytes from the request line's first to the blank line's last
  std::size_t max_headers = 100;          // fields; at most kMaxHeaders
};
inline constexpr std::size_t kMaxHeaders = 1000;
inline constexpr std::size_t kMaxHeadSize = 16 * 1024 * 1024;  // a larger max_head_size counts as this one

// Looks for the end of a head in bytes that arrive in pieces, each byte looked at once.
class HeadScanner {
 public:
  // `bytes`: all bytes of the request so far, the earlier ones unchanged. Returns the head's size (with the blank line;
  // one leading CRLF is skipped and counted, section 2.2) once it is whole, nullopt while it is not, or the
  // first rule broken: the size limits are tested before anything is parsed, and a byte no head can hold (a NUL, a bare
  // LF, a TLS handshake's first byte) fails at once. How the bytes are split never changes the answer. Bytes after the
  // head are not looked at. After a size or an error, reset() before the next request.
  std::expected<std::optional<std::size_t>, HttpError> scan(std::span<const std::byte> bytes, const HeadLimits& limits);
  void reset() { *this = {}; }

 private:
  // Takes the line whose CRLF ends at scanned_; true where it is the blank line after the fields.
  std::expected<bool, HttpError> end_line();

  std::uint32_t scanned_ = 0;
  std::uint32_t line_start_ = 0;
  std::uint8_t skipped_ = 0;  // bytes of the leading CRLF: 0 or 2
  bool after_cr_ = false;
  bool in_request_line_ = true;
};

struct HeaderField {
  std::string_view name;   // as sent; compare with equals_ignore_case()
  std::string_view value;  // without the blanks around it
};

// A parsed head. Views point into the bytes given to parse_request_head() and live as long as they (`path` may be a
// static "/"), `fields` into its storage.
struct RequestHead {
  std::string_view method;
  std::string_view target;     // as sent
  std::string_view path;       // absolute path of the target, undecoded, never empty
  std::string_view query;      // without '?'; empty where there is none
  std::string_view authority;  // of an absolute-form target, which overrides Host (RFC 9112, 3.2.2); else Host's value
  std::uint8_t version_minor = 1;  // HTTP/1.x
  std::span<const HeaderField> fields;

  // The first field of that name (ASCII case-blind).
  std::optional<std::string_view> field(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  // Whether a comma-separated list field, over all its lines, holds `token` (ASCII case-blind) as a whole element;
  // quoted strings are not split. Linear in the fields' size.
  bool has_token(std::string_view name, std::string_view token) const;
  // Whether the connection persists after this request (RFC 9112, section 9.3).
  bool keep_alive() const;
};

// Parses a whole head (as HeadScanner measured it, a leading CRLF included). `storage` holds the fields and bounds
// their number: more fields than min(storage.size(), limits.max_headers, kMaxHeaders) fail with too_many_fields.
//
// Any bytes are safe to give: a text that is no whole head fails, and what stands after the blank line is ignored.
// Host is required of HTTP/1.1 and allowed in HTTP/1.0 (RFC 9112, section 3.2), at most once, and must be well-formed
// even where an absolute-form target overrides it. An empty Host is refused unless there is such a target: it would
// leave the request without an authority (section 3.3 lets a server reject it). Host is one name without commas or a
// bracketed IPv6 address, with or without a port.
std::expected<RequestHead, HttpError> parse_request_head(std::string_view head, std::span<HeaderField> storage,
                                                         const HeadLimits& limits);

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// ASCII only. Defined here because most names differ in length, which costs less than a call.
constexpr bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Whether `text` is a non-empty token (RFC 9110, section 5.6.2).
bool is_token(std::string_view text);

}  // namespace brume::codec

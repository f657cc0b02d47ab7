// http_head.h: an HTTP/1.1 request head, found in a byte stream and parsed (RFC 9112, sections 2 to 5; RFC 9110, 5).
//
// Strict on purpose: bare LF, folding, blanks before a colon and repeated Host are refused, never repaired.
// Free of I/O; no allocation: the parsed head is views into the caller's bytes. Any thread.
#pragma once

#include <array>
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

// Looks for the end of a head in bytes that arrive in pieces, each byte looked at once.
class HeadScanner {
 public:
  // `bytes`: all bytes of the request so far, the earlier ones unchanged. Returns the head's size (with the blank line;
  // one leading CRLF is skipped and counted, section 2.2) once it is whole, nullopt while it is not, or the
  // first rule broken: the size limits are tested before anything is parsed, and a byte no head can hold (a NUL, a bare
  // LF, a TLS handshake's first byte) fails at once.
  std::expected<std::optional<std::size_t>, HttpError> scan(std::span<const std::byte> bytes, const HeadLimits& limits);
  void reset() { *this = {}; }

 private:
  std::uint32_t scanned_ = 0;
  std::uint32_t line_start_ = 0;
  bool in_request_line_ = true;
};

struct HeaderField {
  std::string_view name;   // as sent; compare with equals_ignore_case()
  std::string_view value;  // without the blanks around it
};

// A parsed head. All views point into the bytes given to parse_request_head() and live as long as they.
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
  // Whether a comma-separated list field, over all its lines, holds `token` (ASCII case-blind).
  bool has_token(std::string_view name, std::string_view token) const;
  // Whether the connection persists after this request (RFC 9112, section 9.3).
  bool keep_alive() const;
};

// Parses a whole head (as HeadScanner found it). `storage` holds the fields and bounds their number: more fields than
// min(storage.size(), limits.max_headers) fail with too_many_fields.
std::expected<RequestHead, HttpError> parse_request_head(std::string_view head, std::span<HeaderField> storage,
                                                         const HeadLimits& limits);

bool equals_ignore_case(std::string_view a, std::string_view b);
// Whether `text` is a non-empty token (RFC 9110, section 5.6.2).
bool is_token(std::string_view text);

}  // namespace brume::codec

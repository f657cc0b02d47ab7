// http_error.h: every rule of HTTP/1.1 and of the opening handshake a request can break, with its status and text.
//
// One enumerator a rule; the table in http_error.cpp is the only place that maps a rule to the answer. Pure data: any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace brume::codec {

enum class HttpError : std::uint8_t {
  // request line (RFC 9112, section 3)
  malformed_request_line,  // 400: not three words with single spaces, a second empty line before it, or not HTTP at all
  malformed_method,        // 400
  unknown_method,          // 501
  malformed_target,        // 400
  target_too_long,         // 414
  malformed_version,       // 400
  unsupported_version,     // 505: HTTP/2.0, the PRI preface, and any other well-formed version but 1.0 and 1.1
  bare_line_feed,          // 400: a line that ends in LF alone (section 2.2 lets us refuse)
  bare_carriage_return,    // 400
  // fields (RFC 9112, section 5; RFC 9110, section 5)
  malformed_field_name,   // 400: empty, a bad character, blank before the colon or before the first field
  malformed_field_value,  // 400: NUL or another control character
  obsolete_line_folding,  // 400
  head_too_large,         // 431 (RFC 6585, section 5)
  too_many_fields,        // 431
  missing_host,           // 400
  repeated_host,          // 400
  malformed_host,         // 400
  // body framing (RFC 9112, section 6)
  length_and_transfer_encoding,      // 400
  conflicting_content_length,        // 400: Content-Length more than once, even where the numbers agree
  malformed_content_length,          // 400
  malformed_transfer_encoding,       // 400: chunked is not the last coding, or not the only chunked one (section 6.3)
  unsupported_transfer_encoding,     // 501: another coding below chunked (section 6.1)
  transfer_encoding_needs_http_1_1,  // 400
  malformed_chunk,                   // 400
  body_too_large,                    // 413
  body_on_upgrade,                   // 400: a body or any Transfer-Encoding on an upgrade request
  body_on_get,                       // 400: a body on any other GET or HEAD request (RFC 9110, section 9.3.1)
  // opening handshake (RFC 6455, section 4.2.1)
  upgrade_method_not_get,         // 405 with Allow: GET
  upgrade_needs_http_1_1,         // 400
  upgrade_required,               // 426: no Upgrade: websocket on a WebSocket-only path
  connection_lacks_upgrade,       // 400
  missing_key,                    // 400
  repeated_key,                   // 400
  malformed_key,                  // 400
  missing_version,                // 400
  repeated_version,               // 400
  unsupported_websocket_version,  // 426 with Sec-WebSocket-Version: 13
  malformed_protocol_list,        // 400
  malformed_extension_list,       // 400
  origin_refused,                 // 403
  // the server's own answers
  misdirected_request,  // 421: a host other than the one TLS was asked for, where that is checked
  request_timeout,      // 408
  not_found,            // 404
  method_not_allowed,   // 405
  internal_error,       // 500
  draining,             // 503 with Retry-After: an upgrade or a connection that comes while the server stops
  over_capacity,        // 503 with Retry-After
};
inline constexpr std::size_t kHttpErrorCount = 47;

struct HttpErrorInfo {
  HttpError error;
  std::uint16_t status;
  std::string_view name;     // the enumerator's name, for logs and counters
  std::string_view message;  // one short sentence: the response body
  std::string_view section;  // e.g. "RFC 9112, 3.2"
};

// The whole table in the enumerators' order. Static storage.
std::span<const HttpErrorInfo> http_errors();

// The row of one rule. Static storage.
const HttpErrorInfo& info(HttpError error);

// The reason phrase of a status code ("Not Found"); "Unknown" for one that is not known. Static storage.
std::string_view reason_phrase(std::uint16_t status);

}  // namespace brume::codec

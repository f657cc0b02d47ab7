#include <array>

#include <brume/codec/http_error.h>

namespace brume::codec {
namespace {

using enum HttpError;

constexpr std::array<HttpErrorInfo, kHttpErrorCount> kHttpErrors{{
    {malformed_request_line, 400, "malformed_request_line",
     "The request line must be a method, a target and a version with single spaces between them.", "RFC 9112, 3"},
    {malformed_method, 400, "malformed_method", "The request method has a character that no method may have.",
     "RFC 9112, 3.1"},
    {unknown_method, 501, "unknown_method", "This server does not know the request method.", "RFC 9110, 9.1"},
    {malformed_target, 400, "malformed_target",
     "The request target must be a path or an http, https, ws or wss URI, percent-encoded and without a fragment.",
     "RFC 9112, 3.2"},
    {target_too_long, 414, "target_too_long", "The request line is longer than this server reads.", "RFC 9112, 3"},
    {malformed_version, 400, "malformed_version", "The request line must end in HTTP/1.1 or HTTP/1.0.",
     "RFC 9112, 2.3"},
    {unsupported_version, 505, "unsupported_version", "This server speaks HTTP/1.1 and HTTP/1.0.", "RFC 9110, 15.6.6"},
    {bare_line_feed, 400, "bare_line_feed", "Lines must end in CR LF, not in LF alone.", "RFC 9112, 2.2"},
    {bare_carriage_return, 400, "bare_carriage_return", "A CR must be followed by LF.", "RFC 9112, 2.2"},

    {malformed_field_name, 400, "malformed_field_name",
     "A header field must begin with its name, directly followed by a colon.", "RFC 9112, 5.1"},
    {malformed_field_value, 400, "malformed_field_value", "A header field's value has a control character.",
     "RFC 9110, 5.5"},
    {obsolete_line_folding, 400, "obsolete_line_folding", "A header field must not go on in the next line.",
     "RFC 9112, 5.2"},
    {head_too_large, 431, "head_too_large", "The request's header fields are larger than this server reads.",
     "RFC 6585, 5"},
    {too_many_fields, 431, "too_many_fields", "The request has more header fields than this server reads.",
     "RFC 6585, 5"},
    {missing_host, 400, "missing_host", "An HTTP/1.1 request must have a Host field.", "RFC 9112, 3.2"},
    {repeated_host, 400, "repeated_host", "A request must have only one Host field.", "RFC 9112, 3.2"},
    {malformed_host, 400, "malformed_host", "Host must be one host name or address with an optional port.",
     "RFC 9112, 3.2"},

    {length_and_transfer_encoding, 400, "length_and_transfer_encoding",
     "A request must not have both Content-Length and Transfer-Encoding.", "RFC 9112, 6.3"},
    {conflicting_content_length, 400, "conflicting_content_length",
     "A request must have only one Content-Length field.", "RFC 9112, 6.3"},
    {malformed_content_length, 400, "malformed_content_length", "Content-Length must be one decimal number.",
     "RFC 9112, 6.3"},
    {malformed_transfer_encoding, 400, "malformed_transfer_encoding",
     "Transfer-Encoding must name chunked once, as its last coding.", "RFC 9112, 6.3"},
    {unsupported_transfer_encoding, 501, "unsupported_transfer_encoding",
     "The only transfer coding this server reads is chunked.", "RFC 9112, 6.1"},
    {transfer_encoding_needs_http_1_1, 400, "transfer_encoding_needs_http_1_1",
     "An HTTP/1.0 request must not have Transfer-Encoding.", "RFC 9112, 6.1"},
    {malformed_chunk, 400, "malformed_chunk", "The chunked request body is malformed.", "RFC 9112, 7.1"},
    {body_too_large, 413, "body_too_large", "The request body is larger than this server reads.", "RFC 9110, 15.5.14"},
    {body_on_upgrade, 400, "body_on_upgrade", "An upgrade request must not have a body.", "RFC 9110, 9.3.1"},
    {body_on_get, 400, "body_on_get", "A GET or HEAD request must not have a body.", "RFC 9110, 9.3.1"},

    {upgrade_method_not_get, 405, "upgrade_method_not_get", "A WebSocket upgrade must be a GET request.",
     "RFC 6455, 4.2.1"},
    {upgrade_needs_http_1_1, 400, "upgrade_needs_http_1_1", "A WebSocket upgrade needs HTTP/1.1.", "RFC 6455, 4.2.1"},
    {upgrade_required, 426, "upgrade_required", "This path speaks WebSocket: send Upgrade: websocket.",
     "RFC 9110, 15.5.22"},
    {connection_lacks_upgrade, 400, "connection_lacks_upgrade",
     "The Connection field must name Upgrade; a proxy that drops it must be told to pass it on.", "RFC 6455, 4.2.1"},
    {missing_key, 400, "missing_key", "The request has no Sec-WebSocket-Key.", "RFC 6455, 4.2.1"},
    {repeated_key, 400, "repeated_key", "The request must have only one Sec-WebSocket-Key.", "RFC 6455, 11.3.1"},
    {malformed_key, 400, "malformed_key", "Sec-WebSocket-Key must be 16 bytes in Base64.", "RFC 6455, 4.2.1"},
    {missing_version, 400, "missing_version", "The request has no Sec-WebSocket-Version.", "RFC 6455, 4.2.1"},
    {repeated_version, 400, "repeated_version", "The request must have only one Sec-WebSocket-Version.",
     "RFC 6455, 11.3.5"},
    {unsupported_websocket_version, 426, "unsupported_websocket_version", "Sec-WebSocket-Version must be 13.",
     "RFC 6455, 4.2.2"},
    {malformed_protocol_list, 400, "malformed_protocol_list",
     "Sec-WebSocket-Protocol must be a list of different tokens.", "RFC 6455, 4.1"},
    {malformed_extension_list, 400, "malformed_extension_list",
     "Sec-WebSocket-Extensions must be a list of extensions with their parameters.", "RFC 6455, 9.1"},
    {origin_refused, 403, "origin_refused", "Pages of this origin may not connect here.", "RFC 6455, 10.2"},

    {misdirected_request, 421, "misdirected_request", "TLS was begun for another host than this request is for.",
     "RFC 9110, 15.5.20"},
    {request_timeout, 408, "request_timeout", "The request took too long to arrive.", "RFC 9110, 15.5.9"},
    {not_found, 404, "not_found", "There is nothing at this path.", "RFC 9110, 15.5.5"},
    {method_not_allowed, 405, "method_not_allowed", "This path does not take the request method.", "RFC 9110, 15.5.6"},
    {internal_error, 500, "internal_error", "The server failed while it answered this request.", "RFC 9110, 15.6.1"},
    {draining, 503, "draining", "The server is stopping; try again later.", "RFC 9110, 15.6.4"},
    {over_capacity, 503, "over_capacity", "The server has no room for another connection; try again later.",
     "RFC 9110, 15.6.4"},
}};

struct Phrase {
  std::uint16_t status;
  std::string_view text;
};

// RFC 9110, section 15, and RFC 6585: the codes brume sends itself and those a handler is likely to.
constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {511, "Network Authentication Required"},
};

}  // namespace

std::span<const HttpErrorInfo> http_errors() {
  return kHttpErrors;
}

const HttpErrorInfo& info(HttpError error) {
  return kHttpErrors[static_cast<std::size_t>(error)];
}

std::string_view reason_phrase(std::uint16_t status) {
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Unknown";
}

}  // namespace brume::codec

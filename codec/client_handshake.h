// client_handshake.h: the opening handshake, client side (RFC 6455, section 4.1).
//
// Writes the request, reads the response's head, and judges it. Pure functions over bytes: any thread; nothing is
// allocated but by append_upgrade_request(). Finding the end of a response's head is HeadScanner's work (http_head.h):
// its lines are those of a request.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <brume/codec/http_head.h>

namespace brume::codec {

// ---- the request

enum class RequestFault : std::uint8_t {
  malformed_field,  // a header's name is no token, or its value has a control character or a blank at its end
  reserved_field,   // a header left to the handshake: Host, Upgrade, Connection, Sec-WebSocket-*, framing; TE, Expect
  malformed_subprotocol,  // not a token
  repeated_subprotocol,
  malformed_extensions,  // not a list of extensions (section 9.1)
};
inline constexpr std::size_t kRequestFaultCount = 5;
std::string_view to_string(RequestFault fault);

using FieldList = std::span<const std::pair<std::string, std::string>>;

struct UpgradeRequest {
  std::string_view authority;                 // for Host (Url::authority)
  std::string_view resource;                  // path and query (Url::resource)
  std::string_view key;                       // encode_key()
  std::span<const std::string> subprotocols;  // in order of preference
  std::string_view extensions;                // value of Sec-WebSocket-Extensions; empty: none is offered
  FieldList headers;                          // further ones: Origin, Cookie, Authorization, ...
};

// The first thing that must not be sent, or nothing.
std::optional<RequestFault> judge_request(const UpgradeRequest& request);

inline constexpr std::size_t kNonceSize = 16;
inline constexpr std::size_t kEncodedKeySize = 24;
// Sec-WebSocket-Key of 16 bytes from a strong source, another one for each connection (section 4.1, item 7).
std::array<char, kEncodedKeySize> encode_key(std::span<const std::byte, kNonceSize> nonce);

// Appends the whole request head. Requires: judge_request() found nothing.
void append_upgrade_request(std::string& out, const UpgradeRequest& request);

// ---- the response

// Every rule a response can break. All but not_switching mean that the peer is no WebSocket server to talk to.
enum class ResponseError : std::uint8_t {
  malformed_status_line,     // not "HTTP/1.x NNN text", or not HTTP at all
  unsupported_version,       // HTTP/2.0 and the like, or a 101 of HTTP/1.0
  malformed_field,           // RFC 9112, section 5: name, value, folding or line end
  head_too_large,            // RFC 6455, section 10.4: more than this side takes
  too_many_fields,           // the same
  not_switching,             // a status other than 101: the server refused, and says why (section 4.1, item 1)
  missing_upgrade,           // no Upgrade field (item 2)
  wrong_upgrade,             // Upgrade is not "websocket" (item 2)
  connection_lacks_upgrade,  // no token "upgrade" in Connection (item 3)
  missing_accept,            // no Sec-WebSocket-Accept (item 4)
  repeated_accept,           // it must not be there twice (section 11.3.3)
  wrong_accept,              // not the answer to our key (item 4)
  malformed_extensions,      // section 9.1
  unexpected_extension,      // one that was not offered, or the same one twice (item 5)
  wrong_extension,           // wrong parameters of one that was offered (RFC 7692, section 7)
  repeated_subprotocol,      // the field must not be there twice (section 11.3.4)
  unexpected_subprotocol,    // one that was not offered (item 6)
};
inline constexpr std::size_t kResponseErrorCount = 17;
// One short phrase. Static storage.
std::string_view to_string(ResponseError error);
// What an error of HeadScanner means for a response.
ResponseError response_error(HttpError error);

// A parsed head; views into the text, `fields` into its storage.
struct ResponseHead {
  std::uint16_t status = 0;
  std::string_view reason;
  std::uint8_t version_minor = 1;
  std::span<const HeaderField> fields;

  std::optional<std::string_view> field(std::string_view name) const { return as_request().field(name); }
  std::size_t count(std::string_view name) const { return as_request().count(name); }
  bool has_token(std::string_view name, std::string_view token) const { return as_request().has_token(name, token); }
  // Fields are read alike in both directions.
  RequestHead as_request() const {
    RequestHead head;
    head.version_minor = version_minor;
    head.fields = fields;
    return head;
  }
};

// Makes blanks of the line folding in a whole head, in place: a server refuses it, a client has to take it (RFC 9112,
// section 5.2). What stands before the first field stays, and is refused.
void unfold_fields(std::span<char> head);

// Parses a whole head, as HeadScanner measured it. Any bytes are safe to give. `storage` bounds the number of fields.
std::expected<ResponseHead, ResponseError> parse_response_head(std::string_view head, std::span<HeaderField> storage);

// Judges the answer to `request` (section 4.1, items 1 to 6, in that order). Returns the subprotocol agreed on, a view
// into the head; empty where there is none. What the answer says of an extension's parameters is the extension's to
// judge (judge_deflate_answer()), and wrong_extension where that finds a fault.
std::expected<std::string_view, ResponseError> judge_response(const ResponseHead& head, const UpgradeRequest& request);

}  // namespace brume::codec

// handshake.h: the opening handshake, server side (RFC 6455, section 4.2).
//
// Pure functions over a parsed head; any thread. SHA-1 and Base64 are OpenSSL's.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <brume/codec/http_error.h>
#include <brume/codec/http_head.h>

namespace brume::codec {

// Whether the request asks for a WebSocket at all: GET, and "websocket" among its Upgrade tokens.
bool wants_websocket(const RequestHead& head);

// Judges an upgrade request (section 4.2.1 and its field grammars) in this order: method, version of HTTP, Upgrade,
// Connection, body framing, key, Sec-WebSocket-Version, Sec-WebSocket-Protocol and -Extensions grammar. Returns the key
// as sent, a view into the head. Whatever extensions are offered, unknown ones too, is no error. Linear in the head's
// size.
std::expected<std::string_view, HttpError> judge_upgrade(const RequestHead& head);

// A longer Sec-WebSocket-Protocol list is malformed_protocol_list: the elements are compared on the stack.
inline constexpr std::size_t kMaxSubprotocols = 100;

inline constexpr std::size_t kAcceptSize = 28;
// Sec-WebSocket-Accept for a key (section 4.2.2, item 5.4). Requires: the key is 24 characters (only so many are read),
// as judge_upgrade() returns it. It is hashed as sent.
std::array<char, kAcceptSize> accept_key(std::string_view key);

// The first of `supported` (in the server's order of preference) that the client offered; case-sensitive
// (section 4.2.2). Requires: judge_upgrade() passed. Linear in the field's size times supported.size().
std::optional<std::string_view> choose_subprotocol(const RequestHead& head,
                                                   std::span<const std::string_view> supported);
bool offers_subprotocol(const RequestHead& head, std::string_view name);

// Whether Origin is absent, or is one http, https, ws or wss origin whose host (ASCII case-blind, as text: no two
// spellings of one address are equal) and port equal the request's authority (section 10.2). A missing port on either
// side is the default of Origin's scheme. "null" and a repeated Origin are refused. `scheme` is "http" or "https" where
// the server knows it (it ends TLS itself, or a trusted proxy said so): then Origin's must agree; empty where it does
// not.
bool same_origin(const RequestHead& head, std::string_view scheme = {});

// Appends the 101 response's head (section 4.2.2) with `subprotocol` where not empty and `extra` fields, each a name
// and a value already checked by is_valid_field(); ends with the blank line.
void append_switching_protocols(std::string& out, std::string_view accept, std::string_view subprotocol,
                                std::span<const HeaderField> extra);

// Whether a field may be sent: a token for the name, no control characters (CR and LF above all) in the value.
bool is_valid_field(std::string_view name, std::string_view value);

}  // namespace brume::codec

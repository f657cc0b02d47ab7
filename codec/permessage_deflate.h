// permessage_deflate.h: what two peers agree on before they compress messages (RFC 7692, sections 5 and 7).
//
// Pure functions over header fields: any thread, no state. Linear in the fields' size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <brume/codec/http_head.h>

namespace brume::codec {

inline constexpr std::uint8_t kMinWindowBits = 8;  // section 7.1.2
inline constexpr std::uint8_t kMaxWindowBits = 15;
// What a compressor can keep to: zlib makes no raw stream with a window of 256 bytes.
inline constexpr std::uint8_t kMinOwnWindowBits = 9;

// The four parameters (section 7.1). Each is about the messages that the side it names sends.
struct DeflateSettings {
  bool server_no_context_takeover = false;  // no message refers to one before it
  bool client_no_context_takeover = false;
  std::uint8_t server_max_window_bits = kMaxWindowBits;  // the window is 2 to the power of it, in bytes
  std::uint8_t client_max_window_bits = kMaxWindowBits;
  friend bool operator==(const DeflateSettings&, const DeflateSettings&) = default;
};

// ---- the server's side

// What the server answers, and what holds from then on.
struct DeflateAgreement {
  DeflateSettings settings;
  bool names_server_window = false;  // the answer has server_max_window_bits
  bool names_client_window = false;  // the answer has client_max_window_bits
};

// The first offer of permessage-deflate, over all lines of Sec-WebSocket-Extensions in their order, that can be
// accepted; nullopt: the answer names no extension (section 5). `limits` is what the server wants at most: where a
// no_context_takeover is set it is answered even if it was not asked for, and a client that cannot be told to keep to a
// smaller window (it did not offer client_max_window_bits) is told to keep none between messages instead.
// An offer with an unknown or repeated parameter or a value out of range is declined (section 7), and so is one for a
// window of 256 bytes, which zlib cannot make. Requires: judge_upgrade() passed; limits.server_max_window_bits >=
// kMinOwnWindowBits.
std::optional<DeflateAgreement> choose_deflate(const RequestHead& head, const DeflateSettings& limits);

// Appends the value of the answer's Sec-WebSocket-Extensions field.
void append_deflate_answer(std::string& out, const DeflateAgreement& agreement);

// ---- the client's side

struct DeflateOffer {
  // Asked of the server, and told it: server_max_window_bits below 15 and server_no_context_takeover are demands,
  // client_no_context_takeover and client_max_window_bits hints of what this client will do anyway.
  DeflateSettings settings;
  bool window_may_be_limited = true;  // offers client_max_window_bits
};

// Appends the value of the request's Sec-WebSocket-Extensions field.
void append_deflate_offer(std::string& out, const DeflateOffer& offer);

// Why an answer is none: the client fails the connection (RFC 6455, section 4.1; RFC 7692, section 7).
enum class DeflateAnswerError : std::uint8_t {
  malformed,              // not the grammar of RFC 6455, section 9.1
  extension_not_offered,  // another one than permessage-deflate, or any where nothing was offered
  extension_repeated,
  parameter_unknown,
  parameter_repeated,
  value_out_of_range,    // or one where there is none, or none where there has to be one
  window_not_offered,    // client_max_window_bits, which was not offered (section 7.1.2.2)
  server_window_grown,   // server_max_window_bits above the offered one, or missing (section 7.1.2.1)
  server_keeps_context,  // server_no_context_takeover was asked for and is missing (section 7.1.1.1)
};
std::string_view to_string(DeflateAnswerError error);

// What an answer with these fields agrees on; nullopt where it has no extension. `offer`: null where none was made.
// A server may pass over the hints of an offer: a client_max_window_bits above the offered one is a valid answer
// (section 7.2.1), and the client stays with its own, smaller window. client_max_window_bits may be 8: the client's
// compressor cannot keep to it (see above), so it sends nothing compressed.
std::expected<std::optional<DeflateSettings>, DeflateAnswerError> judge_deflate_answer(
    std::span<const HeaderField> fields, const DeflateOffer* offer);

}  // namespace brume::codec

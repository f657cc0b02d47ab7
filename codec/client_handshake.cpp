#include <algorithm>
#include <vector>

#include <openssl/evp.h>

#include <brume/codec/client_handshake.h>
#include <brume/codec/handshake.h>
#include <brume/codec/handshake_grammar.h>
#include <brume/codec/http_line.h>
#include <brume/codec/http_list.h>

namespace brume::codec {
namespace {

// What the handshake or the transfer coding of HTTP decides, and no header of the user's. TE would have to be listed in
// Connection (RFC 9110, section 10.1.4), and Expect: 100-continue is for a request with content (section 10.1.1).
constexpr std::array<std::string_view, 6> kReserved = {"Host",           "Upgrade",           "Connection",
                                                       "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Accept"};
constexpr std::array<std::string_view, 6> kReservedAsked = {
    "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions", "TE", "Expect"};

bool is_reserved(std::string_view name) {
  const auto is_it = [name](std::string_view reserved) { return equals_ignore_case(reserved, name); };
  return std::ranges::any_of(kReserved, is_it) || std::ranges::any_of(kReservedAsked, is_it);
}

// Calls visit(name) for each extension of a list; false where it is none (section 9.1) or a visit returned false.
template <typename Visit>
bool each_extension(std::string_view list, Visit visit) {
  TextCursor cursor(list);
  return read_list(cursor, [&](TextCursor& at) {
    const std::size_t start = at.position();
    if (!skip_extension(at)) return false;
    TextCursor name(list.substr(start));
    skip_token(name);
    return visit(list.substr(start, name.position()));
  });
}

bool lists_extension(std::string_view list, std::string_view name) {
  bool found = false;
  each_extension(list, [&](std::string_view listed) {
    found |= listed == name;
    return true;
  });
  return found;
}

std::optional<ResponseError> judge_extensions(const ResponseHead& head, std::string_view offered) {
  std::optional<ResponseError> fault;
  std::vector<std::string_view> agreed;
  for (const HeaderField& field : head.fields) {
    if (!equals_ignore_case(field.name, "Sec-WebSocket-Extensions")) continue;
    const bool whole = each_extension(field.value, [&](std::string_view name) {
      const bool expected = !offered.empty() && lists_extension(offered, name);
      if (!expected || std::ranges::find(agreed, name) != agreed.end()) fault = ResponseError::unexpected_extension;
      agreed.push_back(name);
      return !fault;
    });
    if (!whole) return fault ? fault : ResponseError::malformed_extensions;
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(RequestFault fault) {
  switch (fault) {
    case RequestFault::malformed_field:
      return "a header's name is no token, or its value has a control character or a blank at an end";
    case RequestFault::reserved_field:
      return "a header that is left to the handshake";
    case RequestFault::malformed_subprotocol:
      return "a subprotocol is no token";
    case RequestFault::repeated_subprotocol:
      return "a subprotocol is offered twice";
    case RequestFault::malformed_extensions:
      return "the extensions are no list of extensions";
  }
  return "unknown fault";
}

std::optional<RequestFault> judge_request(const UpgradeRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (!is_valid_field(name, value) || trim_blanks(value).size() != value.size()) return RequestFault::malformed_field;
    if (is_reserved(name)) return RequestFault::reserved_field;
  }
  for (auto name = request.subprotocols.begin(); name != request.subprotocols.end(); ++name) {
    if (!is_token(*name)) return RequestFault::malformed_subprotocol;
    if (std::find(request.subprotocols.begin(), name, *name) != name) return RequestFault::repeated_subprotocol;
  }
  if (!request.extensions.empty() && !each_extension(request.extensions, [](std::string_view) { return true; })) {
    return RequestFault::malformed_extensions;
  }
  return std::nullopt;
}

std::array<char, kEncodedKeySize> encode_key(std::span<const std::byte, kNonceSize> nonce) {
  std::array<unsigned char, kEncodedKeySize + 1> encoded;  // EVP_EncodeBlock ends its text with a NUL
  EVP_EncodeBlock(encoded.data(), reinterpret_cast<const unsigned char*>(nonce.data()), static_cast<int>(nonce.size()));
  std::array<char, kEncodedKeySize> key;
  std::ranges::copy_n(encoded.begin(), kEncodedKeySize, key.begin());
  return key;
}

void append_upgrade_request(std::string& out, const UpgradeRequest& request) {
  const auto append_field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append(kCrlf);
  };
  out.append("GET ").append(request.resource).append(" HTTP/1.1").append(kCrlf);
  append_field("Host", request.authority);
  append_field("Upgrade", "websocket");
  append_field("Connection", "Upgrade");
  append_field("Sec-WebSocket-Key", request.key);
  append_field("Sec-WebSocket-Version", "13");
  if (!request.subprotocols.empty()) {
    std::string offered;
    for (const std::string& name : request.subprotocols) offered.append(offered.empty() ? "" : ", ").append(name);
    append_field("Sec-WebSocket-Protocol", offered);
  }
  if (!request.extensions.empty()) append_field("Sec-WebSocket-Extensions", request.extensions);
  for (const auto& [name, value] : request.headers) append_field(name, value);
  out.append(kCrlf);
}

std::string_view to_string(ResponseError error) {
  switch (error) {
    case ResponseError::malformed_status_line:
      return "the answer is not HTTP/1.1";
    case ResponseError::unsupported_version:
      return "the answer has another version than HTTP/1.1";
    case ResponseError::malformed_field:
      return "the answer has a malformed header";
    case ResponseError::head_too_large:
      return "the answer's head is too large";
    case ResponseError::too_many_fields:
      return "the answer has too many headers";
    case ResponseError::not_switching:
      return "the server refused the upgrade";
    case ResponseError::missing_upgrade:
      return "the answer has no Upgrade header";
    case ResponseError::wrong_upgrade:
      return "the answer's Upgrade header is not websocket";
    case ResponseError::connection_lacks_upgrade:
      return "the answer's Connection header lacks upgrade";
    case ResponseError::missing_accept:
      return "the answer has no Sec-WebSocket-Accept header";
    case ResponseError::repeated_accept:
      return "the answer has Sec-WebSocket-Accept twice";
    case ResponseError::wrong_accept:
      return "the answer's Sec-WebSocket-Accept does not fit the key";
    case ResponseError::malformed_extensions:
      return "the answer's Sec-WebSocket-Extensions header is malformed";
    case ResponseError::unexpected_extension:
      return "the answer has an extension that was not offered";
    case ResponseError::wrong_extension:
      return "the answer has an extension with a parameter that does not fit the offer";
    case ResponseError::repeated_subprotocol:
      return "the answer has Sec-WebSocket-Protocol twice";
    case ResponseError::unexpected_subprotocol:
      return "the answer has a subprotocol that was not offered";
  }
  return "unknown error";
}

ResponseError response_error(HttpError error) {
  switch (error) {
    case HttpError::head_too_large:
    case HttpError::target_too_long:
      return ResponseError::head_too_large;
    case HttpError::too_many_fields:
      return ResponseError::too_many_fields;
    case HttpError::malformed_request_line:
      return ResponseError::malformed_status_line;
    default:
      return ResponseError::malformed_field;
  }
}

void unfold_fields(std::span<char> head) {
  const std::string_view text(head.data(), head.size());
  std::size_t end = text.find(kCrlf);  // of the status line
  while (end != std::string_view::npos && (end = text.find(kCrlf, end + kCrlf.size())) != std::string_view::npos) {
    const std::size_t next = end + kCrlf.size();
    if (next < text.size() && is_blank(text[next])) std::ranges::fill(head.subspan(end, kCrlf.size()), ' ');
  }
}

std::expected<ResponseHead, ResponseError> parse_response_head(std::string_view text, std::span<HeaderField> storage) {
  constexpr std::string_view kName = "HTTP/";
  constexpr std::size_t kVersionSize = kName.size() + 3;
  constexpr std::size_t kStatusSize = 3;
  std::string_view rest = text;
  const auto status_line = take_line(rest, true);
  if (!status_line) return std::unexpected(ResponseError::malformed_status_line);
  std::string_view line = *status_line;
  const bool is_http = line.size() >= kVersionSize + 1 + kStatusSize && line.starts_with(kName) &&
                       is_a(kDigitChar, line[kName.size()]) && line[kName.size() + 1] == '.' &&
                       is_a(kDigitChar, line[kName.size() + 2]) && line[kVersionSize] == ' ';
  if (!is_http) return std::unexpected(ResponseError::malformed_status_line);
  const std::string_view version = line.substr(kName.size(), 3);
  line.remove_prefix(kVersionSize + 1);
  const std::string_view status = line.substr(0, kStatusSize);
  // The blank in front of an empty reason is often left out.
  const bool ends_well = line.size() == kStatusSize || line[kStatusSize] == ' ';
  if (!all_of_class(kDigitChar, status) || status[0] == '0' || !ends_well) {
    return std::unexpected(ResponseError::malformed_status_line);
  }
  if (version != "1.1" && version != "1.0") return std::unexpected(ResponseError::unsupported_version);

  ResponseHead head;
  for (const char digit : status) head.status = static_cast<std::uint16_t>(head.status * 10 + (digit - '0'));
  head.reason = trim_blanks(line.substr(kStatusSize));
  head.version_minor = static_cast<std::uint8_t>(version[2] - '0');
  const auto fields = read_fields(rest, storage);
  if (!fields) return std::unexpected(response_error(fields.error()));
  head.fields = *fields;
  return head;
}

std::expected<std::string_view, ResponseError> judge_response(const ResponseHead& head, const UpgradeRequest& request) {
  const auto refuse = [](ResponseError error) { return std::unexpected(error); };
  constexpr std::uint16_t kSwitchingProtocols = 101;
  if (head.status != kSwitchingProtocols) return refuse(ResponseError::not_switching);
  if (head.version_minor == 0) return refuse(ResponseError::unsupported_version);
  if (head.count("Upgrade") == 0) return refuse(ResponseError::missing_upgrade);
  // The value, not one of a list (item 2): only one protocol can have been switched to.
  if (head.count("Upgrade") > 1 || !equals_ignore_case(*head.field("Upgrade"), "websocket")) {
    return refuse(ResponseError::wrong_upgrade);
  }
  if (!head.has_token("Connection", "upgrade")) return refuse(ResponseError::connection_lacks_upgrade);
  const auto accept = head.field("Sec-WebSocket-Accept");
  if (!accept) return refuse(ResponseError::missing_accept);
  if (head.count("Sec-WebSocket-Accept") > 1) return refuse(ResponseError::repeated_accept);
  const auto expected = accept_key(request.key);
  if (*accept != std::string_view(expected.data(), expected.size())) return refuse(ResponseError::wrong_accept);
  if (const auto fault = judge_extensions(head, request.extensions)) return refuse(*fault);
  const auto subprotocol = head.field("Sec-WebSocket-Protocol");
  if (!subprotocol) return std::string_view();
  if (head.count("Sec-WebSocket-Protocol") > 1) return refuse(ResponseError::repeated_subprotocol);
  if (std::ranges::find(request.subprotocols, *subprotocol) == request.subprotocols.end()) {
    return refuse(ResponseError::unexpected_subprotocol);
  }
  return *subprotocol;
}

}  // namespace brume::codec

#include <algorithm>

// SHA1() of OpenSSL 3 looks its algorithm up anew on each call, and its first one loads providers: 2 MiB of a process
// that needs nothing else of them. The functions below it do not, but are called deprecated.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <brume/codec/handshake.h>
#include <brume/codec/handshake_grammar.h>
#include <brume/codec/http_authority.h>
#include <brume/codec/http_body.h>
#include <brume/codec/http_list.h>
#include <brume/codec/http_text.h>

namespace brume::codec {
namespace {

constexpr std::size_t kKeySize = 24;  // 16 bytes in Base64: 22 characters and "=="
constexpr std::size_t kKeyCharacters = 22;
constexpr std::string_view kAcceptGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

struct Occurrences {
  std::size_t count = 0;
  std::string_view value;  // of the last
};

Occurrences find_field(const RequestHead& head, std::string_view name) {
  Occurrences found;
  for (const HeaderField& field : head.fields) {
    if (!equals_ignore_case(field.name, name)) continue;
    ++found.count;
    found.value = field.value;
  }
  return found;
}

std::optional<HttpError> judge_body(const RequestHead& head) {
  if (head.count("Transfer-Encoding") > 0) return HttpError::body_on_upgrade;
  const auto framing = body_framing(head);
  if (!framing) return framing.error();
  return framing->empty() ? std::nullopt : std::optional(HttpError::body_on_upgrade);
}

// The last character before the padding may have spare bits that are not zero: the RFC's own sample key has them.
bool is_key(std::string_view key) {
  return key.size() == kKeySize && all_of_class(kBase64Char, key.substr(0, kKeyCharacters)) && key.ends_with("==");
}

// All lines together are a list of tokens, none of them twice (RFC 6455, section 4.1, item 10).
bool are_subprotocols(const RequestHead& head) {
  std::array<std::string_view, kMaxSubprotocols> offered;
  std::size_t count = 0;
  for (const HeaderField& field : head.fields) {
    if (!equals_ignore_case(field.name, "Sec-WebSocket-Protocol")) continue;
    TextCursor cursor(field.value);
    const auto take_subprotocol = [&](TextCursor& at) {
      const std::size_t start = at.position();
      if (!skip_token(at) || count == offered.size()) return false;
      offered[count++] = field.value.substr(start, at.position() - start);
      return true;
    };
    if (!read_list(cursor, take_subprotocol)) return false;
  }
  const auto end = offered.begin() + static_cast<std::ptrdiff_t>(count);
  std::sort(offered.begin(), end);
  return std::adjacent_find(offered.begin(), end) == end;
}

bool are_extensions(const RequestHead& head) {
  return std::ranges::all_of(head.fields, [](const HeaderField& field) {
    if (!equals_ignore_case(field.name, "Sec-WebSocket-Extensions")) return true;
    TextCursor cursor(field.value);
    return read_list(cursor, [](TextCursor& at) { return skip_extension(at); });
  });
}

}  // namespace

bool wants_websocket(const RequestHead& head) {
  return head.method == "GET" && head.has_token("Upgrade", "websocket");
}

std::expected<std::string_view, HttpError> judge_upgrade(const RequestHead& head) {
  const auto refuse = [](HttpError error) { return std::unexpected(error); };
  if (head.method != "GET") return refuse(HttpError::upgrade_method_not_get);
  if (head.version_minor == 0) return refuse(HttpError::upgrade_needs_http_1_1);
  if (!head.has_token("Upgrade", "websocket")) return refuse(HttpError::upgrade_required);
  if (!head.has_token("Connection", "upgrade")) return refuse(HttpError::connection_lacks_upgrade);
  if (const auto error = judge_body(head)) return refuse(*error);

  const Occurrences key = find_field(head, "Sec-WebSocket-Key");
  if (key.count == 0) return refuse(HttpError::missing_key);
  if (key.count > 1) return refuse(HttpError::repeated_key);
  if (!is_key(key.value)) return refuse(HttpError::malformed_key);

  const Occurrences version = find_field(head, "Sec-WebSocket-Version");
  if (version.count == 0) return refuse(HttpError::missing_version);
  if (version.count > 1) return refuse(HttpError::repeated_version);
  if (version.value != "13") return refuse(HttpError::unsupported_websocket_version);

  if (!are_subprotocols(head)) return refuse(HttpError::malformed_protocol_list);
  if (!are_extensions(head)) return refuse(HttpError::malformed_extension_list);
  return key.value;
}

std::array<char, kAcceptSize> accept_key(std::string_view key) {
  std::array<unsigned char, kKeySize + kAcceptGuid.size()> text;
  const std::string_view sent = key.substr(0, kKeySize);
  const auto end = std::ranges::copy(kAcceptGuid, std::ranges::copy(sent, text.begin()).out).out;

  // None of the three can fail on so short a text.
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest;
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, text.data(), static_cast<std::size_t>(end - text.begin()));
  SHA1_Final(digest.data(), &context);

  std::array<unsigned char, kAcceptSize + 1> encoded;  // EVP_EncodeBlock ends its text with a NUL
  EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest.size()));
  std::array<char, kAcceptSize> accept;
  std::ranges::copy_n(encoded.begin(), kAcceptSize, accept.begin());
  return accept;
}

std::optional<std::string_view> choose_subprotocol(const RequestHead& head,
                                                   std::span<const std::string_view> supported) {
  const auto chosen = std::ranges::find_if(supported, [&](auto name) { return offers_subprotocol(head, name); });
  return chosen == supported.end() ? std::nullopt : std::optional(*chosen);
}

bool offers_subprotocol(const RequestHead& head, std::string_view name) {
  return any_element(head, "Sec-WebSocket-Protocol", [name](std::string_view offered) { return offered == name; });
}

bool same_origin(const RequestHead& head, std::string_view scheme) {
  const Occurrences origin = find_field(head, "Origin");
  if (origin.count == 0) return true;
  if (origin.count > 1) return false;
  constexpr std::string_view kSchemeEnd = "://";
  const std::size_t scheme_size = origin.value.find(kSchemeEnd);
  if (scheme_size == std::string_view::npos) return false;  // "null" above all
  const std::string_view its_scheme = origin.value.substr(0, scheme_size);
  const bool secure = equals_ignore_case(its_scheme, "https") || equals_ignore_case(its_scheme, "wss");
  if (!secure && !equals_ignore_case(its_scheme, "http") && !equals_ignore_case(its_scheme, "ws")) return false;
  if (!scheme.empty() && secure != (scheme == "https")) return false;

  const auto from = parse_authority(origin.value.substr(scheme_size + kSchemeEnd.size()));
  const auto to = parse_authority(head.authority);
  if (!from || !to) return false;
  const std::uint16_t default_port = secure ? 443 : 80;
  return equals_ignore_case(from->host, to->host) &&
         from->port.value_or(default_port) == to->port.value_or(default_port);
}

void append_switching_protocols(std::string& out, std::string_view accept, std::string_view subprotocol,
                                std::span<const HeaderField> extra) {
  const auto append_field = [&out](std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
  };
  out.append("HTTP/1.1 101 Switching Protocols\r\n");
  append_field("Upgrade", "websocket");
  append_field("Connection", "Upgrade");
  append_field("Sec-WebSocket-Accept", accept);
  if (!subprotocol.empty()) append_field("Sec-WebSocket-Protocol", subprotocol);
  for (const HeaderField& field : extra) append_field(field.name, field.value);
  out.append("\r\n");
}

bool is_valid_field(std::string_view name, std::string_view value) {
  const char* const end = value.data() + value.size();
  return is_token(name) && find_control(value.data(), end) == end;
}

}  // namespace brume::codec

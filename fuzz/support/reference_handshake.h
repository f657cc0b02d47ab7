// reference_handshake.h: the opening handshake judged the slow way (RFC 6455, sections 4.2.1, 4.2.2 and 10.2).
//
// Functions without state; they copy freely and say yes or no, where the codec names the rule.
#pragma once

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/handshake.h>
#include <brume/codec/http_authority.h>
#include <brume/codec/http_head.h>
#include <brume/fuzz/support/reference_request.h>

namespace brume::fuzz {

inline std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

inline std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

inline std::vector<std::string> values_of(const codec::RequestHead& head, std::string_view name) {
  std::vector<std::string> values;
  for (const codec::HeaderField& field : head.fields)
    if (lower_case(field.name) == lower_case(name)) values.emplace_back(field.value);
  return values;
}

inline bool is_token_by_the_book(std::string_view text) {
  return !text.empty() && consists_of(text, kTokenCharacters);
}

// The characters of a token at the front.
inline std::string leading_token(std::string_view text) {
  return std::string(text.substr(0, text.find_first_not_of(kTokenCharacters)));
}

// The elements of a list, which commas inside quoted strings do not divide (RFC 9110, section 5.6.1).
inline std::vector<std::string> list_elements(std::string_view text) {
  std::vector<std::string> elements(1);
  bool quoted = false;
  bool escaped = false;
  for (char c : text) {
    if (c == ',' && !quoted) {
      elements.emplace_back();
      continue;
    }
    elements.back() += c;
    if (c == '"' && !escaped) quoted = !quoted;
    escaped = quoted && c == '\\' && !escaped;
  }
  for (std::string& element : elements) element = trimmed(element);
  return elements;
}

// Whether one element of the list, over all lines, is `token`.
inline bool lists_token(const codec::RequestHead& head, std::string_view name, std::string_view token) {
  for (const std::string& value : values_of(head, name))
    for (const std::string& element : list_elements(value))
      if (lower_case(element) == token) return true;
  return false;
}

// RFC 6455, section 9.1. No separator can stand inside a quoted string, whose text must be a token: so cutting first
// and looking at the pieces afterwards is right.
inline bool is_extension_by_the_book(std::string_view element) {
  const auto parts = split(element, ';');
  if (!is_token_by_the_book(parts[0])) return false;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::size_t equals = parts[i].find('=');
    if (!is_token_by_the_book(trimmed(std::string_view(parts[i]).substr(0, equals)))) return false;
    if (equals == std::string::npos) continue;
    std::string value = trimmed(std::string_view(parts[i]).substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      std::string text;
      for (std::size_t at = 1; at + 1 < value.size(); ++at) {
        if (value[at] == '\\' && ++at + 1 >= value.size()) return false;
        text += value[at];
      }
      value = text;
    }
    if (!is_token_by_the_book(value)) return false;
  }
  return true;
}

inline bool may_upgrade_by_the_book(const codec::RequestHead& head) {
  if (head.method != "GET" || head.version_minor != 1) return false;
  if (!lists_token(head, "Upgrade", "websocket") || !lists_token(head, "Connection", "upgrade")) return false;
  if (!values_of(head, "Transfer-Encoding").empty()) return false;
  const auto lengths = values_of(head, "Content-Length");
  if (lengths.size() > 1) return false;
  for (const std::string& length : lengths)
    if (length.empty() || length.size() > 19 || !consists_of(length, "0")) return false;

  const auto keys = values_of(head, "Sec-WebSocket-Key");
  const std::string base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (keys.size() != 1 || keys[0].size() != 24 || !keys[0].ends_with("==")) return false;
  if (!consists_of(std::string_view(keys[0]).substr(0, 22), base64)) return false;
  if (values_of(head, "Sec-WebSocket-Version") != std::vector<std::string>{"13"}) return false;

  std::set<std::string> offered;
  std::size_t offers = 0;
  for (const std::string& value : values_of(head, "Sec-WebSocket-Protocol")) {
    for (const std::string& name : split(value, ',')) {
      if (!is_token_by_the_book(name) || !offered.insert(name).second) return false;
      if (++offers > codec::kMaxSubprotocols) return false;
    }
  }
  for (const std::string& value : values_of(head, "Sec-WebSocket-Extensions"))
    for (const std::string& element : split(value, ','))
      if (!is_extension_by_the_book(element)) return false;
  return true;
}

inline bool same_origin_by_the_book(const codec::RequestHead& head, std::string_view scheme) {
  const auto origins = values_of(head, "Origin");
  if (origins.empty()) return true;
  if (origins.size() > 1) return false;
  for (const std::string from : {"http", "ws", "https", "wss"}) {
    if (!lower_case(origins[0]).starts_with(from + "://")) continue;
    const bool secure = from.ends_with('s') && from != "ws";
    if (!scheme.empty() && secure != (scheme == "https")) return false;
    const auto theirs = codec::parse_authority(std::string_view(origins[0]).substr(from.size() + 3));
    const auto ours = codec::parse_authority(head.authority);
    if (!theirs || !ours) return false;
    const unsigned port = secure ? 443 : 80;
    return lower_case(theirs->host) == lower_case(ours->host) &&
           theirs->port.value_or(static_cast<std::uint16_t>(port)) ==
               ours->port.value_or(static_cast<std::uint16_t>(port));
  }
  return false;
}

}  // namespace brume::fuzz

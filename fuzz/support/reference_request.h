// reference_request.h: request heads and chunked bodies read the slow way, to hold the codec's answers against.
//
// Functions without state. They take whole texts, copy freely, and say only whether a text is complete and allowed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/http_authority.h>
#include <brume/codec/http_body.h>
#include <brume/codec/http_head.h>

namespace brume::fuzz {

inline constexpr std::string_view kTokenCharacters =
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
inline constexpr std::string_view kBlanks = " \t";
inline constexpr std::string_view kDigitCharacters = "0123456789";

inline bool consists_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

inline bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; });
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

// Takes the text up to the next CRLF from the front of `text`; nullopt where there is none.
inline std::optional<std::string_view> cut_line(std::string_view& text) {
  const std::size_t size = text.find("\r\n");
  if (size == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, size);
  text.remove_prefix(size + 2);
  return line;
}

struct ReferenceHead {
  std::size_t size = 0;  // bytes, with a leading CRLF
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;
};

inline bool is_target_by_the_book(std::string_view target) {
  for (char c : target) {
    if (c <= ' ' || c >= 0x7f || c == '#') return false;
  }
  if (target.starts_with('/')) return true;
  for (std::string_view scheme : {"http://", "https://", "ws://", "wss://"}) {
    if (!lower_case(target).starts_with(scheme)) continue;
    const std::string_view rest = target.substr(scheme.size());
    return codec::parse_authority(rest.substr(0, rest.find_first_of("/?"))).has_value();
  }
  return false;
}

inline std::optional<std::pair<std::string, std::string>> read_field_by_the_book(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  const std::string_view name = line.substr(0, colon);
  if (!consists_of(name, kTokenCharacters) || has_control_character(line)) return std::nullopt;
  std::string value(line.substr(colon + 1));
  value.erase(0, std::min(value.find_first_not_of(kBlanks), value.size()));
  value.erase(value.find_last_not_of(kBlanks) + 1);
  return std::pair{std::string(name), value};
}

// The head at the front of `text`, if it is whole and breaks no rule.
inline std::optional<ReferenceHead> read_head_by_the_book(std::string_view text, const codec::HeadLimits& limits) {
  ReferenceHead head;
  std::string_view rest = text;
  if (rest.starts_with("\r\n")) rest.remove_prefix(2);
  const std::size_t blank_line = rest.find("\r\n\r\n");
  if (blank_line == std::string_view::npos || blank_line + 4 > limits.max_head_size) return std::nullopt;
  head.size = text.size() - rest.size() + blank_line + 4;
  rest = rest.substr(0, blank_line + 2);

  const std::string_view line = *cut_line(rest);
  const std::size_t first_space = line.find(' ');
  const std::size_t second_space = line.find(' ', first_space + 1);
  if (std::ranges::count(line, ' ') != 2) return std::nullopt;
  head.method = line.substr(0, first_space);
  head.target = line.substr(first_space + 1, second_space - first_space - 1);
  const std::string_view version = line.substr(second_space + 1);
  const std::vector<std::string_view> methods = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                 "CONNECT", "OPTIONS", "TRACE", "PATCH"};
  if (std::ranges::find(methods, head.method) == methods.end()) return std::nullopt;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  if (!is_target_by_the_book(head.target)) return std::nullopt;

  std::vector<std::string> hosts;
  while (const auto field_line = cut_line(rest)) {
    const auto field = read_field_by_the_book(*field_line);
    if (!field || head.fields.size() == limits.max_headers) return std::nullopt;
    if (lower_case(field->first) == "host") hosts.push_back(field->second);
    head.fields.push_back(*field);
  }
  if (hosts.size() > 1 || (hosts.empty() && version == "HTTP/1.1")) return std::nullopt;
  const bool may_be_empty = !head.target.starts_with('/');
  if (!hosts.empty() && !(hosts[0].empty() && may_be_empty) && !codec::parse_authority(hosts[0])) return std::nullopt;
  return head;
}

struct ReferenceBody {
  std::string body;
  std::size_t size = 0;  // bytes with the framing
};

// The size in a chunk's first line, which must be whole and allowed; adds its extensions' bytes to `extensions`.
inline std::optional<std::uint64_t> read_chunk_size_by_the_book(std::string_view line, std::size_t& extensions) {
  const std::size_t digits = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  if (digits == 0 || digits > codec::kMaxChunkSizeDigits) return std::nullopt;
  const std::string_view extension = line.substr(digits);
  extensions += extension.size();
  if (extensions > codec::kMaxChunkExtensionsSize || has_control_character(extension)) return std::nullopt;
  const std::size_t mark = extension.find_first_not_of(kBlanks);
  if (!extension.empty() && (mark == std::string_view::npos || extension[mark] != ';')) return std::nullopt;
  return std::stoull(std::string(line.substr(0, digits)), nullptr, 16);
}

// The chunked body at the front of `text`, if it is whole and breaks no rule.
inline std::optional<ReferenceBody> read_chunks_by_the_book(std::string_view text, std::size_t max_body_size) {
  ReferenceBody result;
  std::string_view rest = text;
  std::size_t extensions = 0;
  for (;;) {
    const auto line = cut_line(rest);
    if (!line) return std::nullopt;
    const auto size = read_chunk_size_by_the_book(*line, extensions);
    if (!size || *size > max_body_size - result.body.size()) return std::nullopt;
    if (*size == 0) break;
    if (rest.size() < *size + 2 || rest.substr(static_cast<std::size_t>(*size), 2) != "\r\n") return std::nullopt;
    result.body.append(rest.substr(0, static_cast<std::size_t>(*size)));
    rest.remove_prefix(static_cast<std::size_t>(*size) + 2);
  }
  std::size_t trailers = 0;
  for (;;) {
    const auto line = cut_line(rest);
    if (!line) return std::nullopt;
    if (line->empty()) break;
    trailers += line->size() + 2;
    if (trailers > codec::kMaxTrailerSize || !read_field_by_the_book(*line)) return std::nullopt;
  }
  result.size = text.size() - rest.size();
  return result;
}

}  // namespace brume::fuzz

// request_text.h: request heads as tests write them, and what becomes of them.
//
// A ParsedRequest is owned by one test; the head's views live as long as it.
#pragma once

#include <cstddef>
#include <cstring>
#include <expected>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/http_error.h>
#include <brume/codec/http_head.h>

namespace brume::codec {

inline void PrintTo(HttpError error, std::ostream* out) {
  *out << info(error).name;
}

}  // namespace brume::codec

namespace brume::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// Scans and parses a text, which it keeps. `rest` is what stands after the head.
class ParsedRequest {
 public:
  explicit ParsedRequest(std::string_view text, const codec::HeadLimits& limits = {})
      : text_(text), fields_(codec::kMaxHeaders) {
    codec::HeadScanner scanner;
    const auto size = scanner.scan(bytes_of(text_), limits);
    if (!size) {
      head = std::unexpected(size.error());
    } else if (*size) {
      head = codec::parse_request_head(std::string_view(text_).substr(0, **size), fields_, limits);
      rest = std::string_view(text_).substr(**size);
    }
  }
  ParsedRequest(const ParsedRequest&) = delete;
  ParsedRequest& operator=(const ParsedRequest&) = delete;

  const codec::RequestHead* operator->() const { return &head.value(); }
  const codec::RequestHead& operator*() const { return head.value(); }

  // internal_error where the text is no whole head.
  std::expected<codec::RequestHead, codec::HttpError> head = std::unexpected(codec::HttpError::internal_error);
  std::string_view rest;

 private:
  std::string text_;
  std::vector<codec::HeaderField> fields_;
};

// The first rule a whole head breaks, or nullopt.
inline std::optional<codec::HttpError> head_error(std::string_view text, const codec::HeadLimits& limits = {}) {
  const ParsedRequest request(text, limits);
  return request.head ? std::nullopt : std::optional(request.head.error());
}

// A GET request with these field lines, each to be given with its CRLF.
inline std::string get_with(std::string_view fields) {
  return std::string("GET / HTTP/1.1\r\nHost: a.example\r\n").append(fields).append("\r\n");
}

// A valid upgrade request with further field lines, without the line that begins with `left_out`.
inline std::string upgrade_with(std::string_view fields, std::string_view left_out = {}) {
  std::string text = "GET /ws HTTP/1.1\r\n";
  for (std::string_view line : {"Host: a.example\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "Sec-WebSocket-Version: 13\r\n"}) {
    if (left_out.empty() || !line.starts_with(left_out)) text.append(line);
  }
  return text.append(fields).append("\r\n");
}

inline std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all.append(text);
  return all;
}

}  // namespace brume::test

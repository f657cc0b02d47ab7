// http_line.h: the lines that requests and responses have in common: their ends, and fields (RFC 9112, sections 2, 5).
//
// Pure functions: any thread, no allocation. Views live as long as the text.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string_view>

#include <brume/codec/http_error.h>
#include <brume/codec/http_head.h>
#include <brume/codec/http_text.h>

namespace brume::codec {

inline constexpr std::string_view kCrlf = "\r\n";

// Takes the next line from the front of `rest`; returns it without its CRLF.
inline std::expected<std::string_view, HttpError> take_line(std::string_view& rest, bool in_request_line) {
  const char* const end = rest.data() + rest.size();
  const char* const control = find_control(rest.data(), end);
  const std::string_view line(rest.data(), control);
  if (control == end) return std::unexpected(HttpError::malformed_request_line);  // no whole head was given
  const std::string_view ending(control, end);
  if (!ending.starts_with(kCrlf)) {
    return std::unexpected(control_character_error(line, *control, in_request_line));
  }
  rest.remove_prefix(line.size() + kCrlf.size());
  return line;
}

// Reads one field line (RFC 9112, section 5). `first`: it follows the first line.
inline std::expected<HeaderField, HttpError> read_field(std::string_view line, bool first) {
  if (is_blank(line.front())) {
    return std::unexpected(first ? HttpError::malformed_field_name : HttpError::obsolete_line_folding);
  }
  std::size_t name_size = 0;
  while (name_size < line.size() && is_a(kTokenChar, line[name_size])) ++name_size;
  if (name_size == 0 || name_size == line.size() || line[name_size] != ':') {
    return std::unexpected(HttpError::malformed_field_name);
  }
  return HeaderField{line.substr(0, name_size), trim_blanks(line.substr(name_size + 1))};
}

// Reads the field lines at the front of `rest` up to the blank line, which is taken too. `storage` bounds their number.
inline std::expected<std::span<const HeaderField>, HttpError> read_fields(std::string_view& rest,
                                                                          std::span<HeaderField> storage) {
  std::size_t count = 0;
  for (;;) {
    const auto line = take_line(rest, false);
    if (!line) return std::unexpected(line.error());
    if (line->empty()) return storage.first(count);
    const auto field = read_field(*line, count == 0);
    if (!field) return std::unexpected(field.error());
    if (count == storage.size()) return std::unexpected(HttpError::too_many_fields);
    storage[count++] = *field;
  }
}

}  // namespace brume::codec

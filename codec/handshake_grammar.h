// handshake_grammar.h: the grammars of Sec-WebSocket-Protocol and Sec-WebSocket-Extensions (RFC 6455, 4.1, 4.3, 9.1).
//
// One pass over one field line, never back: the functions are templates over their cursor so that the tests can count
// every look and every step. Any thread, no allocation.
//
// RFC 6455 writes both lists as `1#`, where RFC 2616 would let empty elements pass; they are refused: no client sends
// them, and a server that skips what it cannot place helps nobody but an attacker.
#pragma once

#include <cstddef>
#include <string_view>

#include <brume/codec/http_text.h>

namespace brume::codec {

class TextCursor {
 public:
  explicit TextCursor(std::string_view text) : text_(text) {}
  bool at_end() const { return position_ == text_.size(); }
  char look() const { return text_[position_]; }  // requires !at_end()
  void step() { ++position_; }                    // requires !at_end()
  std::size_t position() const { return position_; }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
};

template <typename Cursor>
void skip_blanks(Cursor& cursor) {
  while (!cursor.at_end() && is_blank(cursor.look())) cursor.step();
}

template <typename Cursor>
bool skip_character(Cursor& cursor, char character) {
  if (cursor.at_end() || cursor.look() != character) return false;
  cursor.step();
  return true;
}

template <typename Cursor>
bool skip_token(Cursor& cursor) {
  const std::size_t start = cursor.position();
  while (!cursor.at_end() && is_a(kTokenChar, cursor.look())) cursor.step();
  return cursor.position() > start;
}

// A quoted string whose text is a token once the backslashes are taken out (RFC 6455, section 9.1).
template <typename Cursor>
bool skip_quoted_token(Cursor& cursor) {
  if (!skip_character(cursor, '"')) return false;
  std::size_t characters = 0;
  while (!skip_character(cursor, '"')) {
    skip_character(cursor, '\\');
    if (cursor.at_end() || !is_a(kTokenChar, cursor.look())) return false;
    cursor.step();
    ++characters;
  }
  return characters > 0;
}

// extension-param = token [ "=" (token | quoted-string) ]
template <typename Cursor>
bool skip_extension_parameter(Cursor& cursor) {
  if (!skip_token(cursor)) return false;
  skip_blanks(cursor);
  if (!skip_character(cursor, '=')) return true;
  skip_blanks(cursor);
  return skip_token(cursor) || skip_quoted_token(cursor);
}

// extension = extension-token *( ";" extension-param )
template <typename Cursor>
bool skip_extension(Cursor& cursor) {
  if (!skip_token(cursor)) return false;
  for (skip_blanks(cursor); skip_character(cursor, ';'); skip_blanks(cursor)) {
    skip_blanks(cursor);
    if (!skip_extension_parameter(cursor)) return false;
  }
  return true;
}

// A list of at least one element up to the end, each taken by take_element(cursor), which says whether it was one.
template <typename Cursor, typename TakeElement>
bool read_list(Cursor& cursor, TakeElement take_element) {
  do {
    skip_blanks(cursor);
    if (!take_element(cursor)) return false;
    skip_blanks(cursor);
  } while (skip_character(cursor, ','));
  return cursor.at_end();
}

}  // namespace brume::codec

#include <string>

#include <gtest/gtest.h>

#include <brume/codec/http_head.h>
#include <brume/codec/http_text.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::GuardedBuffer;

bool is_control(int c) {
  return (c < 0x20 && c != '\t') || c == 0x7f;
}

TEST(HttpText, FindControlFindsEveryControlCharacterAtEveryPlaceOfEveryLength) {
  GuardedBuffer memory(64);
  for (std::size_t size = 0; size <= 40; ++size) {
    for (std::size_t place = 0; place < size; ++place) {
      for (int c = 0; c < 256; ++c) {
        std::string text(size, 'x');
        text[place] = static_cast<char>(c);
        const auto copy = memory.place_at_end(bytes_of(text));
        const char* const begin = reinterpret_cast<const char*>(copy.data());
        const char* const expected = begin + (is_control(c) ? place : size);
        ASSERT_EQ(find_control(begin, begin + size), expected) << c << " at " << place << " of " << size;
      }
    }
  }
}

TEST(HttpText, FindControlReturnsTheFirstOfSeveral) {
  // Neighbours that a borrow of the word arithmetic might reach.
  for (char after : {'\x00', '\x01', '\x1f', '\x20', '\x21', '\x7e', '\x7f', '\x80', '\x81', '\xff', '\t'}) {
    for (char first : {'\x00', '\r', '\x1f', '\x7f'}) {
      const std::string text = {'a', '\t', first, after, after, 'b', after, '\n', after};
      EXPECT_EQ(find_control(text.data(), text.data() + text.size()), text.data() + 2);
    }
  }
}

TEST(HttpText, TokensAreTheCharactersOfTheRfcAndNothingElse) {
  const std::string_view symbols = "!#$%&'*+-.^_`|~";
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    EXPECT_EQ(is_token({&character, 1}), alphanumeric || (c != 0 && symbols.contains(character))) << c;
  }
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("two words"));
}

TEST(HttpText, NamesAreComparedWithoutTheCaseOfAsciiLetters) {
  EXPECT_TRUE(equals_ignore_case("", ""));
  EXPECT_TRUE(equals_ignore_case("WebSocket", "wEBsOCKET"));
  EXPECT_FALSE(equals_ignore_case("websocket", "websocke"));
  EXPECT_FALSE(equals_ignore_case("@[`{", "`{@["));          // 0x20 apart, but no letters
  EXPECT_FALSE(equals_ignore_case("k", "\xe2\x84\xaa"));     // the Kelvin sign
  EXPECT_FALSE(equals_ignore_case("\xc3\x89", "\xc3\xa9"));  // accented letters are not ASCII
}

TEST(HttpText, TrimTakesBlanksFromBothEndsOnly) {
  EXPECT_EQ(trim_blanks(" \t a \t b\t "), "a \t b");
  EXPECT_EQ(trim_blanks(" \t "), "");
  EXPECT_EQ(trim_blanks(""), "");
}

}  // namespace
}  // namespace brume::codec

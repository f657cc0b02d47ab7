#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <brume/codec/handshake_grammar.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::repeat;

// Counts what a grammar does with its text.
class CountingCursor {
 public:
  explicit CountingCursor(std::string_view text) : cursor_(text) {}
  bool at_end() const { return cursor_.at_end(); }
  char look() const {
    ++work_;
    return cursor_.look();
  }
  void step() {
    ++work_;
    cursor_.step();
  }
  std::size_t position() const { return cursor_.position(); }
  std::size_t work() const { return work_; }

 private:
  TextCursor cursor_;
  mutable std::size_t work_ = 0;
};

// Looks and steps a byte may cost: no rule is tried on it more often than this, wherever it stands.
constexpr std::size_t kMaxWorkPerByte = 12;

template <typename TakeElement>
std::size_t work_of(const std::string& text, TakeElement take_element, bool valid) {
  CountingCursor cursor(text);
  EXPECT_EQ(read_list(cursor, take_element), valid) << text.substr(0, 40);
  return cursor.work();
}

TEST(HandshakeGrammar, H10_TheWorkForExtensionsGrowsWithTheirSizeAlone) {
  const auto take = [](CountingCursor& cursor) { return skip_extension(cursor); };
  for (std::size_t times : {1000u, 2000u, 4000u, 8000u}) {
    for (const auto& [text, valid] : {
             std::pair{"a" + repeat(",a", times), true},
             std::pair{"a" + repeat(";b", times), true},
             std::pair{"a" + repeat(" ; b = \"\\c\" ", times), true},
             std::pair{"a;b=\"" + repeat("\\c", times) + "\"", true},
             std::pair{"a;b=\"" + repeat("\\c", times), false},
             std::pair{"a;b=\"" + repeat("\\", times), false},
             std::pair{"a" + repeat(" ", times), true},
             std::pair{"a" + repeat(" ", times) + "b", false},
             std::pair{"a" + repeat("; ", times), false},
             std::pair{repeat(",", times), false},
             std::pair{repeat("constructor", times), true},
             std::pair{repeat("a;b=c, ", times), false},
         }) {
      EXPECT_LE(work_of(text, take, valid), kMaxWorkPerByte * text.size()) << text.substr(0, 40);
    }
  }
}

TEST(HandshakeGrammar, H9_TheWorkForProtocolsGrowsWithTheirSizeAlone) {
  const auto take = [](CountingCursor& cursor) { return skip_token(cursor); };
  for (std::size_t times : {1000u, 2000u, 4000u, 8000u}) {
    for (const auto& [text, valid] : {
             std::pair{"a" + repeat(",a", times), true},
             std::pair{"a" + repeat(" \t,\t a", times), true},
             std::pair{repeat(" ", times), false},
             std::pair{repeat(" ", times) + "a" + repeat(" ", times), true},
             std::pair{repeat("a", times), true},
             std::pair{"a" + repeat(" ", times) + "b", false},
             std::pair{repeat("a, ", times), false},
         }) {
      EXPECT_LE(work_of(text, take, valid), kMaxWorkPerByte * text.size()) << text.substr(0, 40);
    }
  }
}

TEST(HandshakeGrammar, AMalformedListIsLeftAtItsFirstFault) {
  const std::string text = "a, b, ," + repeat("c,", 1000);
  CountingCursor cursor(text);
  EXPECT_FALSE(read_list(cursor, [](CountingCursor& at) { return skip_token(at); }));
  EXPECT_EQ(cursor.position(), 6u);
}

}  // namespace
}  // namespace brume::codec

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/codec/http_list.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::get_with;
using test::ParsedRequest;
using test::repeat;
using testing::ElementsAre;

std::vector<std::string> elements(std::string_view value) {
  std::vector<std::string> all;
  ListReader reader(value);
  while (const auto element = reader.next()) all.emplace_back(*element);
  return all;
}

TEST(HttpList, ElementsAreSplitAtCommasAndTrimmed) {
  EXPECT_THAT(elements("a"), ElementsAre("a"));
  EXPECT_THAT(elements(" a ,\tb\t,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(elements("a b, c"), ElementsAre("a b", "c"));
}

TEST(HttpList, EmptyElementsAreReported) {
  EXPECT_THAT(elements(""), ElementsAre(""));
  EXPECT_THAT(elements(","), ElementsAre("", ""));
  EXPECT_THAT(elements("a, ,b,"), ElementsAre("a", "", "b", ""));
}

TEST(HttpList, QuotedStringsAreNotSplit) {
  EXPECT_THAT(elements(R"(a="x,y", b)"), ElementsAre(R"(a="x,y")", "b"));
  EXPECT_THAT(elements(R"("\",", b)"), ElementsAre(R"("\",")", "b"));
  EXPECT_THAT(elements(R"("\\", b)"), ElementsAre(R"("\\")", "b"));
  EXPECT_THAT(elements(R"(a\,b)"), ElementsAre(R"(a\)", "b"));  // a backslash escapes inside quotes only
}

TEST(HttpList, AnOpenQuoteHoldsTheRest) {
  EXPECT_THAT(elements(R"(a, "b, c)"), ElementsAre("a", R"("b, c)"));
  EXPECT_THAT(elements(R"("a\)"), ElementsAre(R"("a\)"));
}

TEST(HttpList, EveryByteBelongsToOneElementOnly) {
  // Elements and commas add up to the value, so no byte is read for two of them.
  const std::string value = repeat("\"a\\\"b,\",", 2000);
  ListReader reader(value);
  std::size_t bytes = 0;
  std::size_t count = 0;
  for (auto element = reader.next(); element; element = reader.next()) {
    bytes += element->size();
    ++count;
  }
  EXPECT_EQ(bytes + count - 1, value.size());
}

TEST(HttpList, AFieldsLinesAreOneList) {
  const ParsedRequest request(get_with("X: a, b\r\nY: z\r\nx: c\r\n"));
  std::vector<std::string> all;
  EXPECT_FALSE(any_element(*request, "X", [&](std::string_view element) {
    all.emplace_back(element);
    return false;
  }));
  EXPECT_THAT(all, ElementsAre("a", "b", "c"));
}

TEST(HttpList, TheFirstYesEndsTheSearch) {
  const ParsedRequest request(get_with("X: a, b\r\nX: c\r\n"));
  int calls = 0;
  EXPECT_TRUE(any_element(*request, "X", [&](std::string_view element) {
    ++calls;
    return element == "b";
  }));
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace brume::codec

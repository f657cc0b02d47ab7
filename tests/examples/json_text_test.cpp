// Reading the text members of a stranger's JSON.
#include <array>
#include <string>

#include <gtest/gtest.h>

#include <brume/examples/common/chat_message.h>
#include <brume/examples/common/json_text.h>

namespace examples {
namespace {

struct Read {
  std::string a = "unset";
  std::string b = "unset";
  std::string error{};
};

Read read(std::string_view json) {
  Read result;
  const std::array<TextMember, 2> members{{{"a", &result.a}, {"b", &result.b}}};
  if (const auto done = read_text_members(json, members); !done) result.error = done.error();
  return result;
}

TEST(JsonText, TakesTheMembersOfTheOutermostObjectAlone) {
  const Read result = read(R"({"x":{"a":"inner","b":[1,{"a":5}]},"a":"1","y":[{"b":"inner"}],"b":"\u00e9"})");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.a, "1");
  EXPECT_EQ(result.b, "\u00e9");
}

TEST(JsonText, LeavesWhatIsMissingOrNullAndTakesTheLastOfTwo) {
  const Read result = read(R"({"b":null,"a":"1","a":"2"})");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.a, "2");
  EXPECT_EQ(result.b, "unset");
}

TEST(JsonText, NamesTheMemberThatIsNoString) {
  for (const char* value : {"1", "-1", "1.5", "true", "[]", "[\"x\"]", "{}", "{\"a\":\"x\"}"})
    EXPECT_EQ(read("{\"b\":" + std::string(value) + "}").error, "\"b\" is no string") << value;
}

TEST(JsonText, SaysLineAndColumnOfWhatIsNoJson) {
  EXPECT_EQ(read("").error, "no JSON from line 1, column 1 on");
  EXPECT_EQ(read("{\"a\":\n\n  ?}").error, "no JSON from line 3, column 3 on");
  EXPECT_EQ(read("{\"a\":\"x\"").error, "no JSON from line 1, column 9 on");
  EXPECT_EQ(read("{\"a\" \"long\"}").error, "no JSON from line 1, column 6 on");
  EXPECT_EQ(read("{\"a\":\"x\ny\"}").error, "no JSON from line 1, column 8 on");
  EXPECT_EQ(read("{\"a\":trve}").error, "no JSON from line 1, column 8 on");
  EXPECT_EQ(read("{}{").error, "no JSON from line 1, column 3 on");
}

TEST(JsonText, RefusesEverythingThatIsNoObject) {
  for (const char* text : {"1", "-1", "0.5", "\"a\"", "null", "true", "[]", "[{\"a\":\"x\"}]"})
    EXPECT_EQ(read(text).error, "the whole is no object") << text;
}

TEST(JsonText, TakesAnyDepth) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(read("{\"x\":" + deep + ",\"a\":\"1\"}").a, "1");
}

TEST(JsonText, WhatAClientSentComesOutAsValidJsonAgain) {
  const auto message = read_chat_message(R"({"type":"chat","content":"\u0000\"\\ \ud83c\udf2b </script>"})");
  ASSERT_TRUE(message);
  EXPECT_EQ(to_json(*message, WallTime{}),
            "{\"type\":\"chat\",\"sender\":\"\",\"content\":\"\\u0000\\\"\\\\ \U0001F32B </script>\",\"timestamp\":0}");
}

TEST(JsonText, TimesAreWrittenByRfc3339InUtc) {
  EXPECT_EQ(rfc3339(WallTime(std::chrono::seconds(1'700'000'000))), "2023-11-14T22:13:20Z");
  EXPECT_EQ(rfc3339(WallTime(std::chrono::milliseconds(999))), "1970-01-01T00:00:00Z");
}

}  // namespace
}  // namespace examples

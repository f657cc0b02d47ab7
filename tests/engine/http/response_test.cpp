// What a response may be made of.
#include <string>

#include <gtest/gtest.h>

#include <brume/engine/http/response.h>

namespace brume {
namespace {

std::string field(const Response& response, std::string_view name) {
  std::string all;
  for (const auto& [its_name, value] : response.headers())
    if (its_name == name) all += (all.empty() ? "" : "|") + value;
  return all;
}

TEST(ResponseTest, EachNamedAnswerHasItsStatusAndType) {
  EXPECT_EQ(Response().status(), 200);
  EXPECT_TRUE(Response().headers().empty());
  EXPECT_EQ(field(Response::text("a"), "Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(field(Response::html("a"), "Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(field(Response::json("{}"), "Content-Type"), "application/json");
  EXPECT_EQ(Response::json("{}").body(), "{}");
  EXPECT_EQ(Response::bad_request("a").status(), 400);
  EXPECT_EQ(Response::unauthorized("a").status(), 401);
  EXPECT_EQ(Response::forbidden("a").status(), 403);
  EXPECT_EQ(Response::not_found().status(), 404);
  EXPECT_EQ(Response::not_found().body(), "not found");
}

TEST(ResponseTest, FieldsAreKeptInOrderAlsoTheSameNameTwice) {
  const Response response = Response().header("Set-Cookie", "a=1").header("X-A", "").header("Set-Cookie", "b=2");
  EXPECT_TRUE(response.valid());
  EXPECT_EQ(field(response, "Set-Cookie"), "a=1|b=2");
  ASSERT_EQ(response.headers().size(), 3u);
  EXPECT_EQ(response.headers()[1].first, "X-A");
}

TEST(ResponseTest, H21_AFieldThatWouldSplitTheAnswerMakesItInvalid) {
  using namespace std::string_view_literals;
  for (const std::string_view value : {"a\r\nX: y"sv, "a\nb"sv, "a\rb"sv, "a\0b"sv, "\x7f"sv}) {
    const Response response = Response::text("x").header("X-A", value);
    EXPECT_FALSE(response.valid()) << value;
    EXPECT_EQ(field(response, "X-A"), "");
  }
  for (const std::string_view name : {""sv, "X A"sv, "X:"sv, "X\r\nY"sv, "\xc3\xa9"sv})
    EXPECT_FALSE(Response::text("x").header(name, "v").valid()) << name;
  EXPECT_FALSE(Response(200, "x", "text/plain\r\nX: y").valid());
  EXPECT_TRUE(Response().header("X-A", "tab\tand \xc3\xa9").valid());
}

TEST(ResponseTest, TheFieldsThatFrameTheAnswerAreTheServersOwn) {
  for (const char* name : {"Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING", "Connection"})
    EXPECT_FALSE(Response::text("x").header(name, "1").valid()) << name;
}

TEST(ResponseTest, OnlyAFinalStatusIsValid) {
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{200, 204, 304, 404, 599})
    EXPECT_TRUE(Response(status).valid()) << status;
  for (const std::uint16_t status : std::initializer_list<std::uint16_t>{0, 99, 100, 101, 199, 600, 65535})
    EXPECT_FALSE(Response(status).valid()) << status;
}

TEST(ResponseTest, EachBrokenRuleHasItsStatusItsSentenceAndTheFieldsItsStatusDemands) {
  for (const codec::HttpErrorInfo& rule : codec::http_errors()) {
    const Response response = Response::of(rule.error);
    EXPECT_TRUE(response.valid());
    EXPECT_EQ(response.error(), rule.error);
    EXPECT_EQ(response.status(), rule.status);
    EXPECT_EQ(response.body(), std::string(rule.message) + "\n");
    const bool upgrade = rule.status == 426;
    EXPECT_EQ(field(response, "Upgrade"), upgrade ? "websocket" : "") << rule.name;
    EXPECT_EQ(field(response, "Sec-WebSocket-Version"), upgrade ? "13" : "") << rule.name;
    EXPECT_EQ(field(response, "Retry-After"), rule.status == 503 ? "5" : "") << rule.name;
    EXPECT_EQ(field(response, "Allow"), rule.error == codec::HttpError::upgrade_method_not_get ? "GET" : "");
  }
}

}  // namespace
}  // namespace brume

// Which route a method and a path find, and what a path can never find.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/router.h>
#include <brume/engine/websocket.h>

namespace brume::http {
namespace {

core::Task<Response> nothing(Request&) {
  co_return Response();
}

class RouterTest : public testing::Test {
 protected:
  bool add(std::string_view path, std::string_view method = "GET") {
    return router.add(Route{std::string(path), std::string(method), nothing, {}});
  }
  bool add_websocket(std::string_view path) { return router.add(Route{std::string(path), "GET", {}, endpoint}); }
  // The found route's path; "404", or "405 " and what is allowed.
  std::string find(std::string_view path, std::string_view method = "GET") {
    parameters.clear();
    const Router::Match match = router.find(method, path, parameters);
    if (match.route) return match.route->method == method ? match.route->path : match.route->path + " by GET";
    return match.allow.empty() ? "404" : "405 " + match.allow;
  }
  std::string value(std::string_view name) const {
    for (const PathParameter& parameter : parameters)
      if (parameter.name == name) return parameter.value;
    return "none";
  }

  connection::RouteRef endpoint = websocket({}).bind("/ws", RouteConfig{});
  Router router;
  std::vector<PathParameter> parameters;
};

TEST_F(RouterTest, AFixedPathFindsItselfAlone) {
  ASSERT_TRUE(add("/") && add("/a") && add("/a/b") && add("/c/"));
  EXPECT_EQ(find("/"), "/");
  EXPECT_EQ(find("/a"), "/a");
  EXPECT_EQ(find("/a/b"), "/a/b");
  EXPECT_EQ(find("/c/"), "/c/");
  for (const char* path : {"/A", "/b", "/a/", "/a//b", "//a", "/a/b/c", "/c", "//"})
    EXPECT_EQ(find(path), "404") << path;
  EXPECT_TRUE(parameters.empty());
}

TEST_F(RouterTest, AParameterTakesOneSegmentThatIsNotEmptyDecoded) {
  ASSERT_TRUE(add("/rooms/:room/members/:id"));
  EXPECT_EQ(find("/rooms/big%20one/members/%C3%A9%25"), "/rooms/:room/members/:id");
  EXPECT_EQ(value("room"), "big one");
  EXPECT_EQ(value("id"), "\xc3\xa9%");
  for (const char* path : {"/rooms//members/1", "/rooms/a/members/", "/rooms/a/members", "/rooms/a/members/1/"})
    EXPECT_EQ(find(path), "404") << path;
}

TEST_F(RouterTest, FixedBeatsParameterBeatsTheRestWhateverTheOrderTheyWereAddedIn) {
  ASSERT_TRUE(add("/*") && add("/:x") && add("/a") && add("/:y/b") && add("/a/*"));
  EXPECT_EQ(find("/a"), "/a");
  EXPECT_EQ(find("/z"), "/:x");
  EXPECT_EQ(value("x"), "z");
  EXPECT_EQ(find("/z/b"), "/:y/b");
  EXPECT_EQ(value("y"), "z");
  EXPECT_EQ(value("x"), "none");
  EXPECT_EQ(find("/a/b"), "/a/*");
  EXPECT_EQ(find("/z/c"), "/*");
  EXPECT_EQ(value("*"), "z/c");
}

TEST_F(RouterTest, AWayThatEndsNowhereIsTakenBackWithItsParameters) {
  ASSERT_TRUE(add("/:a/:b/end") && add("/:c/*"));
  EXPECT_EQ(find("/1/2/other"), "/:c/*");
  ASSERT_EQ(parameters.size(), 2u);
  EXPECT_EQ(value("c"), "1");
  EXPECT_EQ(value("*"), "2/other");
}

TEST_F(RouterTest, TheRestOfAPathIsGivenDecodedAndMayBeEmpty) {
  ASSERT_TRUE(add("/assets/*"));
  EXPECT_EQ(find("/assets/a%20b/c.js"), "/assets/*");
  EXPECT_EQ(value("*"), "a b/c.js");
  EXPECT_EQ(find("/assets/"), "/assets/*");
  EXPECT_EQ(value("*"), "");
  EXPECT_EQ(find("/assets//x/"), "/assets/*");
  EXPECT_EQ(value("*"), "/x/");
  EXPECT_EQ(find("/assets"), "404");
}

TEST_F(RouterTest, DotSegmentsBrokenEscapesAndEncodedSeparatorsFindNothing) {
  ASSERT_TRUE(add("/*") && add("/:x") && add("/a"));
  for (const char* path : {"/.", "/..", "/a/..", "/a/../a", "/%2e", "/%2E%2e", "/.%2e/a", "/a%2fb", "/a%5Cb", "/a\\b",
                           "/a%00", "/%00", "/%", "/%4", "/%zz", "/a%2", "/%u0041"})
    EXPECT_EQ(find(path), "404") << path;
  // What only looks like it is a name as any other.
  for (const char* path : {"/...", "/..a", "/%252e%252e"}) EXPECT_EQ(find(path), "/:x") << path;
}

TEST_F(RouterTest, AnotherMethodGets405WithEveryMethodThePathHas) {
  ASSERT_TRUE(add("/a", "POST") && add("/a", "DELETE") && add("/b") && add("/:x", "PUT") && add("/c", "POST"));
  EXPECT_EQ(find("/a"), "405 DELETE, POST, PUT");
  EXPECT_EQ(find("/b", "POST"), "405 GET, HEAD, PUT");
  EXPECT_EQ(find("/z"), "405 PUT");
  EXPECT_EQ(find("/a", "PUT"), "/:x");
  EXPECT_EQ(find("/c", "HEAD"), "405 POST, PUT");
}

TEST_F(RouterTest, HeadFindsTheHandlerOfGetUnlessItHasOneOfItsOwn) {
  ASSERT_TRUE(add("/a") && add("/b") && add("/b", "HEAD") && add("/files/*") && add("/files/*", "HEAD"));
  EXPECT_EQ(find("/a", "HEAD"), "/a by GET");
  EXPECT_EQ(find("/b", "HEAD"), "/b");
  EXPECT_EQ(find("/files/x", "HEAD"), "/files/*");
}

TEST_F(RouterTest, H1_AWebSocketRouteTakesGetAlone) {
  ASSERT_TRUE(add_websocket("/ws"));
  EXPECT_EQ(find("/ws"), "/ws");
  EXPECT_EQ(find("/ws", "HEAD"), "405 GET");
  EXPECT_EQ(find("/ws", "POST"), "405 GET");
}

TEST_F(RouterTest, WhatIsNoPathOrIsTakenIsNotAdded) {
  EXPECT_TRUE(add("/a") && add("/:x/b") && add("/files/*"));
  for (const char* path : {"", "a", "*", "/:", "/:x/:x", "/*/a", "/a/*/b", "/a/..", "/./a", "/a\\b"})
    EXPECT_FALSE(add(path)) << path;
  EXPECT_FALSE(add(std::string_view("/a\0b", 4)));
  for (const char* path : {"/a", "/:x/b", "/:other/b", "/files/*"}) EXPECT_FALSE(add(path)) << path;
  for (const char* path : {"/a", "/:other/b", "/files/*"}) EXPECT_TRUE(add(path, "POST")) << path;
  EXPECT_FALSE(add_websocket("/a"));
}

TEST_F(RouterTest, RoutesThatShareAPlaceKeepTheNamesOfTheirOwnParameters) {
  ASSERT_TRUE(add("/:user", "GET") && add("/:id", "PUT") && add("/:a/:b", "GET"));
  EXPECT_EQ(find("/7"), "/:user");
  EXPECT_EQ(value("user"), "7");
  EXPECT_EQ(find("/7", "PUT"), "/:id");
  EXPECT_EQ(value("id"), "7");
  EXPECT_EQ(value("user"), "none");
}

TEST_F(RouterTest, AFixedSegmentIsComparedWithTheDecodedOne) {
  ASSERT_TRUE(add("/caf\xc3\xa9") && add("/100%"));
  EXPECT_EQ(find("/caf%C3%A9"), "/caf\xc3\xa9");
  EXPECT_EQ(find("/100%25"), "/100%");
}

}  // namespace
}  // namespace brume::http

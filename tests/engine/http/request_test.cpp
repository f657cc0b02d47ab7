// What a handler reads from a request.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/owned_request.h>
#include <brume/engine/http/request.h>
#include <brume/tests/support/request_text.h>

namespace brume {
namespace {

using namespace std::string_literals;
using test::get_with;
using test::ParsedRequest;

class RequestTest : public testing::Test {
 protected:
  const Request& parse(std::string_view text, std::string_view body = {}) {
    parsed.emplace(text);
    request.emplace(**parsed, as_bytes(body), peer, parameters);
    return *request;
  }
  const Request& with_query(std::string_view query) {
    return parse("GET /p?" + std::string(query) + " HTTP/1.1\r\nHost: a\r\n\r\n");
  }

  io::Address peer = *io::Address::parse("10.1.2.3:4567");
  std::vector<PathParameter> parameters = {{"room", "big one"}, {"*", "a/b"}};
  std::optional<ParsedRequest> parsed;
  std::optional<Request> request;
};

TEST_F(RequestTest, ItsPartsAreThere) {
  const Request& r = parse("POST /a%20b?x=1&y HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\n\r\n", "{\"a\":1}");
  EXPECT_EQ(r.method(), "POST");
  EXPECT_EQ(r.target(), "/a%20b?x=1&y");
  EXPECT_EQ(r.path(), "/a%20b");
  EXPECT_EQ(r.query_string(), "x=1&y");
  EXPECT_EQ(r.header("X-ONE"), "1");
  EXPECT_EQ(r.header("x-two"), std::nullopt);
  EXPECT_EQ(r.headers().size(), 3u);
  EXPECT_EQ(r.body_text(), "{\"a\":1}");
  EXPECT_EQ(r.body().size(), 7u);
  EXPECT_EQ(r.remote_address().to_string(), "10.1.2.3:4567");
}

TEST_F(RequestTest, PathParametersAreFoundByName) {
  const Request& r = parse(get_with(""));
  EXPECT_EQ(r.parameter("room"), "big one");
  EXPECT_EQ(r.parameter("*"), "a/b");
  EXPECT_EQ(r.parameter("Room"), "");
  EXPECT_EQ(r.parameters().size(), 2u);
}

TEST_F(RequestTest, QueryValuesAreDecodedAndTheFirstOfANameCounts) {
  EXPECT_EQ(with_query("a=1&b=2&a=3").query("a"), "1");
  EXPECT_EQ(with_query("a=x%20y+z%2B").query("a"), "x y z+");
  EXPECT_EQ(with_query("a%20b=1").query("a b"), "1");
  EXPECT_EQ(with_query("a+b=1").query("a b"), "1");
  EXPECT_EQ(with_query("a").query("a"), "");
  EXPECT_EQ(with_query("a=").query("a"), "");
  EXPECT_EQ(with_query("a=b=c").query("a"), "b=c");
  EXPECT_EQ(with_query("&&a=1&").query("a"), "1");
  EXPECT_EQ(with_query("ab=1").query("a"), std::nullopt);
  EXPECT_EQ(with_query("A=1").query("a"), std::nullopt);
  EXPECT_EQ(with_query("").query("a"), std::nullopt);
  EXPECT_EQ(with_query("a=%00").query("a"), "\0"s);
}

TEST_F(RequestTest, AQueryValueWithABrokenEscapeIsNone) {
  for (const char* broken : {"a=%", "a=%4", "a=%g0", "a=x%2"}) EXPECT_EQ(with_query(broken).query("a"), std::nullopt);
  // A broken name is not the one that is looked for.
  EXPECT_EQ(with_query("%zz=1&a=2").query("a"), "2");
}

TEST_F(RequestTest, CookiesAreFoundOverAllLinesTheFirstOfANameCounts) {
  const Request& r = parse(get_with("Cookie: a=1; session=x=y;b=\r\ncookie: a=2;  late=z  \r\n"));
  EXPECT_EQ(r.cookie("a"), "1");
  EXPECT_EQ(r.cookie("session"), "x=y");
  EXPECT_EQ(r.cookie("b"), "");
  EXPECT_EQ(r.cookie("late"), "z");
  EXPECT_EQ(r.cookie("A"), std::nullopt);
  EXPECT_EQ(r.cookie("sess"), std::nullopt);
  EXPECT_EQ(parse(get_with("")).cookie("a"), std::nullopt);
  EXPECT_EQ(parse(get_with("Cookie: ;;; =; a\r\n")).cookie("session"), std::nullopt);
}

TEST_F(RequestTest, CookiesAreReadAsRfc6265HasThem) {
  const Request& r =
      parse(get_with("Cookie: flag; q=\"a b\"; e=; spaced = 1 ; eq==x=;\tt=2;Q=3; q=late; __Host-s=1\r\n"));
  EXPECT_EQ(r.cookie("flag"), std::nullopt);  // without "=" it is no pair (section 4.2.1)
  EXPECT_EQ(r.cookie("q"), "\"a b\"");        // the quotes are part of the value (section 4.1.1)
  EXPECT_EQ(r.cookie("e"), "");
  EXPECT_EQ(r.cookie("spaced"), "1");  // blanks around name and value are not theirs (section 5.2)
  EXPECT_EQ(r.cookie("eq"), "=x=");    // only the first "=" divides
  EXPECT_EQ(r.cookie("t"), "2");
  EXPECT_EQ(r.cookie("Q"), "3");  // names are case-sensitive
  EXPECT_EQ(r.cookie("__Host-s"), "1");
  EXPECT_EQ(r.cookie(""), std::nullopt);
  EXPECT_EQ(r.cookie("spaced "), std::nullopt);
}

TEST(PercentDecode, EscapesAreDecodedAndBrokenOnesRefused) {
  EXPECT_EQ(percent_decode("a%41%7e%00b"), "aA~\0b"s);
  EXPECT_EQ(percent_decode("%c3%A9"), "\xc3\xa9");
  EXPECT_EQ(percent_decode("%2525"), "%25");  // once
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
  EXPECT_EQ(percent_decode(""), "");
  for (const char* broken : {"%", "%4", "a%", "%4g", "%g4", "%%41", "% 41"})
    EXPECT_EQ(percent_decode(broken), std::nullopt) << broken;
}

TEST(OwnedRequest, ACopyOutlivesEverythingItWasMadeFrom) {
  std::shared_ptr<const Request> kept;
  {
    const std::string text = "\r\nGET /a/b?x=1 HTTP/1.1\r\nHost: h\r\nCookie: s=1\r\n\r\n";
    const ParsedRequest parsed(text);
    const io::Address peer = *io::Address::parse("10.1.2.3:4567");
    const std::string name = "a name beyond any small string";
    const std::vector<PathParameter> parameters = {{name, "value of some length too"}, {"n", "v"}};
    kept = http::copy_request(Request(*parsed, {}, peer, parameters), text);
  }
  EXPECT_EQ(kept->path(), "/a/b");
  EXPECT_EQ(kept->query("x"), "1");
  EXPECT_EQ(kept->cookie("s"), "1");
  EXPECT_EQ(kept->parameter("a name beyond any small string"), "value of some length too");
  EXPECT_EQ(kept->parameter("n"), "v");
  EXPECT_EQ(kept->remote_address().to_string(), "10.1.2.3:4567");
  EXPECT_EQ(kept->headers().size(), 2u);
}

}  // namespace
}  // namespace brume

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/http_head.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::get_with;
using test::GuardedBuffer;
using test::head_error;
using test::ParsedRequest;
using test::repeat;
using test::upgrade_with;

// A request that differs from a good one in its first line only.
std::string request(std::string_view line) {
  return std::string(line) + "\r\nHost: a.example\r\n\r\n";
}

TEST(HttpHead, ARequestIsTakenApart) {
  const ParsedRequest parsed("POST /a/b%20c?d=e&f HTTP/1.1\r\nHost: a.example:81\r\nX-Y:  z \t\r\n\r\nbody");
  ASSERT_TRUE(parsed.head);
  EXPECT_EQ(parsed->method, "POST");
  EXPECT_EQ(parsed->target, "/a/b%20c?d=e&f");
  EXPECT_EQ(parsed->path, "/a/b%20c");
  EXPECT_EQ(parsed->query, "d=e&f");
  EXPECT_EQ(parsed->authority, "a.example:81");
  EXPECT_EQ(parsed->version_minor, 1);
  ASSERT_EQ(parsed->fields.size(), 2u);
  EXPECT_EQ(parsed->fields[1].name, "X-Y");
  EXPECT_EQ(parsed->fields[1].value, "z");
  EXPECT_EQ(parsed.rest, "body");
}

TEST(HttpHead, ALeadingCrlfIsSkipped) {
  const ParsedRequest parsed("\r\n" + get_with(""));
  ASSERT_TRUE(parsed.head);
  EXPECT_EQ(parsed->method, "GET");
}

TEST(HttpHead, H1_AMethodThatIsNoTokenIs400) {
  for (std::string_view line :
       {"G@T / HTTP/1.1", "G\xc3\x89T / HTTP/1.1", " GET / HTTP/1.1", "\"GET\" / HTTP/1.1", "GET, / HTTP/1.1"}) {
    EXPECT_EQ(head_error(request(line)), HttpError::malformed_method) << line;
  }
}

TEST(HttpHead, H1_AnUnknownMethodIs501) {
  for (std::string_view line :
       {"BREW / HTTP/1.1", "get / HTTP/1.1", "GETT / HTTP/1.1", "PROPFIND / HTTP/1.1", "X!#$ / HTTP/1.0"}) {
    EXPECT_EQ(head_error(request(line)), HttpError::unknown_method) << line;
  }
}

TEST(HttpHead, H1_TheMethodsOfTheRfcAndPatchAreKnown) {
  for (std::string_view method : {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    EXPECT_EQ(head_error(request(std::string(method) + " / HTTP/1.1")), std::nullopt) << method;
  }
}

TEST(HttpHead, ARequestLineOfFewerThanThreeWordsIs400) {
  for (std::string_view line : {"GET", "GET /", "GET/HTTP/1.1", "GET\t/\tHTTP/1.1", "/", "HTTP/1.1", " "}) {
    EXPECT_EQ(head_error(request(line)), HttpError::malformed_request_line) << line;
  }
}

TEST(HttpHead, H2_VersionsOtherThan10And11Are505) {
  for (std::string_view version : {"HTTP/2.0", "HTTP/0.9", "HTTP/1.2", "HTTP/1.9", "HTTP/3.0", "HTTP/9.9"}) {
    EXPECT_EQ(head_error(request("GET / " + std::string(version))), HttpError::unsupported_version) << version;
  }
  EXPECT_EQ(head_error(request("BREW * HTTP/2.0")), HttpError::unsupported_version);
}

TEST(HttpHead, H2_TheHttp2PrefaceIs505) {
  EXPECT_EQ(head_error("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HttpError::unsupported_version);
}

TEST(HttpHead, H2_ABrokenVersionIs400) {
  for (std::string_view version : {"HTTP/1.1x", "HTTP/1", "HTTP/1.", "HTTP/.1", "HTTP/11", "HTTP/1.10", "HTTP/1,1",
                                   "http/1.1", "HTTPS/1.1", "HTTP 1.1", "HTTP/a.b", "HTTP/-1.1", "", "1.1"}) {
    EXPECT_EQ(head_error(request("GET / " + std::string(version))), HttpError::malformed_version) << version;
  }
}

TEST(HttpHead, H2_Http10IsRead) {
  const ParsedRequest parsed("GET / HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(parsed.head);
  EXPECT_EQ(parsed->version_minor, 0);
}

TEST(HttpHead, H3_AnAbsoluteTargetOverridesHost) {
  struct Case {
    std::string_view target, authority, path, query;
  };
  for (const Case& c :
       {Case{"http://b.example/x?y=z", "b.example", "/x", "y=z"},
        Case{"HTTPS://b.example:444/x", "b.example:444", "/x", ""}, Case{"ws://[::1]:81/", "[::1]:81", "/", ""},
        Case{"wss://b.example", "b.example", "/", ""}, Case{"http://b.example?y/z", "b.example", "/", "y/z"},
        Case{"http://b.example/a?http://c.example/", "b.example", "/a", "http://c.example/"}}) {
    const ParsedRequest parsed(request("GET " + std::string(c.target) + " HTTP/1.1"));
    ASSERT_TRUE(parsed.head) << c.target;
    EXPECT_EQ(parsed->target, c.target);
    EXPECT_EQ(parsed->authority, c.authority);
    EXPECT_EQ(parsed->path, c.path);
    EXPECT_EQ(parsed->query, c.query);
  }
}

TEST(HttpHead, H3_AsteriskAndAuthorityTargetsAre400) {
  EXPECT_EQ(head_error(request("OPTIONS * HTTP/1.1")), HttpError::malformed_target);
  EXPECT_EQ(head_error(request("GET * HTTP/1.1")), HttpError::malformed_target);
  EXPECT_EQ(head_error(request("CONNECT a.example:80 HTTP/1.1")), HttpError::malformed_target);
  EXPECT_EQ(head_error(request("CONNECT [::1]:80 HTTP/1.1")), HttpError::malformed_target);
}

TEST(HttpHead, H3_BadTargetsAre400) {
  for (std::string_view target : {"a",
                                  "",
                                  "/a#b",
                                  "/#",
                                  "#",
                                  "/a b",
                                  " /",
                                  "/ ",
                                  "/a\tb",
                                  "/\x80",
                                  "/\xc3\xa9",
                                  "ftp://a.example/",
                                  "://a/",
                                  "http:/a",
                                  "http:a",
                                  "http://",
                                  "http:///x",
                                  "http://u@a.example/",
                                  "http://a.example:x/",
                                  "http://a,b/",
                                  "http://a.example:65536/",
                                  "http://a.example/#x",
                                  "//a.example#",
                                  "javascript:x",
                                  "?",
                                  "?a=b",
                                  "\\",
                                  "1://a/"}) {
    EXPECT_EQ(head_error(request("GET " + std::string(target) + " HTTP/1.1")), HttpError::malformed_target) << target;
  }
}

TEST(HttpHead, H3_ControlCharactersInATargetAre400AlsoWithoutAScanner) {
  std::array<HeaderField, 10> storage;
  for (char c : {'\0', '\x01', '\x1f', '\x7f'}) {
    const std::string text = request(std::string("GET /a") + c + " HTTP/1.1");
    const auto head = parse_request_head(text, storage, {});
    ASSERT_FALSE(head);
    EXPECT_EQ(head.error(), HttpError::malformed_target);
  }
}

TEST(HttpHead, EveryOtherVisibleCharacterMayStandInATarget) {
  const ParsedRequest parsed(request("GET //a\"<>\\^`{|}%zz[]@:;,+='()*&$!~?a?b\"<>\\^`{|} HTTP/1.1"));
  ASSERT_TRUE(parsed.head);  // browsers send some of these raw; what a path means is for the router to say
  EXPECT_EQ(parsed->path, "//a\"<>\\^`{|}%zz[]@:;,+='()*&$!~");
  EXPECT_EQ(parsed->query, "a?b\"<>\\^`{|}");
}

TEST(HttpHead, H4_Http11NeedsOneHost) {
  EXPECT_EQ(head_error("GET / HTTP/1.1\r\n\r\n"), HttpError::missing_host);
  EXPECT_EQ(head_error("GET http://a.example/ HTTP/1.1\r\n\r\n"), HttpError::missing_host);
  EXPECT_EQ(head_error("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), HttpError::repeated_host);
  EXPECT_EQ(head_error("GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n"), HttpError::repeated_host);
  EXPECT_EQ(head_error("GET / HTTP/1.0\r\n\r\n"), std::nullopt);
}

TEST(HttpHead, H4_AMalformedHostIs400) {
  for (std::string_view host : {"a, b", "a,b", "a b", "u@a.example", "a/b", "a:b", "a:65536", "[::1", "[x]", "\xc3\xa9",
                                "a?b", "http://a", ":80", "a:80:80", "\"a\""}) {
    const std::string fields = "\r\nHost: " + std::string(host) + "\r\n\r\n";
    EXPECT_EQ(head_error("GET / HTTP/1.1" + fields), HttpError::malformed_host) << host;
    EXPECT_EQ(head_error("GET / HTTP/1.0" + fields), HttpError::malformed_host) << host;
    EXPECT_EQ(head_error("GET http://a.example/ HTTP/1.1" + fields), HttpError::malformed_host) << host;
  }
}

TEST(HttpHead, H4_AnEmptyHostNeedsAnAbsoluteTarget) {
  EXPECT_EQ(head_error("GET / HTTP/1.1\r\nHost:\r\n\r\n"), HttpError::malformed_host);
  EXPECT_EQ(head_error("GET / HTTP/1.0\r\nHost: \t \r\n\r\n"), HttpError::malformed_host);
  const ParsedRequest parsed("GET http://a.example/ HTTP/1.1\r\nHost:\r\n\r\n");
  ASSERT_TRUE(parsed.head);
  EXPECT_EQ(parsed->authority, "a.example");
}

TEST(HttpHead, H11_BadFieldNamesAre400) {
  for (std::string_view line : {"A : b", "A\t: b", ": b", "A", "A b: c", "A(b): c", "\xc3\xa9: b", "A\x80: b", "@: b",
                                "\"A\": b", "A\"", "=:", "A,B: c", "A;: b"}) {
    EXPECT_EQ(head_error(get_with(std::string(line) + "\r\n")), HttpError::malformed_field_name) << line;
  }
}

TEST(HttpHead, H11_BlankBeforeTheFirstFieldIs400) {
  for (std::string_view blank : {" ", "\t", " \t", " A: b", "\tHost: a.example"}) {
    const std::string text = "GET / HTTP/1.1\r\n" + std::string(blank) + "\r\nHost: a.example\r\n\r\n";
    EXPECT_EQ(head_error(text), HttpError::malformed_field_name) << blank;
  }
}

TEST(HttpHead, H12_FoldedFieldsAre400) {
  for (std::string_view fold :
       {"A: b\r\n c\r\n", "A: b\r\n\tc\r\n", "A: b\r\n \r\n", "A:\r\n b\r\n", "A: b\r\n C: d\r\n"}) {
    EXPECT_EQ(head_error(get_with(fold)), HttpError::obsolete_line_folding) << fold;
  }
}

TEST(HttpHead, H13_BareEndingsAndControlCharactersAre400AlsoWithoutAScanner) {
  std::array<HeaderField, 10> storage;
  const auto error_of = [&](std::string_view text) { return parse_request_head(text, storage, {}).error(); };
  EXPECT_EQ(error_of(get_with("A: b\n")), HttpError::bare_line_feed);
  EXPECT_EQ(error_of(get_with("A: b\rc\r\n")), HttpError::bare_carriage_return);
  EXPECT_EQ(error_of(get_with(std::string_view("A: b\0\r\n", 7))), HttpError::malformed_field_value);
  EXPECT_EQ(error_of(get_with("A: \x1b[0m\r\n")), HttpError::malformed_field_value);
  EXPECT_EQ(error_of(get_with("A\x01: b\r\n")), HttpError::malformed_field_name);
  EXPECT_EQ(error_of("\r\n\r\n" + get_with("")), HttpError::malformed_request_line);
}

TEST(HttpHead, ValuesKeepInnerTabsAndBytesAboveAscii) {
  const ParsedRequest parsed(get_with("A: \t b\tc \xc3\xa9\xff \t\r\nB:\r\nC: \t \r\nD:e:f\r\n"));
  ASSERT_TRUE(parsed.head);
  EXPECT_EQ(parsed->field("a"), "b\tc \xc3\xa9\xff");
  EXPECT_EQ(parsed->field("b"), "");
  EXPECT_EQ(parsed->field("c"), "");
  EXPECT_EQ(parsed->field("d"), "e:f");
}

TEST(HttpHead, H14_OneFieldBelowAtAndAboveTheLimitOfTheirNumber) {
  const HeadLimits limits{.max_headers = 20};
  for (std::size_t count : {19u, 20u, 21u}) {  // with Host; the field that matters most comes last
    const std::string text = get_with(repeat("A: b\r\n", count - 2) + "Upgrade: websocket\r\n");
    const ParsedRequest parsed(text, limits);
    if (count <= 20) {
      ASSERT_TRUE(parsed.head) << count;
      EXPECT_EQ(parsed->fields.size(), count);
      EXPECT_TRUE(parsed->has_token("upgrade", "websocket"));
    } else {
      EXPECT_EQ(parsed.head.error(), HttpError::too_many_fields);
    }
  }
}

TEST(HttpHead, H14_TheStorageBoundsTheFieldsToo) {
  std::array<HeaderField, 2> storage;
  EXPECT_TRUE(parse_request_head(get_with("A: b\r\n"), storage, {}));
  EXPECT_EQ(parse_request_head(get_with("A: b\r\nC: d\r\n"), storage, {}).error(), HttpError::too_many_fields);
  EXPECT_EQ(parse_request_head(get_with(""), {}, {}).error(), HttpError::too_many_fields);
}

TEST(HttpHead, H14_MoreThanTheMostFieldsThereMayBeAreRefusedWhateverTheLimit) {
  std::vector<HeaderField> storage(2 * kMaxHeaders);
  const HeadLimits limits{.max_headers = 2 * kMaxHeaders};
  EXPECT_TRUE(parse_request_head(get_with(repeat("A:\r\n", kMaxHeaders - 1)), storage, limits));
  EXPECT_EQ(parse_request_head(get_with(repeat("A:\r\n", kMaxHeaders)), storage, limits).error(),
            HttpError::too_many_fields);
}

TEST(HttpHead, FieldsAreFoundWhateverTheCase) {
  const ParsedRequest parsed(get_with("X-Token: 1\r\nx-TOKEN: 2\r\n"));
  EXPECT_EQ(parsed->field("x-token"), "1");
  EXPECT_EQ(parsed->count("X-token"), 2u);
  EXPECT_EQ(parsed->field("X-Toke"), std::nullopt);
  EXPECT_EQ(parsed->count("X-Tokens"), 0u);
}

TEST(HttpHead, TokensAreFoundAsWholeElementsOverAllLines) {
  const ParsedRequest parsed(get_with("Connection: keep-alive, Upgrade\r\nX: a;q=\"b, c\", d\r\nX: , e f,\tG\t\r\n"));
  EXPECT_TRUE(parsed->has_token("connection", "upgrade"));
  EXPECT_TRUE(parsed->has_token("x", "d"));
  EXPECT_TRUE(parsed->has_token("x", "g"));
  EXPECT_FALSE(parsed->has_token("x", "c"));
  EXPECT_FALSE(parsed->has_token("x", "e"));
  EXPECT_FALSE(parsed->has_token("connection", "keep"));
  EXPECT_FALSE(parsed->has_token("y", "d"));
}

TEST(HttpHead, ConnectionsPersistAsTheRfcSays) {
  const auto keeps = [](std::string_view version, std::string_view fields) {
    return ParsedRequest("GET / " + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) + "\r\n")
        ->keep_alive();
  };
  EXPECT_TRUE(keeps("HTTP/1.1", ""));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: Close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.1", "Connection: keep-alive\r\nConnection: x, close\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", ""));
  EXPECT_TRUE(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
  EXPECT_FALSE(keeps("HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(HttpHead, T2_ATruncatedHeadNeverParsesAndIsNotReadPastItsEnd) {
  GuardedBuffer memory(4096);
  std::array<HeaderField, 100> storage;
  for (const std::string& text :
       {upgrade_with("Cookie: a=b\r\nX:\t\r\n"), "\r\n" + request("GET wss://[::1]:443/a?b HTTP/1.1")}) {
    for (std::size_t size = 0; size <= text.size(); ++size) {
      const auto part = memory.place_at_end(bytes_of(text).first(size));
      const auto head = parse_request_head({reinterpret_cast<const char*>(part.data()), size}, storage, {});
      EXPECT_EQ(head.has_value(), size == text.size()) << size;
    }
  }
}

}  // namespace
}  // namespace brume::codec

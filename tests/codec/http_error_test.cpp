#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/handshake.h>
#include <brume/codec/http_body.h>
#include <brume/codec/http_error.h>
#include <brume/codec/http_head.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::get_with;
using test::ParsedRequest;
using test::repeat;
using test::upgrade_with;

TEST(HttpError, TableHasOneRowForEachEnumeratorInTheirOrder) {
  ASSERT_EQ(http_errors().size(), kHttpErrorCount);
  for (std::size_t i = 0; i < kHttpErrorCount; ++i) {
    const auto error = static_cast<HttpError>(i);
    EXPECT_EQ(http_errors()[i].error, error);
    EXPECT_EQ(&info(error), &http_errors()[i]);
  }
  EXPECT_EQ(static_cast<std::size_t>(HttpError::over_capacity), kHttpErrorCount - 1);
}

TEST(HttpError, NamesAndMessagesAreDistinct) {
  std::set<std::string_view> names;
  std::set<std::string_view> messages;
  for (const HttpErrorInfo& row : http_errors()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(messages.insert(row.message).second) << row.message;
  }
}

TEST(HttpError, MessagesAreShortSentencesOfPrintableAscii) {
  for (const HttpErrorInfo& row : http_errors()) {
    EXPECT_TRUE(row.message.ends_with('.')) << row.name;
    EXPECT_LE(row.message.size(), 120u) << row.name;
    EXPECT_TRUE(std::ranges::all_of(row.message, [](char c) { return c >= 0x20 && c < 0x7f; })) << row.name;
  }
}

TEST(HttpError, EveryStatusIsAnErrorWithAReasonPhraseAndEveryRuleHasItsSection) {
  for (const HttpErrorInfo& row : http_errors()) {
    EXPECT_GE(row.status, 400) << row.name;
    EXPECT_LT(row.status, 600) << row.name;
    EXPECT_NE(reason_phrase(row.status), "Unknown") << row.name;
    const std::string_view document = row.section.substr(0, row.section.find(','));
    EXPECT_TRUE(document == "RFC 6455" || document == "RFC 6585" || document == "RFC 9110" || document == "RFC 9112")
        << row.section;
    EXPECT_GT(row.section.size(), document.size() + 2) << row.section;
  }
}

TEST(HttpError, ReasonPhrasesAreTheRfcs) {
  EXPECT_EQ(reason_phrase(101), "Switching Protocols");
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(426), "Upgrade Required");
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(reason_phrase(0), "Unknown");
  EXPECT_EQ(reason_phrase(999), "Unknown");
}

struct Case {
  HttpError error;
  std::uint16_t status;
  std::string request;
};

// What a server that knows two paths would find: /ws upgrades pages of its own origin, all others take bodies of 10 B.
std::optional<HttpError> error_of(const std::string& text) {
  constexpr std::size_t kMaxBodySize = 10;
  const ParsedRequest request(text);
  if (!request.head) return request.head.error();
  if (request->path == "/ws") {
    if (const auto key = judge_upgrade(*request); !key) return key.error();
    return same_origin(*request) ? std::nullopt : std::optional(HttpError::origin_refused);
  }
  const auto framing = body_framing(*request);
  if (!framing) return framing.error();
  BodyDecoder body(*framing, kMaxBodySize);
  std::span<const std::byte> input = bytes_of(request.rest);
  for (;;) {
    const auto run = body.next(input);
    if (!run) return run.error();
    if (run->empty()) return std::nullopt;
  }
}

std::vector<Case> cases() {
  using enum HttpError;
  return {
      {malformed_request_line, 400, "\x16"},
      {malformed_method, 400, "G@T / HTTP/1.1\r\n\r\n"},
      {unknown_method, 501, "BREW / HTTP/1.1\r\n\r\n"},
      {malformed_target, 400, "GET * HTTP/1.1\r\n\r\n"},
      {target_too_long, 414, "GET /" + repeat("a", 16 * 1024)},
      {malformed_version, 400, "GET / HTTP/1.1.1\r\n\r\n"},
      {unsupported_version, 505, "PRI * HTTP/2.0\r\n\r\n"},
      {bare_line_feed, 400, "GET / HTTP/1.1\n"},
      {bare_carriage_return, 400, "GET / HTTP/1.1\r\r"},
      {malformed_field_name, 400, get_with("A : b\r\n")},
      {malformed_field_value, 400, get_with("A: \x01\r\n")},
      {obsolete_line_folding, 400, get_with("A: b\r\n c\r\n")},
      {head_too_large, 431, get_with("A: " + repeat("b", 16 * 1024) + "\r\n")},
      {too_many_fields, 431, get_with(repeat("A: b\r\n", 100))},
      {missing_host, 400, "GET / HTTP/1.1\r\n\r\n"},
      {repeated_host, 400, get_with("Host: a.example\r\n")},
      {malformed_host, 400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
      {length_and_transfer_encoding, 400, get_with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")},
      {conflicting_content_length, 400, get_with("Content-Length: 1\r\nContent-Length: 2\r\n")},
      {malformed_content_length, 400, get_with("Content-Length: +1\r\n")},
      {malformed_transfer_encoding, 400, get_with("Transfer-Encoding: chunked, gzip\r\n")},
      {unsupported_transfer_encoding, 501, get_with("Transfer-Encoding: gzip, chunked\r\n")},
      {transfer_encoding_needs_http_1_1, 400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {malformed_chunk, 400, get_with("Transfer-Encoding: chunked\r\n") + "x\r\n"},
      {body_too_large, 413, get_with("Content-Length: 11\r\n")},
      {body_on_upgrade, 400, upgrade_with("Content-Length: 1\r\n")},
      {upgrade_method_not_get, 405, "POST /ws HTTP/1.1\r\nHost: a\r\n\r\n"},
      {upgrade_needs_http_1_1, 400, "GET /ws HTTP/1.0\r\n\r\n"},
      {upgrade_required, 426, upgrade_with("", "Upgrade")},
      {connection_lacks_upgrade, 400, upgrade_with("", "Connection")},
      {missing_key, 400, upgrade_with("", "Sec-WebSocket-Key")},
      {repeated_key, 400, upgrade_with("Sec-WebSocket-Key: a\r\n")},
      {malformed_key, 400, upgrade_with("Sec-WebSocket-Key: a\r\n", "Sec-WebSocket-Key")},
      {missing_version, 400, upgrade_with("", "Sec-WebSocket-Version")},
      {repeated_version, 400, upgrade_with("Sec-WebSocket-Version: 13\r\n")},
      {unsupported_websocket_version, 426, upgrade_with("Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version")},
      {malformed_protocol_list, 400, upgrade_with("Sec-WebSocket-Protocol: a,,b\r\n")},
      {malformed_extension_list, 400, upgrade_with("Sec-WebSocket-Extensions: a;\r\n")},
      {origin_refused, 403, upgrade_with("Origin: null\r\n")},
  };
}

TEST(HttpError, EveryRuleOfTheTableIsFoundByACaseOfItsOwn) {
  std::set<HttpError> found;
  for (const Case& c : cases()) {
    EXPECT_EQ(error_of(c.request), c.error) << info(c.error).name;
    EXPECT_EQ(info(c.error).status, c.status) << info(c.error).name;
    EXPECT_TRUE(found.insert(c.error).second) << info(c.error).name;
  }
  const std::set<HttpError> servers_own = {
      HttpError::misdirected_request, HttpError::body_on_get,    HttpError::request_timeout, HttpError::not_found,
      HttpError::method_not_allowed,  HttpError::internal_error, HttpError::draining,        HttpError::over_capacity};
  for (const HttpErrorInfo& row : http_errors()) {
    EXPECT_NE(found.contains(row.error), servers_own.contains(row.error)) << row.name;
  }
}

TEST(HttpError, GoodRequestsBreakNoRule) {
  EXPECT_EQ(error_of(upgrade_with("Origin: http://a.example\r\n")), std::nullopt);
  EXPECT_EQ(error_of(get_with("Content-Length: 10\r\n") + "0123456789"), std::nullopt);
  EXPECT_EQ(error_of(get_with("Transfer-Encoding: chunked\r\n") + "a\r\n0123456789\r\n0\r\n\r\n"), std::nullopt);
}

}  // namespace
}  // namespace brume::codec

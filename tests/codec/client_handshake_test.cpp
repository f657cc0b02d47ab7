// The client's half of the opening handshake: what it writes, and each rule an answer can break.
#include <array>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/client_handshake.h>
#include <brume/codec/handshake.h>

namespace brume::codec {
namespace {

using namespace std::string_literals;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // the sample of RFC 6455, section 1.3
constexpr std::string_view kAnswer =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "Upgrade: websocket\r\n"
    "Connection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "\r\n";

const std::vector<std::string> kSubprotocols = {"chat.v2", "chat.v1"};

UpgradeRequest request_of(std::string_view extensions = "permessage-deflate; client_max_window_bits, x-other") {
  return {"a.example:8080", "/ws?x=1", kKey, kSubprotocols, extensions, {}};
}

// The good answer with `line` in place of the line that begins with `name`; without `name`, with `line` added.
std::string answer_with(std::string_view line, std::string_view name = {}) {
  std::string text(kAnswer);
  std::size_t at = text.size() - 2;
  if (!name.empty()) {
    at = text.find(std::string(name) + ":");
    text.erase(at, text.find("\r\n", at) + 2 - at);
  }
  if (!line.empty()) text.insert(at, std::string(line) + "\r\n");
  return text;
}

struct Judged {
  std::optional<ResponseError> error;
  std::string subprotocol;
};

Judged judge(std::string_view text, const UpgradeRequest& request = request_of()) {
  std::array<HeaderField, 100> storage;
  const auto head = parse_response_head(text, storage);
  if (!head) return {head.error(), {}};
  const auto agreed = judge_response(*head, request);
  if (!agreed) return {agreed.error(), {}};
  return {std::nullopt, std::string(*agreed)};
}

TEST(ClientHandshake, TheRequestHasItsFieldsInOrderAndNothingElse) {
  const Headers headers = {{"Origin", "http://a.example"}, {"Cookie", "a=b"}};
  UpgradeRequest request = request_of();
  request.headers = headers;
  ASSERT_FALSE(judge_request(request));
  std::string text;
  append_upgrade_request(text, request);
  EXPECT_EQ(text,
            "GET /ws?x=1 HTTP/1.1\r\n"
            "Host: a.example:8080\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other\r\n"
            "Origin: http://a.example\r\n"
            "Cookie: a=b\r\n"
            "\r\n");
}

TEST(ClientHandshake, ItsRequestIsOneThatTheServerTakes) {
  std::string text;
  append_upgrade_request(text, request_of());
  std::array<HeaderField, 20> storage;
  const auto head = parse_request_head(text, storage, {});
  ASSERT_TRUE(head);
  EXPECT_EQ(judge_upgrade(*head), kKey);
  EXPECT_TRUE(offers_subprotocol(*head, "chat.v1"));
}

TEST(ClientHandshake, TheKeyIsBase64OfTheNonce) {
  std::array<std::byte, kNonceSize> nonce;
  for (std::size_t i = 0; i < nonce.size(); i++) nonce[i] = static_cast<std::byte>(i + 1);
  const auto key = encode_key(nonce);  // section 4.1: 0x01 to 0x10
  EXPECT_EQ(std::string(key.begin(), key.end()), "AQIDBAUGBwgJCgsMDQ4PEA==");
}

TEST(ClientHandshake, WhatMustNotBeSentIsFoundBeforehand) {
  const auto fault_of = [](const Headers& headers, const std::vector<std::string>& subprotocols,
                           std::string_view extensions = {}) {
    UpgradeRequest request = request_of(extensions);
    request.headers = headers;
    request.subprotocols = subprotocols;
    return judge_request(request);
  };
  EXPECT_EQ(fault_of({}, {}), std::nullopt);
  for (const auto& [name, value] : Headers{{"", "x"},
                                           {"A B", "x"},
                                           {"A:", "x"},
                                           {"A", "x\r\nB: y"},
                                           {"A", "x\n"},
                                           {"A", std::string("\0", 1)},
                                           {"A", " x"},
                                           {"A", "x\t"}})
    EXPECT_EQ(fault_of({{name, value}}, {}), RequestFault::malformed_field) << name;
  for (const char* name : {"Host", "host", "Upgrade", "Connection", "Content-Length", "Transfer-Encoding",
                           "Sec-WebSocket-Key", "sec-websocket-version", "Sec-WebSocket-Protocol",
                           "Sec-WebSocket-Extensions", "Sec-WebSocket-Accept", "TE", "expect"})
    EXPECT_EQ(fault_of({{name, "x"}}, {}), RequestFault::reserved_field) << name;
  for (const char* name : {"", "a b", "a,b", "a;b", "\xc3\xa9"})
    EXPECT_EQ(fault_of({}, {"ok", name}), RequestFault::malformed_subprotocol) << name;
  EXPECT_EQ(fault_of({}, {"a", "b", "a"}), RequestFault::repeated_subprotocol);
  EXPECT_EQ(fault_of({}, {"a", "A"}), std::nullopt);
  for (const char* list : {",", "a;", "a;=b", "a b", "a\r\nX: y"})
    EXPECT_EQ(fault_of({}, {}, list), RequestFault::malformed_extensions) << list;
}

TEST(ClientHandshake, TheGoodAnswerIsTaken) {
  EXPECT_EQ(judge(kAnswer).error, std::nullopt);
  EXPECT_EQ(judge(kAnswer).subprotocol, "");
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Protocol: chat.v1")).subprotocol, "chat.v1");
  EXPECT_EQ(judge(answer_with("Upgrade: WebSocket", "Upgrade")).error, std::nullopt);
  EXPECT_EQ(judge(answer_with("Connection: keep-alive, UPGRADE", "Connection")).error, std::nullopt);
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10")).error,
            std::nullopt);
  EXPECT_EQ(
      judge(answer_with("Sec-WebSocket-Extensions: x-other\r\nSec-WebSocket-Extensions: permessage-deflate")).error,
      std::nullopt);
  std::string short_line(kAnswer);
  short_line.replace(0, short_line.find("\r\n"), "HTTP/1.1 101");
  EXPECT_EQ(judge(short_line).error, std::nullopt);
}

TEST(ClientHandshake, EachBrokenRuleOfTheStatusLine) {
  const auto with_line = [](std::string_view line) {
    std::string text(kAnswer);
    return text.replace(0, text.find("\r\n"), line);
  };
  for (std::string_view line :
       {"", "101", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 10", "HTTP/1.1 1O1 x", "HTTP/1.1 1010 x", "HTTP/1.1  101 x",
        "http/1.1 101 x", "HTTP/11 101 x", "HTTP/x.1 101 x", "SSH-2.0-OpenSSH_9.6", "HTTP/1.1 001 x", " HTTP/1.1 101"})
    EXPECT_EQ(judge(with_line(line)).error, ResponseError::malformed_status_line) << line;
  EXPECT_EQ(judge(with_line("HTTP/2.0 101 x")).error, ResponseError::unsupported_version);
  EXPECT_EQ(judge(with_line("HTTP/1.0 101 x")).error, ResponseError::unsupported_version);
  for (std::string_view line : {"HTTP/1.1 200 OK", "HTTP/1.0 403 Forbidden", "HTTP/1.1 302 Found", "HTTP/1.1 503"})
    EXPECT_EQ(judge(with_line(line)).error, ResponseError::not_switching) << line;
}

TEST(ClientHandshake, UnfoldedAFieldOfSeveralLinesIsOneAndNothingElseChanges) {
  const auto unfolded = [](std::string text) {
    unfold_fields(text);
    return text;
  };
  EXPECT_EQ(unfolded(std::string(kAnswer)), kAnswer);
  EXPECT_EQ(unfolded("HTTP/1.1 101 x\r\nA: b\r\n c\r\n\td\r\n \r\n\r\n"), "HTTP/1.1 101 x\r\nA: b   c  \td   \r\n\r\n");
  EXPECT_EQ(judge(unfolded(answer_with("A: x\r\n folded"))).error, std::nullopt);
  EXPECT_EQ(judge(unfolded(answer_with("Connection: keep-alive,\r\n\tUpgrade", "Connection"))).error, std::nullopt);
  EXPECT_EQ(judge(unfolded(answer_with("A\r\n : x"))).error, ResponseError::malformed_field);
  // Before the first field it is no folding (RFC 9112, section 2.2).
  EXPECT_EQ(judge(unfolded("HTTP/1.1 101 x\r\n A: b\r\n\r\n")).error, ResponseError::malformed_field);
  for (const std::string& cut : {""s, "\r\n"s, "HTTP/1.1 101 x\r\n"s, "HTTP/1.1 101 x\r\nA: b\r\n"s})
    EXPECT_EQ(unfolded(cut), cut);
}

TEST(ClientHandshake, EachBrokenRuleOfTheFields) {
  EXPECT_EQ(judge(answer_with("Bad Name: x")).error, ResponseError::malformed_field);
  EXPECT_EQ(judge(answer_with(": x")).error, ResponseError::malformed_field);
  EXPECT_EQ(judge(answer_with("A: x\r\n folded")).error, ResponseError::malformed_field) << "not unfolded";
  EXPECT_EQ(judge(answer_with("A: x\ny")).error, ResponseError::malformed_field);
  EXPECT_EQ(judge(answer_with("", "Upgrade")).error, ResponseError::missing_upgrade);
  for (std::string_view line : {"Upgrade: h2c", "Upgrade:", "Upgrade: websocket, h2c",
                                "Upgrade: websocket\r\nUpgrade: websocket", "Upgrade: websockets"})
    EXPECT_EQ(judge(answer_with(line, "Upgrade")).error, ResponseError::wrong_upgrade) << line;
  for (std::string_view line : {"", "Connection: close", "Connection: upgraded", "Connection: \"upgrade\""})
    EXPECT_EQ(judge(answer_with(line, "Connection")).error, ResponseError::connection_lacks_upgrade) << line;
  EXPECT_EQ(judge(answer_with("", "Sec-WebSocket-Accept")).error, ResponseError::missing_accept);
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")).error,
            ResponseError::repeated_accept);
  for (std::string_view value : {"", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                                 "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=x"})
    EXPECT_EQ(judge(answer_with("Sec-WebSocket-Accept: " + std::string(value), "Sec-WebSocket-Accept")).error,
              ResponseError::wrong_accept)
        << value;
}

TEST(ClientHandshake, NothingThatWasNotOfferedIsTaken) {
  for (std::string_view line :
       {"Sec-WebSocket-Extensions: x-new", "Sec-WebSocket-Extensions: permessage-deflate, x-new",
        "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate",
        "Sec-WebSocket-Extensions: client_max_window_bits"})
    EXPECT_EQ(judge(answer_with(line)).error, ResponseError::unexpected_extension) << line;
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Extensions: permessage-deflate"), request_of("")).error,
            ResponseError::unexpected_extension);
  for (std::string_view value :
       {"", ",", "permessage-deflate;", "permessage-deflate; =1", "permessage-deflate x-other"})
    EXPECT_EQ(judge(answer_with("Sec-WebSocket-Extensions: " + std::string(value))).error,
              ResponseError::malformed_extensions)
        << value;
  for (std::string_view value : {"chat.v3", "CHAT.V1", "chat.v1, chat.v2", "", "chat.v1;"})
    EXPECT_EQ(judge(answer_with("Sec-WebSocket-Protocol: " + std::string(value))).error,
              ResponseError::unexpected_subprotocol)
        << value;
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Protocol: chat.v1\r\nSec-WebSocket-Protocol: chat.v1")).error,
            ResponseError::repeated_subprotocol);
  UpgradeRequest none = request_of();
  none.subprotocols = {};
  EXPECT_EQ(judge(answer_with("Sec-WebSocket-Protocol: chat.v1"), none).error, ResponseError::unexpected_subprotocol);
}

TEST(ClientHandshake, MoreFieldsThanThereIsRoomForAreTooMany) {
  std::array<HeaderField, 3> storage;
  EXPECT_TRUE(parse_response_head(kAnswer, storage));
  EXPECT_EQ(parse_response_head(kAnswer, std::span(storage).first(2)).error(), ResponseError::too_many_fields);
}

TEST(ClientHandshake, TheHeadIsFoundHoweverItIsSplitAndNeverBehindItsEnd) {
  const std::string text = std::string(kAnswer) + "\x81\x02hi";
  const auto bytes = std::as_bytes(std::span(text));
  for (std::size_t cut = 0; cut <= text.size(); cut++) {
    HeadScanner scanner;
    const auto first = scanner.scan(bytes.first(cut), {});
    ASSERT_TRUE(first);
    if (cut >= kAnswer.size()) {
      EXPECT_EQ(*first, kAnswer.size());
      continue;
    }
    EXPECT_EQ(*first, std::nullopt);
    const auto whole = scanner.scan(bytes, {});
    ASSERT_TRUE(whole);
    EXPECT_EQ(*whole, kAnswer.size());
  }
}

TEST(ClientHandshake, AnyTruncationOfAnAnswerIsSafeToParse) {
  for (std::size_t size = 0; size < kAnswer.size(); size++) EXPECT_TRUE(judge(kAnswer.substr(0, size)).error) << size;
}

TEST(ClientHandshake, TheScannersErrorsHaveAMeaningForAResponse) {
  const auto error_of = [](std::string_view text, std::size_t limit) -> std::optional<ResponseError> {
    HeadScanner scanner;
    const auto size = scanner.scan(std::as_bytes(std::span(text)), {limit, 100});
    return size ? std::nullopt : std::optional(response_error(size.error()));
  };
  EXPECT_EQ(error_of("\x16\x03\x01\x02", 1000), ResponseError::malformed_status_line);
  EXPECT_EQ(error_of(kAnswer, 20), ResponseError::head_too_large);
  EXPECT_EQ(error_of(kAnswer, 60), ResponseError::head_too_large);
  EXPECT_EQ(error_of("HTTP/1.1 101 x\r\nA: b\n", 1000), ResponseError::malformed_field);
}

TEST(ClientHandshake, EveryErrorHasATextOfItsOwn) {
  std::set<std::string_view> texts;
  for (std::size_t i = 0; i < kResponseErrorCount; i++) texts.insert(to_string(static_cast<ResponseError>(i)));
  for (std::size_t i = 0; i < kRequestFaultCount; i++) texts.insert(to_string(static_cast<RequestFault>(i)));
  EXPECT_EQ(texts.size(), kResponseErrorCount + kRequestFaultCount);
  EXPECT_FALSE(texts.contains("unknown error") || texts.contains("unknown fault"));
}

}  // namespace
}  // namespace brume::codec

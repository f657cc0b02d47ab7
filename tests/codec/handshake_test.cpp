#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <brume/codec/handshake.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::GuardedBuffer;
using test::ParsedRequest;
using test::repeat;
using test::upgrade_with;

// The rule a whole request breaks as an upgrade, or nullopt.
std::optional<HttpError> upgrade_error(std::string_view text) {
  const ParsedRequest request(text);
  if (!request.head) return request.head.error();
  const auto key = judge_upgrade(*request);
  return key ? std::nullopt : std::optional(key.error());
}

// The same for a good request with `line` in the place of the line that begins with `name`.
std::optional<HttpError> error_with(std::string_view name, std::string_view line) {
  return upgrade_error(upgrade_with(line.empty() ? std::string() : std::string(line) + "\r\n", name));
}

std::optional<HttpError> error_with_value(std::string_view name, std::string_view value) {
  return error_with(name, std::string(name) + ": " + std::string(value));
}

TEST(Handshake, AGoodRequestGivesItsKeyAsSent) {
  const ParsedRequest request(upgrade_with(""));
  EXPECT_TRUE(wants_websocket(*request));
  EXPECT_EQ(judge_upgrade(*request), "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(Handshake, H1_AnyMethodButGetIs405) {
  for (std::string_view method : {"HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}) {
    const ParsedRequest request(std::string(method) + upgrade_with("").substr(3));
    EXPECT_FALSE(wants_websocket(*request));
    EXPECT_EQ(judge_upgrade(*request).error(), HttpError::upgrade_method_not_get) << method;
  }
}

TEST(Handshake, H2_Http10CannotUpgrade) {
  std::string text = upgrade_with("");
  text.replace(text.find("1.1"), 3, "1.0");
  EXPECT_EQ(upgrade_error(text), HttpError::upgrade_needs_http_1_1);
}

TEST(Handshake, H3_AnAbsoluteTargetUpgradesToo) {
  std::string text = upgrade_with("");
  text.replace(text.find("/ws"), 3, "ws://b.example/ws");
  EXPECT_EQ(upgrade_error(text), std::nullopt);
}

TEST(Handshake, H5_WithoutUpgradeToWebsocketItIs426) {
  EXPECT_EQ(error_with("Upgrade", ""), HttpError::upgrade_required);
  for (std::string_view value :
       {"", "h2c", "websockets", "web socket", "websocket/13", "\"websocket\"", "h2c;websocket"}) {
    EXPECT_EQ(error_with_value("Upgrade", value), HttpError::upgrade_required) << value;
    const ParsedRequest request(upgrade_with("Upgrade: " + std::string(value) + "\r\n", "Upgrade"));
    EXPECT_FALSE(wants_websocket(*request)) << value;
  }
}

TEST(Handshake, H5_UpgradeIsACaseBlindList) {
  for (std::string_view value : {"WebSocket", "h2c, WEBSOCKET", "websocket,h2c", ", websocket ,"}) {
    EXPECT_EQ(error_with_value("Upgrade", value), std::nullopt) << value;
  }
  EXPECT_EQ(error_with("Upgrade", "Upgrade: h2c\r\nUpgrade: websocket"), std::nullopt);
}

TEST(Handshake, H6_ConnectionMustNameUpgrade) {
  EXPECT_EQ(error_with("Connection", ""), HttpError::connection_lacks_upgrade);
  for (std::string_view value : {"", "keep-alive", "close", "upgraded", "Up grade", "\"Upgrade\""}) {
    EXPECT_EQ(error_with_value("Connection", value), HttpError::connection_lacks_upgrade) << value;
  }
  for (std::string_view value : {"Upgrade", "upgrade", "keep-alive, Upgrade", "Upgrade,HTTP2-Settings"}) {
    EXPECT_EQ(error_with_value("Connection", value), std::nullopt) << value;
  }
  EXPECT_EQ(error_with("Connection", "Connection: keep-alive\r\nConnection: UPGRADE"), std::nullopt);
}

TEST(Handshake, H7_TheKeyMustBeThereOnce) {
  EXPECT_EQ(error_with("Sec-WebSocket-Key", ""), HttpError::missing_key);
  const std::string again = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(upgrade_error(upgrade_with(again)), HttpError::repeated_key);
}

TEST(Handshake, H7_TheKeyMustBe16BytesInBase64) {
  for (std::string_view key :
       {"", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jZ===", "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBsZSBub25jZQA=",
        "dGhlIHNhbXBsZSBub25jZ Q=", "dGhlIHNhb BsZSBub25jZQ==", "dGhlIHNhb-BsZSBub25jZQ==", "dGhlIHNhb_BsZSBub25jZQ==",
        "dGhlIHNhb\xc3\xa9sZSBub25jZQ==", "=GhlIHNhbXBsZSBub25jZQ==", "\"hlIHNhbXBsZSBub25jZQ==\""}) {
    EXPECT_EQ(error_with_value("Sec-WebSocket-Key", key), HttpError::malformed_key) << key;
  }
  for (std::size_t size : {1u, 23u, 25u, 1000u, 16000u}) {
    EXPECT_EQ(error_with_value("Sec-WebSocket-Key", repeat("A", size)), HttpError::malformed_key) << size;
  }
}

TEST(Handshake, H7_SpareBitsOfTheKeyMayBeSet) {
  for (std::string_view key : {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZR==", "+/+/+/+/+/+/+/+/+/+/+/==",
                               "////////////////////////"}) {
    const bool padded = key.ends_with("==");
    EXPECT_EQ(error_with_value("Sec-WebSocket-Key", key),
              padded ? std::nullopt : std::optional(HttpError::malformed_key));
  }
}

TEST(Handshake, H8_TheVersionMustBeThereOnce) {
  EXPECT_EQ(error_with("Sec-WebSocket-Version", ""), HttpError::missing_version);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Version: 13\r\n")), HttpError::repeated_version);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Version: 8\r\n")), HttpError::repeated_version);
}

TEST(Handshake, H8_AnyVersionBut13Is426) {
  for (std::string_view version : {"", "0", "7", "8", "12", "14", "25", "255", "013", "13,8", "8, 13", "13, 13", "13.0",
                                   "+13", "0x0d", "1 3", "\"13\"", "thirteen", "99999999999999999999999999"}) {
    EXPECT_EQ(error_with_value("Sec-WebSocket-Version", version), HttpError::unsupported_websocket_version) << version;
  }
  EXPECT_EQ(error_with_value("Sec-WebSocket-Version", repeat("1", 16000)), HttpError::unsupported_websocket_version);
  EXPECT_EQ(error_with_value("Sec-WebSocket-Version", "\t13 "), std::nullopt);
}

TEST(Handshake, H9_AMalformedProtocolListIs400) {
  for (std::string_view value : {"", " ", ",", "a,", ",a", "a,,b", "a, ,b", "a b", "a;b", "a=b", "\"a\"", "a/b", "a@b",
                                 "\xc3\xa9", "a\tb", "a,a", "a, b, a"}) {
    EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: " + std::string(value) + "\r\n")),
              HttpError::malformed_protocol_list)
        << value;
  }
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c, a\r\n")),
            HttpError::malformed_protocol_list);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol:\r\n")),
            HttpError::malformed_protocol_list);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: " + repeat(" ", 16000) + "\r\n")),
            HttpError::malformed_protocol_list);
}

TEST(Handshake, H9_AProtocolListIsOneOverAllItsLines) {
  for (std::string_view lines : {"Sec-WebSocket-Protocol: a\r\n", "Sec-WebSocket-Protocol: a ,\tb,c!#.v2\r\n",
                                 "Sec-WebSocket-Protocol: a, b\r\nCookie: x\r\nsec-websocket-protocol: c\r\n",
                                 "Sec-WebSocket-Protocol: chat, Chat, CHAT\r\n"}) {  // names differ in case
    EXPECT_EQ(upgrade_error(upgrade_with(lines)), std::nullopt) << lines;
  }
}

TEST(Handshake, H9_TheNumberOfSubprotocolsIsBounded) {
  std::string list;
  for (std::size_t i = 1; i <= kMaxSubprotocols; ++i) list.append(i > 1 ? ", p" : "p").append(std::to_string(i));
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: " + list + "\r\n")), std::nullopt);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: " + list + ", q\r\n")),
            HttpError::malformed_protocol_list);
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Protocol: " + list + "\r\nSec-WebSocket-Protocol: q\r\n")),
            HttpError::malformed_protocol_list);
}

TEST(Handshake, H10_UnknownExtensionsAreIgnored) {
  for (std::string_view value :
       {"permessage-deflate", "permessage-deflate; client_max_window_bits", "foo", "foo, bar; baz=2",
        "constructor, __proto__; toString=valueOf", "foo;a=\"b\";c", "foo ; a = \"b\\c\" ,\tbar", "foo;a=\"\\a\\b\"",
        "permessage-deflate; server_max_window_bits=08; x=y; x=z"}) {
    EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Extensions: " + std::string(value) + "\r\n")), std::nullopt)
        << value;
  }
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions: bar; baz=2\r\n")),
            std::nullopt);
}

TEST(Handshake, H10_AMalformedExtensionListIs400) {
  for (std::string_view value : {"",
                                 " ",
                                 ",",
                                 "foo,",
                                 ",foo",
                                 "foo,,bar",
                                 ";",
                                 "foo;",
                                 "foo; ;a",
                                 "foo;;a",
                                 "foo;=b",
                                 "foo;a=",
                                 "foo;a=;b",
                                 "foo=a",
                                 "foo a",
                                 "foo;a b",
                                 "foo;a=b c",
                                 "foo;a=\"",
                                 "foo;a=\"b",
                                 "foo;a=\"b\\",
                                 "foo;a=\"b\\\"",
                                 "foo;a=\"\"",
                                 "foo;a=\"b c\"",
                                 "foo;a=\"b,c\"",
                                 "foo;a=\"\\\"\"",
                                 "foo;a=\"b\"c",
                                 "foo;a=b\"c\"",
                                 "\"foo\"",
                                 "foo;\"a\"",
                                 "f@o",
                                 "foo;a=\xc3\xa9",
                                 "foo;a=\"\xc3\xa9\"",
                                 "foo/1"}) {
    EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Extensions: " + std::string(value) + "\r\n")),
              HttpError::malformed_extension_list)
        << value;
  }
  EXPECT_EQ(upgrade_error(upgrade_with("Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions: bar;\r\n")),
            HttpError::malformed_extension_list);
}

TEST(Handshake, H15_AnUpgradeRequestHasNoBody) {
  EXPECT_EQ(upgrade_error(upgrade_with("Content-Length: 0\r\n")), std::nullopt);
  EXPECT_EQ(upgrade_error(upgrade_with("Content-Length: 1\r\n")), HttpError::body_on_upgrade);
  for (std::string_view coding : {"chunked", "gzip, chunked", "identity", ""}) {
    EXPECT_EQ(upgrade_error(upgrade_with("Transfer-Encoding: " + std::string(coding) + "\r\n")),
              HttpError::body_on_upgrade)
        << coding;
  }
  EXPECT_EQ(upgrade_error(upgrade_with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n")),
            HttpError::body_on_upgrade);
  EXPECT_EQ(upgrade_error(upgrade_with("Content-Length: +0\r\n")), HttpError::malformed_content_length);
  EXPECT_EQ(upgrade_error(upgrade_with("Content-Length: 0\r\nContent-Length: 0\r\n")),
            HttpError::conflicting_content_length);
}

TEST(Handshake, TheFirstBrokenRuleInTheWrittenOrderIsTheAnswer) {
  // Every line breaks a rule; they are mended one after the other.
  std::string method = "POST ";
  std::string version = "HTTP/1.0";
  std::vector<std::pair<HttpError, std::string>> lines = {
      {HttpError::upgrade_required, "Upgrade: "},
      {HttpError::connection_lacks_upgrade, "Connection: "},
      {HttpError::body_on_upgrade, "Content-Length: "},
      {HttpError::malformed_key, "Sec-WebSocket-Key: "},
      {HttpError::unsupported_websocket_version, "Sec-WebSocket-Version: "},
      {HttpError::malformed_protocol_list, "Sec-WebSocket-Protocol: "},
      {HttpError::malformed_extension_list, "Sec-WebSocket-Extensions: "},
  };
  const std::vector<std::string> bad = {"x", "x", "1", "x", "x", "x,x", "x;"};
  const std::vector<std::string> good = {"websocket", "upgrade", "0", "dGhlIHNhbXBsZSBub25jZQ==", "13", "x,y", "x;y"};
  const auto error_with_mended = [&](std::size_t mended) {
    std::string text = method + "/ " + version + "\r\nHost: a\r\n";
    for (std::size_t i = 0; i < lines.size(); ++i) {
      text.append(lines[i].second).append(i < mended ? good[i] : bad[i]).append("\r\n");
    }
    return upgrade_error(text + "\r\n");
  };
  EXPECT_EQ(error_with_mended(0), HttpError::upgrade_method_not_get);
  method = "GET ";
  EXPECT_EQ(error_with_mended(0), HttpError::upgrade_needs_http_1_1);
  version = "HTTP/1.1";
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(error_with_mended(i), lines[i].first);
  EXPECT_EQ(error_with_mended(lines.size()), std::nullopt);
}

TEST(Handshake, TheAcceptValueIsTheRfcsForItsSampleKey) {
  const auto accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(std::string_view(accept.data(), accept.size()), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(Handshake, TheAcceptValueIsTheHashOfTheKeyAsSent) {
  std::mt19937 random(6455);
  for (int i = 0; i < 200; ++i) {
    std::string key;
    while (key.size() < 22) {
      key.push_back("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[random() % 64]);
    }
    key.append("==");
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> digest{};
    ASSERT_EQ(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr), 1);
    const auto accept = accept_key(key);
    std::array<unsigned char, 24> decoded{};
    ASSERT_EQ(EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(accept.data()), kAcceptSize), 21);
    EXPECT_TRUE(std::equal(digest.begin(), digest.end(), decoded.begin()));
  }
}

TEST(Handshake, TheServersFirstChoiceAmongTheOfferedIsTaken) {
  const ParsedRequest request(upgrade_with("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n"));
  const std::array<std::string_view, 3> supported = {"x", "c", "a"};
  EXPECT_EQ(choose_subprotocol(*request, supported), "c");
  EXPECT_EQ(choose_subprotocol(*request, {}), std::nullopt);
  EXPECT_TRUE(offers_subprotocol(*request, "b"));
  EXPECT_FALSE(offers_subprotocol(*request, "x"));
}

TEST(Handshake, H9_NoCommonSubprotocolIsNoSubprotocol) {
  const std::array<std::string_view, 2> supported = {"chat", "a b"};
  const ParsedRequest other(upgrade_with("Sec-WebSocket-Protocol: Chat, cha, chatt\r\n"));
  EXPECT_EQ(choose_subprotocol(*other, supported), std::nullopt);
  EXPECT_EQ(choose_subprotocol(*ParsedRequest(upgrade_with("")), supported), std::nullopt);
}

TEST(Handshake, TheAnswerHasTheFieldsOfTheRfcInOrder) {
  std::string out = "before";
  append_switching_protocols(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", {}, {});
  EXPECT_EQ(out,
            "beforeHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
  out.clear();
  const std::array<HeaderField, 2> extra = {HeaderField{"Server", "x"}, HeaderField{"Set-Cookie", "a=b"}};
  append_switching_protocols(out, "k", "chat", extra);
  EXPECT_TRUE(
      out.ends_with("Sec-WebSocket-Accept: k\r\nSec-WebSocket-Protocol: chat\r\nServer: x\r\nSet-Cookie: a=b\r\n\r\n"));
}

TEST(Handshake, H21_FieldsThatWouldSplitTheAnswerAreInvalid) {
  EXPECT_TRUE(is_valid_field("X-A", "b c\t\xc3\xa9"));
  EXPECT_TRUE(is_valid_field("X-A", ""));
  for (std::string_view name : {"", "A B", "A:", "A\r\n", "A\n", "\xc3\xa9", "(A)"}) {
    EXPECT_FALSE(is_valid_field(name, "b")) << name;
  }
  using namespace std::string_view_literals;
  for (std::string_view value : {"b\r\nC: d"sv, "b\n"sv, "\r"sv, "\0"sv, "b\x7f"sv, "b\x1b[0m"sv}) {
    EXPECT_FALSE(is_valid_field("A", value)) << value;
  }
}

TEST(Handshake, T2_NoTruncationOfARequestIsReadPastItsEndOrAccepted) {
  const std::string text = upgrade_with("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: x; y=\"z\"\r\n");
  GuardedBuffer memory(text.size());
  std::array<HeaderField, 20> storage;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const auto part = memory.place_at_end(bytes_of(text).first(size));
    const auto head = parse_request_head({reinterpret_cast<const char*>(part.data()), size}, storage, {});
    EXPECT_EQ(head && judge_upgrade(*head), size == text.size()) << size;
  }
}

}  // namespace
}  // namespace brume::codec

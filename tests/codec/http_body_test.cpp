#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/http_body.h>
#include <brume/tests/support/guarded_buffer.h>
#include <brume/tests/support/request_text.h>

namespace brume::codec {
namespace {

using test::bytes_of;
using test::get_with;
using test::GuardedBuffer;
using test::ParsedRequest;
using test::repeat;

std::expected<BodyFraming, HttpError> framing_of(std::string_view fields, std::string_view version = "HTTP/1.1") {
  const ParsedRequest request("POST / " + std::string(version) + "\r\nHost: a.example\r\n" + std::string(fields) +
                              "\r\n");
  return body_framing(*request);
}

std::optional<HttpError> framing_error(std::string_view fields, std::string_view version = "HTTP/1.1") {
  const auto framing = framing_of(fields, version);
  return framing ? std::nullopt : std::optional(framing.error());
}

TEST(BodyFraming, ARequestWithoutLengthOrCodingHasNoBody) {
  const auto framing = framing_of("");
  ASSERT_TRUE(framing);
  EXPECT_TRUE(framing->empty());
}

TEST(BodyFraming, H15_ContentLengthIsADecimalNumber) {
  EXPECT_EQ(framing_of("Content-Length: 0\r\n")->content_length, 0u);
  EXPECT_TRUE(framing_of("Content-Length: 0\r\n")->empty());
  EXPECT_EQ(framing_of("content-length:\t42 \r\n")->content_length, 42u);
  EXPECT_EQ(framing_of("Content-Length: 007\r\n")->content_length, 7u);
  EXPECT_EQ(framing_of("Content-Length: 18446744073709551615\r\n")->content_length, 18446744073709551615u);
}

TEST(BodyFraming, H15_AnyOtherContentLengthIs400) {
  for (std::string_view value : {"", "+1", "-1", "0x1", "1,1", "1, 1", "1 1", "1.0", "1e3", "a", "1a", "\"1\"",
                                 "\xd9\xa1", "18446744073709551616", "18446744073709551625", "99999999999999999999",
                                 "100000000000000000000000000000000000000001"}) {
    EXPECT_EQ(framing_error("Content-Length: " + std::string(value) + "\r\n"), HttpError::malformed_content_length)
        << value;
  }
}

TEST(BodyFraming, H15_RepeatedContentLengthsAre400EvenWhereTheyAgree) {
  EXPECT_EQ(framing_error("Content-Length: 1\r\nContent-Length: 2\r\n"), HttpError::conflicting_content_length);
  EXPECT_EQ(framing_error("Content-Length: 1\r\ncontent-length: 1\r\n"), HttpError::conflicting_content_length);
}

TEST(BodyFraming, H15_LengthAndTransferEncodingTogetherAre400) {
  EXPECT_EQ(framing_error("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
            HttpError::length_and_transfer_encoding);
  EXPECT_EQ(framing_error("Transfer-Encoding: x\r\nContent-Length: 0\r\n"), HttpError::length_and_transfer_encoding);
}

TEST(BodyFraming, H15_ChunkedAloneIsTheOnlyTransferEncoding) {
  EXPECT_TRUE(framing_of("Transfer-Encoding: chunked\r\n")->chunked);
  EXPECT_TRUE(framing_of("transfer-encoding: CHUNKED\r\n")->chunked);
  EXPECT_FALSE(framing_of("Transfer-Encoding: chunked\r\n")->empty());
}

TEST(BodyFraming, H15_ATransferEncodingThatDoesNotEndInOneChunkedIs400) {
  for (std::string_view value :
       {"", "gzip", "identity", "xchunked", "chunked, gzip", "chunked, chunked", "gzip, chunked, chunked", "chunked,",
        "chunked;q=1", "\"chunked\"", "chunked chunked", "chunked\tx"}) {
    EXPECT_EQ(framing_error("Transfer-Encoding: " + std::string(value) + "\r\n"),
              HttpError::malformed_transfer_encoding)
        << value;
  }
  EXPECT_EQ(framing_error("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            HttpError::malformed_transfer_encoding);
}

TEST(BodyFraming, H15_OtherCodingsBelowChunkedAre501) {
  EXPECT_EQ(framing_error("Transfer-Encoding: gzip, chunked\r\n"), HttpError::unsupported_transfer_encoding);
  EXPECT_EQ(framing_error("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            HttpError::unsupported_transfer_encoding);
}

TEST(BodyFraming, H15_TransferEncodingInHttp10Is400) {
  EXPECT_EQ(framing_error("Transfer-Encoding: chunked\r\n", "HTTP/1.0"), HttpError::transfer_encoding_needs_http_1_1);
}

// What came out of a decoder, and how much of the input it left.
struct Decoded {
  std::string body;
  std::optional<HttpError> error;
  bool done = false;
  std::size_t left = 0;
  bool operator==(const Decoded&) const = default;
};

// Gives the decoder the pieces of `text` that end at `cuts` and at its end, each at the end of guarded memory.
Decoded decode(std::string_view text, BodyFraming framing, std::size_t max_body_size,
               const std::vector<std::size_t>& cuts = {}) {
  GuardedBuffer memory(text.size());
  BodyDecoder decoder(framing, max_body_size);
  Decoded decoded;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= cuts.size() && !decoded.error; ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : text.size();
    std::span<const std::byte> input = memory.place_at_end(bytes_of(text.substr(begin, end - begin)));
    const std::byte* const input_end = input.data() + input.size();
    for (;;) {
      const std::byte* const before = input.data();
      const auto run = decoder.next(input);
      if (!run) {
        decoded.error = run.error();
        break;
      }
      EXPECT_EQ(input.data() + input.size(), input_end);  // bytes are taken from the front alone
      if (run->empty()) break;
      EXPECT_GE(run->data(), before);
      EXPECT_LE(run->data() + run->size(), input.data());
      decoded.body.append(reinterpret_cast<const char*>(run->data()), run->size());
    }
    EXPECT_TRUE(decoded.error || decoder.done() || input.empty());
    decoded.left = text.size() - end + input.size();
    begin = end;
    if (decoder.done()) break;
  }
  decoded.done = decoder.done();
  return decoded;
}

Decoded decode_chunked(std::string_view text, std::size_t max_body_size = 1000) {
  return decode(text, {.chunked = true}, max_body_size);
}

std::vector<std::size_t> every_byte(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  for (std::size_t i = 0; i < size; ++i) cuts[i] = i;
  return cuts;
}

TEST(BodyDecoder, ABodyOfKnownLengthEndsThere) {
  EXPECT_EQ(decode("hello, world", {.content_length = 5}, 5), (Decoded{"hello", {}, true, 7}));
  EXPECT_EQ(decode("hel", {.content_length = 5}, 5), (Decoded{"hel", {}, false, 0}));
}

TEST(BodyDecoder, AnEmptyBodyIsDoneAtOnce) {
  EXPECT_TRUE(BodyDecoder({}, 0).done());
  EXPECT_EQ(decode("next", {}, 0), (Decoded{"", {}, true, 4}));
}

TEST(BodyDecoder, ABodyAboveTheLimitIs413BeforeItsFirstByte) {
  EXPECT_EQ(decode("", {.content_length = 6}, 5).error, HttpError::body_too_large);
  EXPECT_EQ(decode("", {.content_length = ~std::uint64_t{0}}, 5).error, HttpError::body_too_large);
}

TEST(BodyDecoder, ChunksAreJoined) {
  EXPECT_EQ(decode_chunked("5\r\nhello\r\n1\r\n,\r\n00A\r\n 123456789\r\n0\r\n\r\nGET"),
            (Decoded{"hello, 123456789", {}, true, 3}));
  EXPECT_EQ(decode_chunked("0\r\n\r\n"), (Decoded{"", {}, true, 0}));
  EXPECT_EQ(decode_chunked("0000000000000000\r\n\r\n"), (Decoded{"", {}, true, 0}));
  EXPECT_EQ(decode_chunked("a\r\n\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n").body, "\r\n\r\n0\r\n\r\n\r");  // framing as data
}

TEST(BodyDecoder, ExtensionsAndTrailersAreDropped) {
  EXPECT_EQ(decode_chunked("2;a=b;c=\"d;\\\" \xc3\xa9\"\r\nhi\r\n0 \t; x\r\nA: b\r\nC:\t\r\nD:\r\n\r\nrest"),
            (Decoded{"hi", {}, true, 4}));
}

TEST(BodyDecoder, H15_MalformedChunksAre400) {
  using namespace std::string_view_literals;
  for (std::string_view text : {
           "\r\n"sv,
           "g\r\n"sv,
           "-1\r\n"sv,
           "+1\r\n"sv,
           " 1\r\n"sv,
           "0x1\r\n"sv,
           ";a\r\n"sv,
           "1\n"sv,
           "1\rx"sv,
           "1 \r\n"sv,
           "1 2\r\n"sv,
           "1;a\n"sv,
           "1;a\rb"sv,
           "1;\0\r\n"sv,
           "1\r\nab"sv,
           "1\r\na\r\n\r\n"sv,
           "1\r\na\r\n;x\r\n"sv,
           "1\r\na\n"sv,
           "1\r\na\rb"sv,
           "1\r\na0\r\n"sv,
           "0\r\n\n"sv,
           "0\r\n\rx"sv,
           "0\r\nA\r\n"sv,
           "0\r\nA : b\r\n"sv,
           "0\r\n: b\r\n"sv,
           "0\r\n A: b\r\n"sv,
           "0\r\nA: b\r\n c\r\n"sv,
           "0\r\nA: b\n"sv,
           "0\r\nA: b\rc"sv,
           "0\r\nA: b\0\r\n"sv,
           "0\r\nGET / HTTP/1.1\r\n"sv,
           "0\n\n"sv,
       }) {
    EXPECT_EQ(decode_chunked(text).error, HttpError::malformed_chunk) << text;
  }
}

TEST(BodyDecoder, H15_ASizeOfMoreThan16DigitsIs400AndNeverWraps) {
  const auto huge = std::numeric_limits<std::size_t>::max();
  EXPECT_EQ(decode_chunked("00000000000000000\r\n").error, HttpError::malformed_chunk);
  EXPECT_EQ(decode_chunked("00000000000000001\r\na\r\n").error, HttpError::malformed_chunk);
  EXPECT_EQ(decode_chunked("10000000000000001\r\na\r\n", huge).error, HttpError::malformed_chunk);
  EXPECT_EQ(decode_chunked("ffffffffffffffff\r\nabc", huge).body, "abc");
  EXPECT_EQ(decode_chunked(repeat("01\r\na\r\n", 20) + "0\r\n\r\n").body, repeat("a", 20));  // each size by itself
}

TEST(BodyDecoder, TheSumOfTheChunksIsBoundedFromTheirSizes) {
  EXPECT_EQ(decode_chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", 5), (Decoded{"abcde", {}, true, 0}));
  const Decoded beyond = decode_chunked("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n", 5);
  EXPECT_EQ(beyond.error, HttpError::body_too_large);
  EXPECT_EQ(beyond.body, "abc");
  EXPECT_EQ(decode_chunked("ffffffffffffffff", 5).error, HttpError::body_too_large);
  EXPECT_EQ(decode_chunked("1\r\na\r\nffffffffffffffff", 5).error, HttpError::body_too_large);  // the sum would wrap
  EXPECT_EQ(decode_chunked("0\r\n\r\n", 0), (Decoded{"", {}, true, 0}));
}

TEST(BodyDecoder, ExtensionsAreBoundedOverTheWholeBody) {
  const auto chunk_with = [](std::size_t extension_size) {
    return "1;" + repeat("x", extension_size - 1) + "\r\na\r\n";
  };
  EXPECT_EQ(decode_chunked(chunk_with(kMaxChunkExtensionsSize) + "0\r\n\r\n").body, "a");
  EXPECT_EQ(decode_chunked(chunk_with(kMaxChunkExtensionsSize + 1)).error, HttpError::malformed_chunk);
  EXPECT_EQ(decode_chunked("1" + repeat(" ", kMaxChunkExtensionsSize + 1)).error, HttpError::malformed_chunk);
  const std::string half = chunk_with(kMaxChunkExtensionsSize / 2);
  EXPECT_EQ(decode_chunked(half + half + "0\r\n\r\n").body, "aa");
  EXPECT_EQ(decode_chunked(half + half + "0;\r\n\r\n").error, HttpError::malformed_chunk);
}

TEST(BodyDecoder, TrailersAreBounded) {
  const auto trailer = [](std::size_t size) { return "0\r\nA:" + repeat("x", size - 4) + "\r\n"; };
  EXPECT_TRUE(decode_chunked(trailer(kMaxTrailerSize) + "\r\n").done);
  EXPECT_EQ(decode_chunked(trailer(kMaxTrailerSize + 1) + "\r\n").error, HttpError::malformed_chunk);
  EXPECT_EQ(decode_chunked("0\r\n" + repeat("A:\r\n", kMaxTrailerSize)).error, HttpError::malformed_chunk);
}

TEST(BodyDecoder, EverySplitGivesTheResultOfTheWhole) {
  struct Case {
    std::string_view text;
    BodyFraming framing;
  };
  for (const Case& c :
       {Case{"hello, world", {.content_length = 5}},
        Case{"5;x=\"y\"\r\nhello\r\n1 ;z\r\n,\r\n00A\r\n 123456789\r\n0\r\nA: b\r\nC:\r\n\r\nGET", {.chunked = true}},
        Case{"3\r\nabc\r\n12\r\ndef", {.chunked = true}}, Case{"3\r\nabc\r\nX", {.chunked = true}},
        Case{"0\r\nA: b\r\n c", {.chunked = true}}}) {
    const Decoded whole = decode(c.text, c.framing, 17);
    EXPECT_EQ(decode(c.text, c.framing, 17, every_byte(c.text.size())), whole) << c.text;
    for (std::size_t first = 0; first <= c.text.size(); ++first) {
      for (std::size_t second = first; second <= c.text.size(); ++second) {
        ASSERT_EQ(decode(c.text, c.framing, 17, {first, second}), whole) << c.text << first << ' ' << second;
      }
    }
  }
}

}  // namespace
}  // namespace brume::codec

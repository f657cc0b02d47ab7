// URLs: any text is taken apart or refused as the slow reference does it, and what is taken is a request that a server
// reads.
//
// Where bit 0 of byte 0 is set, the rest is made as long as a URL may be, and up to two bytes shorter or longer; else
// it is the URL.

#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include <brume/codec/check.h>
#include <brume/codec/handshake.h>
#include <brume/codec/http_head.h>
#include <brume/codec/url.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_url.h>

namespace brume::fuzz {
namespace {

using codec::check;
using codec::Url;

bool same(const Url& a, const Url& b) {
  return a.secure == b.secure && a.host == b.host && a.port == b.port && a.authority == b.authority &&
         a.resource == b.resource;
}

// The parts, put together again, are a URL of the same parts.
void check_whole(const Url& url) {
  const std::string text = (url.secure ? "wss://" : "ws://") + url.authority + url.resource;
  const auto again = codec::parse_url(text);
  // "/" takes the place of an empty path, and makes the longest URL too long.
  if (!again) {
    check(again.error() == codec::UrlError::too_long, "what was read is a URL again");
    return;
  }
  check(same(*again, url), "what was read is the same URL again");
}

// What a client makes of the URL is a request line and a Host field of which a server reads the same.
void check_request(const Url& url) {
  const std::string text = "GET " + url.resource + " HTTP/1.1\r\nHost: " + url.authority + "\r\n\r\n";
  std::array<codec::HeaderField, 1> storage;
  const auto head = codec::parse_request_head(text, storage, {});
  check(head.has_value(), "a server takes the request line and Host");
  check(head->target == url.resource && head->authority == url.authority, "a server reads what the client meant");
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  if (size < 1) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) text.resize(codec::kMaxUrlSize - 2 + (data[0] >> 1) % 5, 'a');
  const ExactMemory memory(text);
  const auto url = codec::parse_url(memory.text());
  const ReferenceUrl expected = read_url_by_the_book(text);
  check(url.has_value() == expected.faults.empty(), "a URL is taken where the reference finds no fault");
  if (!url) {
    check(expected.faults.contains(url.error()), "the fault is one that the reference finds");
    check(!codec::to_string(url.error()).empty(), "each fault has its words");
    return 0;
  }
  check(same(*url, expected.url), "the parts are the reference's");
  check_whole(*url);
  check_request(*url);
  return 0;
}

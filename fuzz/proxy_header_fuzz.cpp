// PROXY headers: any bytes say what the slow reference says, and each beginning of them says the same or nothing.
//
// Byte 0: where bit 0 is set, the checksum of a version 2 header is made to fit, which chance never would.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include <brume/codec/check.h>
#include <brume/codec/proxy_header.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_proxy.h>

namespace brume::fuzz {
namespace {

using codec::check;

bool same(const codec::ProxyHeader& a, const codec::ProxyHeader& b) {
  return a.source == b.source && a.tls == b.tls && a.port == b.port && a.address == b.address && a.size == b.size;
}

// Writes the right checksum into the first vector that could be one.
void fit_checksum(std::string& text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(text[i])); };
  if (text.size() < 16) return;
  const std::size_t whole = std::min(text.size(), 16 + byte(14) * 256 + byte(15));
  const std::size_t addresses = byte(13) == 0x11 ? 12 : byte(13) == 0x21 ? 36 : 216;
  for (std::size_t place = 16 + addresses; place + 7 <= whole; place += 3 + byte(place + 1) * 256 + byte(place + 2)) {
    if (byte(place) != 3) continue;
    text.replace(place + 3, 4, 4, '\0');
    const std::uint32_t sum = crc32c_by_the_book(text.substr(0, whole));
    for (std::size_t i = 0; i < 4; ++i) text[place + 3 + i] = static_cast<char>(sum >> (24 - 8 * i));
    return;
  }
}

void compare(const std::string& text) {
  const ExactMemory memory(text);
  const auto seen = codec::read_proxy_header(memory.bytes());
  const ReferenceProxy expected = read_proxy_by_the_book(text);
  using Answer = ReferenceProxy::Answer;
  check(seen.has_value() == (expected.answer != Answer::refused), "a header is refused where the reference says so");
  if (!seen) {
    check(&codec::info(seen.error()) == &codec::proxy_errors()[static_cast<std::size_t>(seen.error())],
          "each rule has its row");
    return;
  }
  check(seen->has_value() == (expected.answer == Answer::whole), "a header is whole where the reference says so");
  if (*seen) check(same(**seen, expected.header), "a header says what the reference says");
}

// The first beginning that is answered is answered as the whole is.
void check_beginnings(const std::string& text) {
  const auto whole = codec::read_proxy_header(std::as_bytes(std::span(text)));
  constexpr std::size_t kAll = 300;  // beginnings longer than that are tried now and then
  for (std::size_t size = 0; size <= text.size(); size += size < kAll ? 1 : 97) {
    const ExactMemory memory(std::string_view(text).substr(0, size));
    const auto seen = codec::read_proxy_header(memory.bytes());
    if (seen && !*seen) continue;
    check(seen.has_value() == whole.has_value(), "the split does not change the answer");
    check(seen ? *whole && same(**seen, **whole) : seen.error() == whole.error(), "nor what it says");
    return;
  }
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume::fuzz;
  if (size < 1) return 0;
  std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) fit_checksum(text);
  compare(text);
  check_beginnings(text);
  return 0;
}

// Close payloads: any bytes are judged as the book says, and what is written for any code and reason is read back.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <brume/codec/check.h>
#include <brume/codec/close_payload.h>
#include <brume/codec/utf8.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_utf8.h>

namespace brume::fuzz {
namespace {

using codec::check;
using codec::Violation;

// RFC 6455, sections 7.4.1 and 7.4.2, and what IANA has registered since, one by one.
bool may_be_sent(unsigned code) {
  switch (code) {
    case 1000:
    case 1001:
    case 1002:
    case 1003:
    case 1007:
    case 1008:
    case 1009:
    case 1010:
    case 1011:
    case 1012:
    case 1013:
    case 1014:
      return true;
    default:
      return code / 1000 == 3 || code / 1000 == 4;
  }
}

void read(const ExactMemory& memory) {
  const auto result = codec::read_close_payload(memory.bytes());
  const std::string_view text = memory.text();
  if (text.empty()) {
    check(result && result->code == 1005 && result->reason.empty(), "an empty payload is 1005");
    return;
  }
  if (text.size() == 1) {
    check(!result && result.error() == Violation::close_payload_one_byte, "one byte is no code");
    return;
  }
  const unsigned code = static_cast<std::uint8_t>(text[0]) * 256u + static_cast<std::uint8_t>(text[1]);
  const std::string_view reason = text.substr(2);
  if (!may_be_sent(code)) {
    check(!result && result.error() == Violation::close_code_invalid, "a code that may not be sent is refused");
  } else if (!is_utf8_by_the_book(reason)) {
    check(!result && result.error() == Violation::close_reason_not_utf8, "a reason that is not UTF-8 is refused");
  } else {
    check(result && result->code == code && result->reason == reason, "a good payload says what it says");
    check(memory.holds(result->reason), "the reason is inside the payload");
  }
}

void write(std::string_view reason, std::uint16_t code) {
  if (!is_utf8_by_the_book(reason)) return;
  std::array<std::byte, codec::kMaxControlPayloadSize> out;
  out.fill(std::byte{0xEE});
  const std::size_t size = codec::write_close_payload(out, code, reason);
  check(std::ranges::all_of(std::span(out).subspan(size), [](std::byte b) { return b == std::byte{0xEE}; }),
        "nothing is written behind what was promised");
  const auto back = codec::read_close_payload(std::span(out).first(size));
  if (code == 1005) {
    check(size == 0, "1005 is never written");
    return;
  }
  check(back && back->code == code, "the code comes back");
  check(reason.starts_with(back->reason), "the reason comes back, perhaps cut");
  if (back->reason.size() == reason.size()) return;
  // Cut no earlier than it must be: the code point behind the cut would not have fitted.
  std::size_t next = back->reason.size() + 1;
  while (next < reason.size() && (reason[next] & 0xC0) == 0x80) ++next;
  check(next > codec::kMaxCloseReasonSize, "a reason is cut no earlier than it must be");
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume::fuzz;
  const ExactMemory memory(std::as_bytes(std::span(data, size)));
  read(memory);
  if (size < 2) return 0;
  const auto code = static_cast<std::uint16_t>(data[0] * 256u + data[1]);
  const ExactMemory reason(memory.text().substr(2));
  if (code == 1005 || brume::codec::is_sendable_close_code(code)) write(reason.text(), code);
  return 0;
}

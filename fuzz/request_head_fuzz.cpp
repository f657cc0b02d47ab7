// Request heads: any bytes, in any pieces, are found, parsed, judged as an upgrade and read as a body as the slow
// reference reads them, whatever the pieces.
//
// Byte 0 chooses the limits, byte 1 the pieces; the rest is what a client sends.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/handshake.h>
#include <brume/codec/http_body.h>
#include <brume/codec/http_head.h>
#include <brume/fuzz/support/reference_request.h>

namespace brume::fuzz {
namespace {

using codec::check;

constexpr std::size_t kControlBytes = 2;

codec::HeadLimits limits_for(std::uint8_t choice) {
  constexpr std::array<std::size_t, 4> kSizes{16 * 1024, 64, 200, 1000};
  constexpr std::array<std::size_t, 4> kFields{100, 3, 8, 20};
  return {.max_head_size = kSizes[choice & 3], .max_headers = kFields[choice >> 2 & 3]};
}

std::size_t max_body_size_for(std::uint8_t choice) {
  constexpr std::array<std::size_t, 4> kSizes{1024 * 1024, 0, 10, 100};
  return kSizes[choice >> 4 & 3];
}

// The ends of pieces of up to 1, 2, 3 ... bytes, their sizes drawn from `choice`; single bytes for 0.
std::vector<std::size_t> ends_for(std::uint8_t choice, std::size_t size) {
  std::vector<std::size_t> ends;
  std::uint32_t state = choice;
  std::size_t position = 0;
  while (position < size) {
    state = state * 1664525 + 1013904223;  // a linear congruential generator: the same pieces in every run
    position += choice == 0 ? 1 : (state >> 24) % (choice % 64 + 2u);
    ends.push_back(std::min(position, size));
  }
  return ends;
}

// A text in memory of exactly its size, so that the sanitizer sees a step beyond it.
class ExactText {
 public:
  explicit ExactText(std::string_view text)
      : memory_(std::make_unique_for_overwrite<char[]>(text.size())), size_(text.size()) {
    std::ranges::copy(text, memory_.get());
  }
  std::string_view text() const { return {memory_.get(), size_}; }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(memory_.get(), size_)); }
  bool holds(std::string_view part) const {
    return part.data() >= memory_.get() && part.data() + part.size() <= memory_.get() + size_;
  }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t size_;
};

using ScanResult = std::expected<std::optional<std::size_t>, codec::HttpError>;

ScanResult scan_in_pieces(std::string_view text, std::span<const std::size_t> ends, const codec::HeadLimits& limits) {
  codec::HeadScanner scanner;
  ScanResult result = std::nullopt;
  for (std::size_t end : ends) {
    const ExactText so_far(text.substr(0, end));
    result = scanner.scan(so_far.bytes(), limits);
    if (!result || *result) break;
  }
  return result;
}

void check_head(const ExactText& memory, const codec::RequestHead& head, const codec::HeadLimits& limits) {
  check(memory.holds(head.method) && memory.holds(head.target), "the request line's views are inside the input");
  check(memory.holds(head.path) || head.path == "/", "the path is inside the input, or the root");
  check(!head.path.empty() && head.path.front() == '/', "a path is absolute");
  check(head.query.empty() || memory.holds(head.query), "the query is inside the input");
  check(head.authority.empty() || codec::parse_authority(head.authority), "an authority is well-formed");
  check(head.fields.size() <= limits.max_headers, "the number of fields is bounded");
  for (const codec::HeaderField& field : head.fields) {
    check(memory.holds(field.name) && memory.holds(field.value), "a field's views are inside the input");
    check(codec::is_valid_field(field.name, field.value), "a field that was read may be sent");
  }
  static_cast<void>(head.keep_alive());
}

void compare_with_reference(const codec::RequestHead& head, const ReferenceHead& reference) {
  check(head.method == reference.method && head.target == reference.target, "the request line is the reference's");
  check(std::ranges::equal(head.fields, reference.fields,
                           [](const codec::HeaderField& field, const auto& expected) {
                             return field.name == expected.first && field.value == expected.second;
                           }),
        "the fields are the reference's");
}

void judge(const ExactText& memory, const codec::RequestHead& head) {
  const bool same = codec::same_origin(head);
  check(same || (!codec::same_origin(head, "http") && !codec::same_origin(head, "https")),
        "knowing the scheme lets nobody in");
  check(same || head.count("Origin") > 0, "a request without Origin is let in");
  const auto key = codec::judge_upgrade(head);
  if (!key) return;
  check(codec::wants_websocket(head), "only a request for a WebSocket is one that may upgrade");
  check(memory.holds(*key) && key->size() == 24, "the key is inside the input");
  const auto accept = codec::accept_key(*key);
  check(accept[codec::kAcceptSize - 1] == '=', "20 bytes in Base64 end in padding");
  check(codec::body_framing(head) && codec::body_framing(head)->empty(), "an upgrade has no body");
  check(!codec::offers_subprotocol(head, ""), "no subprotocol has an empty name");
}

struct Decoded {
  std::string body;
  bool failed = false;
  bool done = false;
  std::size_t taken = 0;
  bool operator==(const Decoded&) const = default;
};

Decoded decode_in_pieces(std::string_view text, std::span<const std::size_t> ends, codec::BodyFraming framing,
                         std::size_t max_body_size) {
  codec::BodyDecoder decoder(framing, max_body_size);
  Decoded decoded;
  std::size_t begin = 0;
  for (std::size_t end : ends) {
    const ExactText piece(text.substr(begin, end - begin));
    begin = end;
    std::span<const std::byte> input = piece.bytes();
    for (bool more = true; more && !decoded.failed;) {
      const std::byte* const from = input.data();
      const auto run = decoder.next(input);
      decoded.failed = !run;
      if (!run) break;
      check(run->empty() || (run->data() >= from && run->data() + run->size() <= input.data()),
            "a run lies in the bytes just taken");
      decoded.body.append(reinterpret_cast<const char*>(run->data()), run->size());
      more = !run->empty();
    }
    decoded.taken += piece.text().size() - input.size();
    decoded.done = decoder.done();
    if (decoded.failed || decoded.done) break;
    check(input.empty(), "an unfinished body takes all there is");
  }
  check(decoded.body.size() <= max_body_size, "a body is never larger than the limit");
  return decoded;
}

void decode(std::string_view text, std::uint8_t pieces, codec::BodyFraming framing, std::size_t max_body_size) {
  const std::array whole{text.size()};
  const Decoded decoded = decode_in_pieces(text, whole, framing, max_body_size);
  const auto ends = ends_for(pieces, text.size());
  if (!ends.empty()) {
    check(decoded == decode_in_pieces(text, ends, framing, max_body_size), "the pieces do not change the body");
  }
  if (framing.chunked) {
    const auto reference = read_chunks_by_the_book(text, max_body_size);
    check(decoded.done == reference.has_value(), "a chunked body is whole where the reference says so");
    check(!reference || (decoded.body == reference->body && decoded.taken == reference->size),
          "a chunked body is the reference's");
  } else {
    check(decoded.failed == (framing.content_length > max_body_size), "only too large a length is refused");
    check(decoded.failed || decoded.body == text.substr(0, framing.content_length), "a body is the bytes it has");
  }
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  if (size < kControlBytes) return 0;
  const codec::HeadLimits limits = limits_for(data[0]);
  const ExactText memory({reinterpret_cast<const char*>(data) + kControlBytes, size - kControlBytes});

  const ScanResult scanned = codec::HeadScanner().scan(memory.bytes(), limits);
  const auto ends = ends_for(data[1], memory.text().size());
  check(scanned == scan_in_pieces(memory.text(), ends, limits), "the pieces do not change what the scanner finds");

  std::array<codec::HeaderField, 100> storage;
  const auto unscanned = codec::parse_request_head(memory.text(), storage, limits);
  const auto reference = read_head_by_the_book(memory.text(), limits);
  const bool whole = scanned && *scanned;
  check(whole || !reference, "what the reference takes is found");
  if (!whole) return 0;

  const ExactText head_memory(memory.text().substr(0, **scanned));
  const auto head = codec::parse_request_head(head_memory.text(), storage, limits);
  check(head.has_value() == unscanned.has_value(), "the parser needs no scanner");
  check(head || head.error() == unscanned.error(), "the parser gives one reason");
  check(head.has_value() == reference.has_value(), "a head is allowed where the reference says so");
  if (!head) return 0;
  check(reference->size == **scanned, "a head ends where the reference says so");
  check_head(head_memory, *head, limits);
  compare_with_reference(*head, *reference);
  judge(head_memory, *head);
  if (const auto framing = codec::body_framing(*head)) {
    decode(memory.text().substr(**scanned), data[1], *framing, max_body_size_for(data[0]));
  }
  return 0;
}

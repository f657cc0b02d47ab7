// The client's side of the handshake: what may be asked is asked as the slow reference writes it and a server reads it,
// and any answer, whole or in any pieces, is read and judged as the reference does.
//
// Byte 0 chooses the limits (bits 0 to 3) and the key, byte 1 the pieces. Then lines that make the request, each of a
// letter (p: a subprotocol, e: the extensions, h: a header; others: nothing) and its text, up to an empty line; the
// rest is the answer. In the lines 0xFE stands for a line feed, in the answer 0xFE for the right value of
// Sec-WebSocket-Accept, which chance would not find.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/client_handshake.h>
#include <brume/codec/handshake.h>
#include <brume/codec/http_head.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_response.h>

namespace brume::fuzz {
namespace {

using codec::check;

constexpr std::size_t kControlBytes = 2;
constexpr char kEscape = '\xFE';

struct Asked {
  std::string key;
  std::vector<std::string> subprotocols;
  std::string extensions;
  Fields headers;

  codec::UpgradeRequest request() const {
    return {.authority = "a.example",
            .resource = "/chat?room=1",
            .key = key,
            .subprotocols = subprotocols,
            .extensions = extensions,
            .headers = headers};
  }
};

std::string replace_escape(std::string_view text, std::string_view by) {
  std::string result;
  for (const char& c : text) result.append(c == kEscape ? by : std::string_view(&c, 1));
  return result;
}

// Takes the lines of the request from the front of `text`.
Asked take_request(std::string_view& text, std::uint8_t choice) {
  constexpr std::size_t kMostLines = 90;  // a server takes no more subprotocols than 100
  Asked asked;
  std::array<std::byte, codec::kNonceSize> nonce{};
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::byte>(choice * (i + 1));
  const auto key = codec::encode_key(nonce);
  asked.key.assign(key.begin(), key.end());
  check(asked.key == base64_by_the_book({reinterpret_cast<const unsigned char*>(nonce.data()), nonce.size()}),
        "the key is Base64");
  for (std::size_t lines = 0; !text.empty() && lines < kMostLines; ++lines) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string line = replace_escape(text.substr(0, end), "\n");
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) break;
    const std::string rest = line.substr(1);
    if (line[0] == 'p') asked.subprotocols.push_back(rest);
    if (line[0] == 'e') asked.extensions = rest;
    if (line[0] != 'h') continue;
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    asked.headers.emplace_back(rest.substr(0, colon), rest.substr(std::min(colon + 1, rest.size())));
  }
  return asked;
}

// What is sent says what was meant, to the reference and to a server; both take it.
void check_written(const codec::UpgradeRequest& request) {
  std::string text;
  codec::append_upgrade_request(text, request);
  const codec::HeadLimits limits{.max_head_size = codec::kMaxHeadSize, .max_headers = codec::kMaxHeaders};
  const auto reference = read_head_by_the_book(text, limits);
  check(reference && reference->size == text.size(), "a request is one whole head");
  check(reference->method == "GET" && reference->target == request.resource, "the request line");
  check(reference->fields == request_fields_by_the_book(request), "the fields are the reference's");
  std::array<codec::HeaderField, 200> storage;
  const auto head = codec::parse_request_head(text, storage, limits);
  check(head.has_value(), "a server takes the head");
  const auto key = codec::judge_upgrade(*head);
  check(key && *key == request.key, "a server takes the request, and finds the key");
  for (const std::string& name : request.subprotocols)
    check(codec::offers_subprotocol(*head, name), "a server finds each subprotocol");
}

using ScanResult = std::expected<std::optional<std::size_t>, codec::HttpError>;

ScanResult scan_in_pieces(std::string_view text, std::uint8_t choice, const codec::HeadLimits& limits) {
  codec::HeadScanner scanner;
  ScanResult result = std::nullopt;
  std::uint32_t state = choice;
  for (std::size_t end = 0; end < text.size();) {
    state = state * 1664525 + 1013904223;  // a linear congruential generator: the same pieces in every run
    end = std::min(end + (choice == 0 ? 1 : (state >> 24) % (choice % 64 + 2u)), text.size());
    const ExactMemory so_far(text.substr(0, end));
    result = scanner.scan(so_far.bytes(), limits);
    if (!result || *result) break;
  }
  return result;
}

void check_read(const ExactMemory& memory, const codec::ResponseHead& head, const ReferenceResponse& expected) {
  check(head.status == expected.status && head.reason == expected.reason, "the status line is the reference's");
  check((head.version_minor == 0) == expected.old, "the version is the reference's");
  check(memory.holds(head.reason), "the reason is inside the input");
  check(std::ranges::equal(head.fields, expected.fields,
                           [](const codec::HeaderField& field, const auto& other) {
                             return field.name == other.first && field.value == other.second;
                           }),
        "the fields are the reference's");
  for (const codec::HeaderField& field : head.fields)
    check(memory.holds(field.name) && memory.holds(field.value), "a field's views are inside the input");
}

void check_named(codec::ResponseError error) {
  check(!codec::to_string(error).empty(), "each error has its words");
}

void judge(const ExactMemory& memory, std::span<codec::HeaderField> storage, const codec::UpgradeRequest& request) {
  const auto head = codec::parse_response_head(memory.text(), storage);
  const ReferenceResponse expected = read_response_by_the_book(memory.text(), storage.size());
  check(head.has_value() == !expected.error, "a head is read where the reference reads it");
  if (!head) {
    check(head.error() == *expected.error, "the head's fault is the reference's");
    check_named(head.error());
    return;
  }
  check_read(memory, *head, expected);
  const auto verdict = codec::judge_response(*head, request);
  const ReferenceVerdict by_the_book = judge_response_by_the_book(expected, request);
  check(verdict.has_value() == by_the_book.faults.empty(), "an answer is accepted where the reference says so");
  if (verdict) {
    check(*verdict == by_the_book.subprotocol, "the subprotocol is the reference's");
    check(verdict->empty() || memory.holds(*verdict), "the subprotocol is inside the input");
  } else {
    check(by_the_book.faults.contains(verdict.error()), "the answer's fault is one that the reference finds");
    check_named(verdict.error());
  }
}

codec::HeadLimits limits_for(std::uint8_t choice) {
  constexpr std::array<std::size_t, 4> kSizes{16 * 1024, 64, 150, 1000};
  constexpr std::array<std::size_t, 4> kFields{100, 3, 4, 8};
  return {.max_head_size = kSizes[choice & 3], .max_headers = kFields[choice >> 2 & 3]};
}

void answer(std::string_view text, std::span<const std::uint8_t, kControlBytes> control,
            const codec::UpgradeRequest& request) {
  using Answer = ReferenceSearch::Answer;
  const codec::HeadLimits limits = limits_for(control[0]);
  std::array<codec::HeaderField, 100> storage;
  const ExactMemory memory(text);
  const ScanResult scanned = codec::HeadScanner().scan(memory.bytes(), limits);
  check(scanned == scan_in_pieces(text, control[1], limits), "the pieces do not change what is found");
  const ReferenceSearch expected = find_response_by_the_book(text, limits.max_head_size);
  check(scanned.has_value() == (expected.answer != Answer::refused), "a text is refused where the reference says so");
  if (!scanned) {
    check_named(codec::response_error(scanned.error()));
  } else {
    check(scanned->has_value() == (expected.answer == Answer::whole), "a head is whole where the reference says so");
    check(!*scanned || **scanned == expected.size, "a head ends where the reference says so");
  }
  if (!scanned || !*scanned) {
    (void)codec::parse_response_head(memory.text(), storage);  // any bytes are safe to give
    return;
  }
  std::string head(text.substr(0, **scanned));
  const auto fields = std::span(storage).first(limits.max_headers);
  judge(ExactMemory(head), fields, request);
  const std::string expected_unfolded = unfold_by_the_book(head);
  codec::unfold_fields(head);
  check(head == expected_unfolded, "what is folded is one line, as the reference makes it");
  judge(ExactMemory(head), fields, request);
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  if (size < kControlBytes) return 0;
  const std::span<const std::uint8_t, kControlBytes> control(data, kControlBytes);
  std::string_view text(reinterpret_cast<const char*>(data) + kControlBytes, size - kControlBytes);
  const Asked asked = take_request(text, control[0]);
  const codec::UpgradeRequest request = asked.request();
  const auto faults = request_faults_by_the_book(request);
  const auto fault = codec::judge_request(request);
  check(!fault == faults.empty(), "a request is sent where the reference finds no fault");
  if (fault) {
    check(faults.contains(*fault), "the fault is one that the reference finds");
    check(!codec::to_string(*fault).empty(), "each fault has its words");
    return 0;
  }
  check_written(request);
  answer(replace_escape(text, accept_by_the_book(asked.key)), control, request);
  return 0;
}

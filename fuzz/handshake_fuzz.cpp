// The opening handshake: any fields are judged as the slow reference judges them, and what is answered is a head again.
//
// Byte 0 chooses method, version and the scheme; then lines of a byte that names the field and its value. They need
// not come through the parser, which lets less through.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/handshake.h>
#include <brume/fuzz/support/exact_memory.h>
#include <brume/fuzz/support/reference_accept.h>
#include <brume/fuzz/support/reference_handshake.h>

namespace brume::fuzz {
namespace {

using codec::check;

constexpr std::array<std::string_view, 12> kNames{"Upgrade",
                                                  "Connection",
                                                  "Sec-WebSocket-Key",
                                                  "Sec-WebSocket-Version",
                                                  "Content-Length",
                                                  "Transfer-Encoding",
                                                  "Sec-WebSocket-Protocol",
                                                  "Sec-WebSocket-Extensions",
                                                  "Origin",
                                                  "sec-websocket-PROTOCOL",
                                                  "Host",
                                                  "X-Other"};

struct Head {
  std::list<ExactMemory> values;
  std::vector<codec::HeaderField> fields;
  codec::RequestHead head{};
};

// Lines that begin with '!' stand for a good field each, so that chance need not write them.
std::string_view good_value(std::size_t name) {
  constexpr std::array<std::string_view, 4> kGood{"websocket", "keep-alive, Upgrade", "dGhlIHNhbXBsZSBub25jZQ==", "13"};
  return name < kGood.size() ? kGood[name] : std::string_view("a.example");
}

void build(std::string_view text, std::uint8_t choice, Head& out) {
  constexpr std::array<std::string_view, 3> kMethods{"GET", "POST", "get"};
  out.head.method = kMethods[std::min<std::size_t>(choice >> 4 & 3, 2)];
  out.head.version_minor = (choice & 0x40) != 0 ? 0 : 1;
  out.head.path = "/";
  constexpr std::size_t kMostFields = 200;
  while (!text.empty() && out.fields.size() < kMostFields) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::size_t name = static_cast<unsigned char>(line[0]) % kNames.size();
    const std::string value = trimmed(line.substr(1) == "!" ? good_value(name) : line.substr(1));
    out.values.emplace_back(std::string_view(value));
    out.fields.push_back({kNames[name], out.values.back().text()});
    if (kNames[name] == "Host") out.head.authority = out.fields.back().value;
  }
  out.head.fields = out.fields;
}

// A subprotocol that is sent must have been offered, and the first of the server's that was is chosen.
std::string check_subprotocols(const codec::RequestHead& head) {
  constexpr std::array<std::string_view, 4> kSupported{"v2.chat", "v1", "a", "A"};
  std::vector<std::string> offered;
  for (const std::string& value : values_of(head, "Sec-WebSocket-Protocol"))
    for (const std::string& name : list_elements(value)) offered.push_back(name);
  const auto has = [&](std::string_view name) { return std::ranges::find(offered, name) != offered.end(); };
  const auto expected = std::ranges::find_if(kSupported, has);
  const auto chosen = codec::choose_subprotocol(head, kSupported);
  check(chosen.has_value() == (expected != kSupported.end()), "a subprotocol is chosen where one is common");
  check(!chosen || *chosen == *expected, "the server's first that was offered is chosen");
  for (std::string_view name : kSupported)
    check(codec::offers_subprotocol(head, name) == has(name), "what is offered is found");
  return std::string(chosen.value_or(""));
}

// The 101 is a head that a client reads as it was meant.
void check_answer(std::string_view accept, std::string_view subprotocol, std::span<const codec::HeaderField> extra) {
  std::string text;
  codec::append_switching_protocols(text, accept, subprotocol, extra);
  std::string_view rest = text;
  check(*cut_line(rest) == "HTTP/1.1 101 Switching Protocols", "the status line");
  std::vector<std::pair<std::string, std::string>> fields;
  for (;;) {
    const auto line = cut_line(rest);
    check(line.has_value(), "each line ends");
    if (line->empty()) break;
    const auto field = read_field_by_the_book(*line);
    check(field.has_value(), "each line is a field");
    fields.push_back(*field);
  }
  check(rest.empty(), "nothing stands behind the blank line");
  const std::size_t own = subprotocol.empty() ? 3 : 4;
  check(fields.size() == own + extra.size(), "no field more and none less");
  check(fields[2] == std::pair<std::string, std::string>("Sec-WebSocket-Accept", accept), "the accept value");
  check(own == 3 || fields[3].second == subprotocol, "the subprotocol");
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume;
  using namespace brume::fuzz;
  if (size < 1) return 0;
  Head built;
  build({reinterpret_cast<const char*>(data) + 1, size - 1}, data[0], built);
  const codec::RequestHead& head = built.head;

  for (const std::string_view scheme : {"", "http", "https"})
    check(codec::same_origin(head, scheme) == same_origin_by_the_book(head, scheme), "the origin is the reference's");
  check(codec::wants_websocket(head) == (head.method == "GET" && lists_token(head, "Upgrade", "websocket")),
        "who wants a WebSocket");
  const auto key = codec::judge_upgrade(head);
  check(key.has_value() == may_upgrade_by_the_book(head), "an upgrade is allowed where the reference says so");
  std::vector<codec::HeaderField> sendable;
  for (const codec::HeaderField& field : head.fields) {
    const bool valid = codec::is_valid_field(field.name, field.value);
    check(valid == !has_control_character(field.value), "what may be sent has no control characters");
    check(codec::is_valid_field(field.value, "x") == is_token_by_the_book(field.value), "a name is a token");
    if (valid) sendable.push_back(field);
  }
  if (!key) {
    check(codec::info(key.error()).error == key.error(), "each rule has its row");
    return 0;
  }
  const auto accept = codec::accept_key(*key);
  const std::string_view accepted(accept.data(), accept.size());
  check(accepted == accept_by_the_book(*key), "the accept value is the book's");
  check_answer(accepted, check_subprotocols(head), sendable);
  return 0;
}

// permessage-deflate: hostile payloads as plain zlib reads them, our own compressor on any message, and any offers and
// answers of the extension as the slow reference reads them.
//
// Byte 0 chooses what the rest is (bits 0 and 1: a payload, two of them, a message to compress, lines of the
// extension's field), the window (bits 2 to 4) and the level, the room or the peers' wishes (bits 5 to 7).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/deflater.h>
#include <brume/codec/inflater.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/fuzz/support/reference_deflate_offer.h>
#include <brume/fuzz/support/reference_inflate.h>

namespace brume::fuzz {
namespace {

using codec::check;
using codec::Inflated;
using State = Inflated::State;

struct Choice {
  unsigned what;
  std::uint8_t window_bits;
  unsigned number;  // 0 to 7
};

Choice choice_of(std::uint8_t byte) {
  return {byte & 3u, static_cast<std::uint8_t>(9 + (byte >> 2 & 7) % 7), static_cast<unsigned>(byte >> 5)};
}

struct Result {
  State state;
  std::vector<std::byte> bytes;
};

// Memory of exactly the size that may be touched, so that the sanitizer sees a step beyond it.
Result inflate_whole(std::span<const std::byte> payload, std::size_t room) {
  std::vector<std::byte> in(payload.size() + codec::WholeInflater::kRoomBehind);
  std::ranges::copy(payload, in.begin());
  std::vector<std::byte> out(room);
  codec::WholeInflater inflater;
  const Inflated inflated = inflater.inflate(in, out);
  check(inflated.size <= room, "no more is written than there is room for");
  out.resize(inflated.size);
  return {inflated.state, std::move(out)};
}

Result inflate_in_steps(codec::StreamInflater& inflater, std::span<const std::byte> payload, std::size_t room,
                        std::size_t step) {
  std::vector<std::byte> out;
  inflater.begin(payload);
  const Inflated without_room = inflater.inflate({});
  check(without_room.size == 0, "nothing is written where there is no room");
  if (without_room.state != State::full) return {without_room.state, {}};
  while (true) {
    std::vector<std::byte> piece(std::min(step, room - out.size()));
    const Inflated inflated = inflater.inflate(piece);
    check(inflated.size <= piece.size(), "no more is written than there is room for");
    out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(inflated.size));
    if (inflated.state != State::full || out.size() == room) return {inflated.state, std::move(out)};
    check(inflated.size == piece.size(), "room is used up before more is asked for");
  }
}

State state_of(const ReferenceInflater::Result& result, std::size_t room) {
  if (result.bytes.size() > room) return State::full;
  return result.done ? State::done : State::bad;
}

// What is bad is not looked at.
void check_same(const Result& seen, const ReferenceInflater::Result& expected, std::size_t room) {
  // Where the room is used up what comes behind it may not be looked at.
  const bool may_be_full = !expected.done && expected.bytes.size() == room && seen.state == State::full;
  check(may_be_full || seen.state == state_of(expected, room), "a payload is what zlib says it is");
  const std::size_t size = std::min(expected.bytes.size(), room);
  check(seen.state == State::bad || std::ranges::equal(seen.bytes, std::span(expected.bytes).first(size)),
        "a message is what zlib makes of it");
}

void check_whole(const Result& whole, const ReferenceInflater::Result& expected, std::size_t room) {
  switch (state_of(expected, room)) {
    case State::done:
      check(whole.state == State::done && whole.bytes == expected.bytes, "both ways say the same");
      break;
    case State::full:
      check(whole.state != State::done, "what has no room at zlib has none at libdeflate");
      break;
    case State::bad:  // inflater.h says what libdeflate is not strict about
      check(whole.state != State::done || expected.cut_off || expected.lax, "both ways refuse the same");
      break;
  }
}

void read_payload(const Choice& choice, std::span<const std::byte> payload) {
  const std::size_t room = std::size_t{1} << 2 * choice.number;  // 1 to 16,384 bytes
  const auto expected = ReferenceInflater().take(payload, room);
  check_whole(inflate_whole(payload, room), expected, room);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, room}) {
    codec::StreamInflater inflater(codec::kMaxWindowBits);
    check_same(inflate_in_steps(inflater, payload, room, step), expected, room);
  }
  // A context may be of any size, the smallest too, and may have been used.
  const auto window_bits = static_cast<std::uint8_t>(choice.window_bits - 1);
  codec::StreamInflater used(window_bits);
  for (int i = 0; i < 3; ++i) {
    if (inflate_in_steps(used, payload, room, room).state != State::done) break;
  }
  check(used.held_bytes() <= codec::StreamInflater::most_bytes(window_bits), "a context has its size");
}

// The first byte is the first payload's size; the second may refer to what the first was, unless that is forgotten.
void read_two_payloads(const Choice& choice, std::span<const std::byte> rest) {
  if (rest.empty()) return;
  const std::size_t most = std::size_t{1} << 14;
  const std::size_t size = std::min(std::to_integer<std::size_t>(rest[0]), rest.size() - 1);
  codec::StreamInflater inflater(codec::kMaxWindowBits);
  ReferenceInflater reference;
  for (const auto payload : {rest.subspan(1, size), rest.subspan(1 + size)}) {
    const auto expected = reference.take(payload, most);
    const std::size_t step = std::size_t{1} << 2 * choice.number;
    check_same(inflate_in_steps(inflater, payload, most, step), expected, most);
    if (state_of(expected, most) != State::done) return;
    if ((choice.number & 1) == 0) continue;
    inflater.forget();
    reference.forget();
  }
}

// Written with any window, a message is read with the same window by us, and by zlib.
void expect_back(codec::StreamInflater& inflater, ReferenceInflater& reference, std::span<const std::byte> payload,
                 std::span<const std::byte> message) {
  const Result back = inflate_in_steps(inflater, payload, message.size(), 64);
  check(back.state == State::done && std::ranges::equal(back.bytes, message), "what is compressed comes back");
  const auto expected = reference.take(payload, message.size());
  check(expected.done && std::ranges::equal(expected.bytes, message), "zlib reads what is compressed");
}

void write_message(const Choice& choice, std::span<const std::byte> message) {
  if (message.empty()) return;
  const auto level = static_cast<std::uint8_t>(1 + choice.number);
  std::vector<std::byte> out(codec::Deflater::bound(message.size()));
  codec::Deflater deflater(choice.window_bits, level);
  for (const std::size_t room : {std::size_t{0}, message.size() / 2})  // it may fit, and says nothing to the next call
    (void)deflater.deflate_alone(message, std::span(out).first(room));
  for (const unsigned other : {0u, 3u, 3u}) {
    deflater.set_level(static_cast<std::uint8_t>(1 + (choice.number + other) % 9));
    const auto size = deflater.deflate_alone(message, out);
    check(size.has_value(), "the bound holds");
    const std::vector<std::byte> alone(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
    const Result whole = inflate_whole(alone, message.size());
    check(whole.state == State::done && std::ranges::equal(whole.bytes, message), "what is compressed comes back");
    codec::StreamInflater inflater(choice.window_bits);
    ReferenceInflater reference;
    expect_back(inflater, reference, alone, message);
  }

  // The same in pieces, each a message that may refer to those before it.
  deflater.forget();
  codec::StreamInflater next(choice.window_bits);
  ReferenceInflater reference;
  const std::size_t step = 1 + message.size() / 3;
  for (std::size_t at = 0; at < message.size(); at += step) {
    const auto piece = message.subspan(at, std::min(step, message.size() - at));
    const std::size_t written = deflater.deflate_next(piece, out);
    expect_back(next, reference, std::span(out).first(written), piece);
  }
  check(deflater.held_bytes() <= codec::Deflater::most_bytes(choice.window_bits), "a compressor has its size");
  const unsigned fitting = codec::Deflater::window_for(message.size(), choice.window_bits);
  check(fitting == choice.window_bits || message.size() <= std::size_t{1} << fitting, "a window holds the message");
  check(fitting == 9 || message.size() > std::size_t{1} << (fitting - 1), "no smaller window would");
}

codec::DeflateSettings wishes_of(const Choice& choice) {
  return {.server_no_context_takeover = (choice.number & 1) != 0,
          .client_no_context_takeover = (choice.number & 2) != 0,
          .server_max_window_bits = choice.window_bits,
          .client_max_window_bits = choice.window_bits};
}

// A field for each line.
struct Lines {
  explicit Lines(std::string_view text) : values(split(text, '\n')) {
    for (const std::string& value : values) fields.push_back({"Sec-WebSocket-Extensions", value});
    head.fields = fields;
  }
  std::vector<std::string> values;
  std::vector<codec::HeaderField> fields;
  codec::RequestHead head{};
};

bool same(const codec::DeflateAgreement& a, const codec::DeflateAgreement& b) {
  return a.settings == b.settings && a.names_server_window == b.names_server_window &&
         a.names_client_window == b.names_client_window;
}

// Requires: the lines are lists of extensions, as judge_upgrade() has seen to.
void judge_offers(const Choice& choice, const Lines& lines) {
  for (const std::string& value : lines.values)
    for (const std::string& element : split(value, ','))
      if (!is_extension_by_the_book(element)) return;
  const codec::DeflateSettings limits = wishes_of(choice);
  const auto agreed = codec::choose_deflate(lines.head, limits);
  const auto expected = choose_by_the_book(lines.values, limits);
  check(agreed.has_value() == expected.has_value(), "an offer is accepted where the reference accepts one");
  if (!agreed) return;
  check(same(*agreed, *expected), "what is agreed is the reference's");
  check(agreed->settings.server_max_window_bits >= codec::kMinOwnWindowBits, "the window is one that zlib has");
  std::string answer;
  codec::append_deflate_answer(answer, *agreed);
  const Lines answered(answer);
  const codec::DeflateOffer any;
  const auto judged = codec::judge_deflate_answer(answered.fields, &any);
  check(judged && *judged && **judged == agreed->settings, "a client reads what the server meant");
}

void judge_answers(const codec::DeflateOffer* offer, const Lines& lines) {
  const auto judged = codec::judge_deflate_answer(lines.fields, offer);
  const auto expected = judge_answer_by_the_book(lines.values, offer);
  check(judged.has_value() == expected.faults.empty(), "an answer is taken where the reference finds no fault");
  if (judged) {
    check(*judged == expected.agreed, "what an answer says is the reference's");
  } else {
    check(expected.faults.contains(judged.error()), "the fault is one that the reference finds");
    check(codec::to_string(judged.error()) != "unknown", "each fault has its name");
  }
}

// What our client offers our server accepts, and our client takes what it answers.
void agree(const codec::DeflateOffer& offer, const codec::DeflateSettings& limits) {
  std::string text;
  codec::append_deflate_offer(text, offer);
  const Lines offered(text);
  const auto agreed = codec::choose_deflate(offered.head, limits);
  const auto expected = choose_by_the_book(offered.values, limits);
  check(agreed && expected && same(*agreed, *expected), "our server accepts our client's offer");
  text.clear();
  codec::append_deflate_answer(text, *agreed);
  const auto judged = codec::judge_deflate_answer(Lines(text).fields, &offer);
  check(judged && *judged, "our client takes our server's answer");
  codec::DeflateSettings settings = agreed->settings;
  // A client that offers no limit may still keep to one.
  if (!agreed->names_client_window) settings.client_max_window_bits = offer.settings.client_max_window_bits;
  check(**judged == settings, "both know the same");
}

void negotiate(const Choice& choice, std::string_view text) {
  const Lines lines(text);
  judge_offers(choice, lines);
  const codec::DeflateOffer offer{.settings = wishes_of(choice), .window_may_be_limited = (choice.number & 4) == 0};
  judge_answers(&offer, lines);
  judge_answers(nullptr, lines);
  // The other side's wishes from the text, so that all pairs come up.
  const std::uint8_t other = text.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(text.front());
  agree(offer, wishes_of(choice_of(other)));
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume::fuzz;
  if (size == 0) return 0;
  const Choice choice = choice_of(data[0]);
  const std::span rest(data + 1, size - 1);
  const std::span bytes = std::as_bytes(rest);
  switch (choice.what) {
    case 0:
      read_payload(choice, bytes);
      break;
    case 1:
      read_two_payloads(choice, bytes);
      break;
    case 2:
      write_message(choice, bytes);
      break;
    default:
      negotiate(choice, {reinterpret_cast<const char*>(rest.data()), rest.size()});
      break;
  }
  return 0;
}

// permessage-deflate: hostile payloads, our own compressor on any message, and any offer of the extension.
//
// Byte 0 chooses what the rest is (bits 0 and 1), the window (bits 2 to 4) and the level or the room (bits 5 to 7).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/check.h>
#include <brume/codec/deflater.h>
#include <brume/codec/inflater.h>
#include <brume/codec/permessage_deflate.h>

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
  while (true) {
    std::vector<std::byte> piece(std::min(step, room - out.size()));
    const Inflated inflated = inflater.inflate(piece);
    check(inflated.size <= piece.size(), "no more is written than there is room for");
    out.insert(out.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(inflated.size));
    if (inflated.state != State::full || out.size() == room) return {inflated.state, std::move(out)};
    check(inflated.size == piece.size(), "room is used up before more is asked for");
  }
}

void read_payload(const Choice& choice, std::span<const std::byte> payload) {
  const std::size_t room = std::size_t{1} << 2 * choice.number;  // 1 to 16,384 bytes
  const Result whole = inflate_whole(payload, room);
  std::vector<std::byte> last;
  State last_state{};
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, room}) {
    codec::StreamInflater inflater(15);
    const Result stepped = inflate_in_steps(inflater, payload, room, step);
    if (step != 1) {
      const bool same = stepped.state == State::bad || stepped.bytes == last;  // what is bad is not looked at
      check(stepped.state == last_state && same, "steps make no difference");
    }
    last_state = stepped.state;
    last = stepped.bytes;
    // What is whole to the stream is whole at once; inflater.h says where it may be the other way around.
    if (stepped.state == State::done) {
      check(whole.state == State::done && whole.bytes == stepped.bytes, "both ways say the same");
    } else if (whole.state == State::done) {
      check(stepped.state == State::bad, "only a payload that is cut off is judged otherwise");
    }
  }
  // A context may be of any size, and may have been used.
  codec::StreamInflater used(choice.window_bits);
  for (int i = 0; i < 3; ++i) {
    if (inflate_in_steps(used, payload, room, room).state != State::done) break;
  }
  check(used.held_bytes() <= codec::StreamInflater::most_bytes(choice.window_bits), "a context has its size");
}

void expect_back(codec::StreamInflater& inflater, std::span<const std::byte> payload,
                 std::span<const std::byte> message, std::size_t step) {
  const Result back = inflate_in_steps(inflater, payload, message.size(), step);
  check(back.state == State::done && std::ranges::equal(back.bytes, message), "what is compressed comes back");
}

void write_message(const Choice& choice, std::span<const std::byte> message) {
  if (message.empty()) return;
  const auto level = static_cast<std::uint8_t>(1 + choice.number);
  std::vector<std::byte> out(codec::Deflater::bound(message.size()));
  codec::Deflater deflater(choice.window_bits, level);
  const auto size = deflater.deflate_alone(message, out);
  check(size.has_value(), "the bound holds");
  const std::vector<std::byte> alone(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
  const Result whole = inflate_whole(alone, message.size());
  check(whole.state == State::done && std::ranges::equal(whole.bytes, message), "what is compressed comes back");
  codec::StreamInflater inflater(choice.window_bits);
  expect_back(inflater, alone, message, 64);

  // The same in pieces, each a message that may refer to those before it.
  deflater.forget();
  codec::StreamInflater next(choice.window_bits);
  const std::size_t step = 1 + message.size() / 3;
  for (std::size_t at = 0; at < message.size(); at += step) {
    const auto piece = message.subspan(at, std::min(step, message.size() - at));
    const std::size_t written = deflater.deflate_next(piece, out);
    expect_back(next, std::span(out).first(written), piece, 64);
  }
  check(deflater.held_bytes() <= codec::Deflater::most_bytes(choice.window_bits), "a compressor has its size");
}

void judge_offer(const Choice& choice, std::string_view text) {
  const codec::HeaderField field{"Sec-WebSocket-Extensions", text};
  codec::RequestHead head{};
  head.fields = std::span(&field, 1);
  const codec::DeflateSettings limits{.server_no_context_takeover = (choice.number & 1) != 0,
                                      .client_no_context_takeover = (choice.number & 2) != 0,
                                      .server_max_window_bits = choice.window_bits,
                                      .client_max_window_bits = choice.window_bits};
  const auto agreed = codec::choose_deflate(head, limits);
  const codec::DeflateOffer any;
  (void)codec::judge_deflate_answer(std::span(&field, 1), &any);
  if (!agreed) return;
  const codec::DeflateSettings& settings = agreed->settings;
  check(settings.server_max_window_bits >= codec::kMinOwnWindowBits, "the window is one that zlib has");
  check(settings.server_max_window_bits <= choice.window_bits, "the window is within the server's limit");
  check(!agreed->names_client_window || text.find("client_max_window_bits") != std::string_view::npos,
        "a client's window is limited only where it offered that");
  std::string answer;
  codec::append_deflate_answer(answer, *agreed);
  const codec::HeaderField answered{"Sec-WebSocket-Extensions", answer};
  const auto judged = codec::judge_deflate_answer(std::span(&answered, 1), &any);
  check(judged && *judged && **judged == settings, "a client reads what the server meant");
}

}  // namespace
}  // namespace brume::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace brume::fuzz;
  if (size == 0) return 0;
  const Choice choice = choice_of(data[0]);
  const std::span rest(data + 1, size - 1);
  switch (choice.what) {
    case 0:
    case 1:
      read_payload(choice, std::as_bytes(rest));
      break;
    case 2:
      write_message(choice, std::as_bytes(rest));
      break;
    default:
      judge_offer(choice, {reinterpret_cast<const char*>(rest.data()), rest.size()});
      break;
  }
  return 0;
}

// random_frames.h: random frame streams, valid by construction or broken somewhere, from one seed.
//
// A value of one test.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include <brume/codec/decoder.h>
#include <brume/tests/support/frames.h>

namespace brume::test {

class RandomFrames {
 public:
  RandomFrames(std::uint64_t seed, codec::Receiver receiver) : random_(seed), receiver_(receiver) {}

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

  codec::MaskKey key() {
    codec::MaskKey key{};
    for (std::byte& byte : key) byte = static_cast<std::byte>(below(256));
    return key;
  }

  // Options of a valid frame towards the receiver.
  FrameOptions options(bool fin) {
    FrameOptions options{.fin = fin};
    if (receiver_ == codec::Receiver::client) options.key = std::nullopt;
    if (options.key) options.key = key();
    return options;
  }

  std::string any_bytes(std::size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes.push_back(static_cast<char>(below(256)));
    return bytes;
  }

  // Whole code points of one to four bytes, with those on either side of each gap in the grammar.
  std::string utf8(std::size_t code_points) {
    static const std::vector<std::string> kCodePoints{
        "a",
        std::string(1, '\0'),
        "\x7F",
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xE4\xBD\xA0",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBE",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF0\x9F\x98\x80",
        "\xF4\x8F\xBF\xBF",
    };
    std::string text;
    for (std::size_t i = 0; i < code_points; ++i) text += kCodePoints[below(kCodePoints.size())];
    return text;
  }

  std::size_t some_size() {
    static const std::vector<std::size_t> kEdges{0, 0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 20, 63, 64, 124, 125, 126, 127};
    return below(8) == 0 ? below(400) : kEdges[below(kEdges.size())];
  }

  Bytes control_frame() {
    const std::string payload = any_bytes(below(4) == 0 ? below(126) : below(8));
    return below(2) == 0 ? ping(payload, options(true)) : pong(payload, options(true));
  }

  // A message in one or more frames (cut inside code points too), with control frames between them.
  Bytes message() {
    const bool is_text = below(2) == 0;
    const std::string payload = is_text ? utf8(some_size() / 2) : any_bytes(some_size());
    const std::size_t frames = below(2) == 0 ? 1 : 1 + below(5);
    std::vector<std::size_t> ends;
    for (std::size_t i = 1; i < frames; ++i) ends.push_back(below(payload.size() + 1));
    ends.push_back(payload.size());
    std::ranges::sort(ends);
    Bytes stream;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < frames; ++i) {
      const auto opcode = i > 0 ? codec::Opcode::continuation : is_text ? codec::Opcode::text : codec::Opcode::binary;
      const std::string piece = payload.substr(begin, ends[i] - begin);
      append(stream, frame(opcode, piece, options(i + 1 == frames)));
      begin = ends[i];
      if (i + 1 < frames && below(3) == 0) append(stream, control_frame());
    }
    return stream;
  }

  // Up to `max_messages` messages, control frames between them, and a Close at the end of some.
  Bytes valid_stream(std::size_t max_messages) {
    Bytes stream;
    for (std::size_t i = 1 + below(max_messages); i > 0; --i) {
      append(stream, message());
      if (below(4) == 0) append(stream, control_frame());
    }
    if (below(4) == 0) {
      const std::string reason = utf8(below(10));
      append(stream, close(1000, reason, options(true)));
    }
    return stream;
  }

  // Changes, takes out or puts in a few bytes, or a length that few frames have, or cuts the end off.
  void break_somewhere(Bytes& stream) {
    for (std::size_t i = 1 + below(3); i > 0 && !stream.empty(); --i) {
      const std::size_t position = below(stream.size());
      const auto at = stream.begin() + static_cast<std::ptrdiff_t>(position);
      switch (below(6)) {
        case 0:
          *at = static_cast<std::byte>(below(256));
          break;
        case 1:
          *at ^= std::byte{1} << static_cast<int>(below(8));
          break;
        case 2:
          stream.erase(at);
          break;
        case 3:
          stream.insert(at, static_cast<std::byte>(below(256)));
          break;
        case 4: {
          static const std::vector<std::uint64_t> kLengths{
              0, 125, 126, 65535, 65536, ~std::uint64_t{0} >> 1, std::uint64_t{1} << 63};
          FrameOptions wrong = options(below(2) == 0);
          wrong.length_form = below(2) == 0 ? LengthForm::bits16 : LengthForm::bits64;
          wrong.declared_size = kLengths[below(kLengths.size())];
          const Bytes header = frame(static_cast<unsigned>(below(3)), {}, wrong);
          stream.insert(at, header.begin(), header.end());
          break;
        }
        default:
          stream.resize(position);
      }
    }
  }

  // `count` positions in ascending order, some of them alike.
  std::vector<std::size_t> cuts(std::size_t stream_size, std::size_t count) {
    std::vector<std::size_t> cuts;
    for (std::size_t i = 0; i < count; ++i) cuts.push_back(below(stream_size + 1));
    std::ranges::sort(cuts);
    return cuts;
  }

 private:
  static void append(Bytes& stream, const Bytes& more) { stream.insert(stream.end(), more.begin(), more.end()); }

  std::mt19937_64 random_;
  codec::Receiver receiver_;
};

}  // namespace brume::test

#include <algorithm>

#include <brume/bench/wsblast/frame_reader.h>

namespace wsblast {
namespace {

constexpr std::byte kFin{0x80};
constexpr std::byte kCompressed{0x40};
constexpr std::byte kOpcode{0x0f};
constexpr std::byte kControl{0x08};
constexpr std::byte kClose{0x08};

std::uint64_t big_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

}  // namespace

std::uint32_t FrameReader::read(std::span<const std::byte> input) {
  std::uint32_t messages = 0;
  while (!input.empty()) {
    if (!in_payload_) {
      input = input.subspan(read_header(input));
      if (in_payload_ && remaining_ == 0) messages += end_frame();
      continue;
    }
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size()));
    if (verifier_ && (header_[0] & kControl) != kControl) verifier_->take(header_[0], input.first(take));
    remaining_ -= take;
    input = input.subspan(take);
    if (remaining_ == 0) messages += end_frame();
  }
  return messages;
}

// Returns the bytes it used. The usual case is a short header that came whole.
std::size_t FrameReader::read_header(std::span<const std::byte> input) {
  std::size_t used = 0;
  if (header_size_ == 0 && input.size() >= 2 && std::to_integer<unsigned>(input[1]) < 126) {
    header_[0] = input[0];
    remaining_ = std::to_integer<std::uint64_t>(input[1]);
    in_payload_ = true;
    return 2;
  }
  while (used < input.size()) {
    header_[header_size_++] = input[used++];
    if (header_size_ < 2) continue;
    const auto code = std::to_integer<unsigned>(header_[1]) & 127;
    const std::size_t length_bytes = code == 126 ? 2 : code == 127 ? 8 : 0;
    if (header_size_ < 2 + length_bytes) continue;
    remaining_ = length_bytes == 0 ? code : big_endian(std::span(header_).subspan(2, length_bytes));
    in_payload_ = true;
    break;
  }
  return used;
}

std::uint32_t FrameReader::end_frame() {
  in_payload_ = false;
  header_size_ = 0;
  if ((header_[0] & kControl) == kControl) {
    close_seen_ |= (header_[0] & kOpcode) == kClose;
    return 0;
  }
  if ((header_[0] & kFin) != kFin) return 0;
  ++messages_;
  if ((header_[0] & kCompressed) == kCompressed) ++compressed_;
  if (verifier_) verifier_->end_message(header_[0]);
  return 1;
}

}  // namespace wsblast

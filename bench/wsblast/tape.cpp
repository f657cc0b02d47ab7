#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <sys/random.h>

#include <brume/bench/wsblast/tape.h>

namespace wsblast {
namespace {

constexpr std::size_t kTapeBytes = 256 * 1024;  // stays in the second-level cache beside the receive buffers
constexpr std::size_t kMaxFrames = 8192;
constexpr std::uint64_t kSeed = 20;  // payloads are the same in every run; keys are not

std::vector<std::byte> random_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t filled = 0; filled < size;) {
    const ssize_t got = getrandom(bytes.data() + filled, size - filled, 0);
    if (got < 0) throw std::runtime_error("getrandom failed");
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

Tape::Tape(const std::vector<std::size_t>& sizes, bool text, bool masked, std::size_t longest_run)
    : first_byte_(text ? std::byte{0x81} : std::byte{0x82}) {
  choose_frame_count(sizes, longest_run);
  std::mt19937_64 random(kSeed);
  draw_payloads(sizes, text, random);
  const std::vector<std::byte> keys = random_bytes(frame_count_ * 4);
  for (std::size_t i = 0; i < frame_count_ + longest_run; ++i) {
    const std::size_t index = i % frame_count_;
    wire_offsets_.push_back(wire_.size());
    append_frame(payload(index), std::span(keys).subspan(index * 4).first<4>(), masked);
  }
  wire_offsets_.push_back(wire_.size());
}

void Tape::choose_frame_count(const std::vector<std::size_t>& sizes, std::size_t longest_run) {
  const std::size_t mean_size = std::reduce(sizes.begin(), sizes.end()) / sizes.size() + 14;
  frame_count_ = std::clamp(kTapeBytes / mean_size, std::max<std::size_t>(longest_run, 2), kMaxFrames + longest_run);
}

void Tape::draw_payloads(const std::vector<std::size_t>& sizes, bool text, std::mt19937_64& random) {
  payload_offsets_.push_back(0);
  for (std::size_t i = 0; i < frame_count_; ++i) {
    payloads_.resize(payloads_.size() + sizes[random() % sizes.size()]);
    payload_offsets_.push_back(payloads_.size());
  }
  for (std::byte& byte : payloads_) byte = static_cast<std::byte>(text ? 'a' + random() % 26 : random() & 0xff);
}

void Tape::append_frame(std::span<const std::byte> payload, std::span<const std::byte, 4> key, bool masked) {
  const std::size_t size = payload.size();
  const std::size_t length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const std::size_t length_code = length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127;
  wire_.push_back(first_byte_);
  wire_.push_back(static_cast<std::byte>((masked ? 0x80 : 0) | length_code));
  for (std::size_t i = length_bytes; i-- > 0;) wire_.push_back(static_cast<std::byte>(size >> (8 * i)));
  if (masked) wire_.insert(wire_.end(), key.begin(), key.end());
  for (std::size_t i = 0; i < size; ++i) wire_.push_back(masked ? payload[i] ^ key[i % 4] : payload[i]);
}

}  // namespace wsblast

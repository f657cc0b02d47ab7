#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <string>
#include <sys/random.h>

#include <brume/bench/wsblast/deflate.h>
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

// Quotes as a market might send them: names repeat, numbers do not.
void fill_like_json(std::span<std::byte> out, std::mt19937_64& random) {
  std::string text = "[";
  while (text.size() < out.size()) {
    text += R"({"symbol":"ABC)" + std::to_string(random() % 100) + R"(","bid":)" +
            std::to_string(1000 + random() % 1000) + R"(.25,"ask":)" + std::to_string(1000 + random() % 1000) +
            R"(.75,"time":)" + std::to_string(1'790'000'000 + random() % 1'000'000) + "},";
  }
  std::ranges::copy(std::as_bytes(std::span(text)).first(out.size()), out.begin());
}

}  // namespace

Tape::Tape(const std::vector<std::size_t>& sizes, const Options& options, std::size_t longest_run)
    : opcode_byte_(options.text || options.deflate ? std::byte{0x81} : std::byte{0x82}), compressed_(options.deflate) {
  constexpr std::byte kCompressed{0x40};  // RSV1 (RFC 7692, section 6)
  choose_frame_count(sizes, longest_run);
  std::mt19937_64 random(kSeed);
  draw_payloads(sizes, options.text, random);
  const std::vector<std::byte> keys = random_bytes(frame_count_ * 4);
  for (std::size_t i = 0; i < frame_count_ + longest_run; ++i) {
    const std::size_t index = i % frame_count_;
    const auto key = std::span(keys).subspan(index * 4).first<4>();
    wire_offsets_.push_back(wire_.size());
    if (compressed_ && !payload(index).empty()) {
      append_frame(opcode_byte_ | kCompressed, deflated(payload(index)), key, !options.raw);
    } else {
      append_frame(opcode_byte_, payload(index), key, !options.raw);
    }
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
  if (compressed_) {
    for (std::size_t i = 0; i < frame_count_; ++i)
      fill_like_json(std::span(payloads_).subspan(payload_offsets_[i], payload(i).size()), random);
    return;
  }
  for (std::byte& byte : payloads_) byte = static_cast<std::byte>(text ? 'a' + random() % 26 : random() & 0xff);
}

void Tape::append_frame(std::byte first_byte, std::span<const std::byte> payload, std::span<const std::byte, 4> key,
                        bool masked) {
  const std::size_t size = payload.size();
  const std::size_t length_bytes = size < 126 ? 0 : size < 65536 ? 2 : 8;
  const std::size_t length_code = length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127;
  wire_.push_back(first_byte);
  wire_.push_back(static_cast<std::byte>((masked ? 0x80 : 0) | length_code));
  for (std::size_t i = length_bytes; i-- > 0;) wire_.push_back(static_cast<std::byte>(size >> (8 * i)));
  if (masked) wire_.insert(wire_.end(), key.begin(), key.end());
  for (std::size_t i = 0; i < size; ++i) wire_.push_back(masked ? payload[i] ^ key[i % 4] : payload[i]);
}

}  // namespace wsblast

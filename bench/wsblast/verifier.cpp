#include <cstring>

#include <brume/bench/wsblast/verifier.h>

namespace wsblast {
namespace {

constexpr std::byte kCompressed{0x40};  // RSV1

}  // namespace

void Verifier::take(std::byte first_byte, std::span<const std::byte> part) {
  if ((first_byte & kCompressed) == kCompressed) {
    compressed_.insert(compressed_.end(), part.begin(), part.end());
    return;
  }
  const std::span<const std::byte> expected = tape_.payload(expected_);
  const bool fits = compared_ + part.size() <= expected.size();
  differs_ |= !fits || std::memcmp(expected.data() + compared_, part.data(), part.size()) != 0;
  compared_ += part.size();
}

void Verifier::end_message(std::byte first_byte) {
  const std::span<const std::byte> expected = tape_.payload(expected_);
  const bool compressed = (first_byte & kCompressed) == kCompressed;
  differs_ |= (first_byte & ~kCompressed) != tape_.opcode_byte() || (compressed && !tape_.compressed());
  differs_ |= compressed ? !inflater_.gives(compressed_, expected) : compared_ != expected.size();
  ++verified_;
  if (differs_) ++mismatches_;
  expected_ = (expected_ + 1) % tape_.frame_count();
  compared_ = 0;
  differs_ = false;
  compressed_.clear();
}

}  // namespace wsblast

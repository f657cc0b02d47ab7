#include <algorithm>
#include <array>
#include <libdeflate.h>
#include <new>

#include <brume/codec/inflater.h>

namespace brume::codec {
namespace {

// What the sender took off (section 7.2.1): the length fields of an empty stored block, whose header ends the payload.
constexpr std::array<std::byte, 4> kTail{std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};
// The same, and an empty stored block with BFINAL set, which libdeflate needs to see.
constexpr std::array<std::byte, WholeInflater::kRoomBehind> kWholeTail{
    std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}, std::byte{1},
    std::byte{0}, std::byte{0}, std::byte{0xFF}, std::byte{0xFF}};

}  // namespace

WholeInflater::WholeInflater() : decompressor_(libdeflate_alloc_decompressor()) {
  if (!decompressor_) throw std::bad_alloc();
}

WholeInflater::~WholeInflater() {
  libdeflate_free_decompressor(decompressor_);
}

Inflated WholeInflater::inflate(std::span<std::byte> payload_and_room, std::span<std::byte> out) {
  using enum Inflated::State;
  const std::size_t whole = payload_and_room.size();
  const std::size_t payload = whole - kRoomBehind;
  if (payload == 0) return {};
  std::ranges::copy(kWholeTail, payload_and_room.subspan(payload).begin());
  std::byte nothing{};
  std::size_t taken = 0;
  std::size_t written = 0;
  while (true) {
    std::size_t in = 0;
    std::size_t made = 0;
    const std::span<std::byte> rest = out.subspan(written);
    const auto result =
        libdeflate_deflate_decompress_ex(decompressor_, payload_and_room.data() + taken, whole - taken,
                                         rest.empty() ? &nothing : rest.data(), rest.size(), &in, &made);
    if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return {full, 0};
    if (result != LIBDEFLATE_SUCCESS) return {bad, 0};
    taken += in;
    written += made;
    // A stream with a final block may end where the payload does, or with its tail; else the next one begins here.
    if (taken == whole || taken == payload || taken == payload + kTail.size()) return {done, written};
    if (taken > payload) return {bad, 0};
  }
}

StreamInflater::StreamInflater(std::uint8_t window_bits) {
  memory_.serve(stream_);
  // Compressors that were told to keep to 256 bytes are known to use 512.
  const int bits = std::max<int>(window_bits, 9);
  if (inflateInit2(&stream_, -bits) != Z_OK) throw std::bad_alloc();
}

StreamInflater::~StreamInflater() {
  inflateEnd(&stream_);
}

void StreamInflater::begin(std::span<const std::byte> payload) {
  stream_.next_in = reinterpret_cast<const Bytef*>(payload.data());
  stream_.avail_in = static_cast<uInt>(payload.size());
  empty_ = payload.empty();
  in_tail_ = false;
}

Inflated StreamInflater::inflate(std::span<std::byte> out) {
  using enum Inflated::State;
  if (empty_) return {};
  Bytef nothing = 0;
  stream_.next_out = out.empty() ? &nothing : reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = static_cast<uInt>(out.size());
  const auto written = [&] { return out.size() - stream_.avail_out; };
  while (true) {
    const int result = ::inflate(&stream_, Z_SYNC_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) {
      inflateReset(&stream_);
      // The tail may have been given while output still waited for room: none of it is used where the payload was
      // whole.
      if (stream_.avail_in == 0 || (in_tail_ && stream_.avail_in == kTail.size())) return {done, written()};
      if (in_tail_) return {bad, 0};
      continue;
    }
    if (result != Z_OK && result != Z_BUF_ERROR) return {bad, 0};
    if (stream_.avail_in == 0 && !in_tail_) {
      in_tail_ = true;
      stream_.next_in = reinterpret_cast<const Bytef*>(kTail.data());
      stream_.avail_in = static_cast<uInt>(kTail.size());
      continue;
    }
    // Bit 7: between two blocks; bits 0 to 5: how many bits of the last byte are not used up.
    const bool at_end = (stream_.data_type & 128) != 0 && (stream_.data_type & 63) == 0;
    if (stream_.avail_in == 0 && at_end) return {done, written()};
    if (stream_.avail_out == 0) return {full, written()};
    return {bad, 0};  // cut off: inflate() goes on until input or room is used up
  }
}

void StreamInflater::forget() {
  inflateReset(&stream_);
}

}  // namespace brume::codec

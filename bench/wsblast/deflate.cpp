#include <array>
#include <cstring>
#include <stdexcept>

#include <brume/bench/wsblast/deflate.h>

namespace wsblast {
namespace {

constexpr int kWindowBits = 15;
constexpr int kLevel = 6;
constexpr int kMemoryLevel = 8;
// What ends a message on the wire is left off, and put back for the inflater.
constexpr std::array<Bytef, 4> kTail = {0, 0, 0xFF, 0xFF};

}  // namespace

std::vector<std::byte> deflated(std::span<const std::byte> message) {
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, -kWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib");
  }
  std::vector<std::byte> out(deflateBound(&stream, message.size()) + 16);  // the flush adds at most so much
  stream.next_in = reinterpret_cast<const Bytef*>(message.data());
  stream.avail_in = static_cast<uInt>(message.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_SYNC_FLUSH);
  const std::size_t size = out.size() - stream.avail_out;
  const bool whole = result == Z_OK && stream.avail_out > 0 && size > kTail.size();
  deflateEnd(&stream);
  if (!whole) throw std::runtime_error("zlib");
  out.resize(size - kTail.size());
  return out;
}

Inflater::Inflater() {
  if (inflateInit2(&stream_, -kWindowBits) != Z_OK) throw std::runtime_error("zlib");
}

Inflater::~Inflater() {
  inflateEnd(&stream_);
}

bool Inflater::gives(std::span<const std::byte> payload, std::span<const std::byte> expected) {
  inflateReset(&stream_);
  out_.resize(expected.size() + 1);
  stream_.next_out = reinterpret_cast<Bytef*>(out_.data());
  stream_.avail_out = static_cast<uInt>(out_.size());
  stream_.next_in = reinterpret_cast<const Bytef*>(payload.data());
  stream_.avail_in = static_cast<uInt>(payload.size());
  // A server may end its stream for good instead.
  int result = inflate(&stream_, Z_SYNC_FLUSH);
  if (result == Z_OK || result == Z_BUF_ERROR) {
    stream_.next_in = kTail.data();
    stream_.avail_in = static_cast<uInt>(kTail.size());
    result = inflate(&stream_, Z_SYNC_FLUSH);
  }
  const bool good = result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END;
  const std::size_t size = out_.size() - stream_.avail_out;
  return good && size == expected.size() && std::memcmp(out_.data(), expected.data(), size) == 0;
}

}  // namespace wsblast

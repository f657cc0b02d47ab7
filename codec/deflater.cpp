#include <cassert>
#include <new>

#include <brume/codec/deflater.h>

namespace brume::codec {

namespace {
constexpr std::size_t kTailSize = 4;  // 00 00 FF FF
}

Deflater::Deflater(std::uint8_t window_bits, std::uint8_t level) : level_(level) {
  memory_.serve(stream_);
  const int result =
      deflateInit2(&stream_, level, Z_DEFLATED, -int{window_bits}, memory_level(window_bits), Z_DEFAULT_STRATEGY);
  if (result != Z_OK) throw std::bad_alloc();
}

Deflater::~Deflater() {
  deflateEnd(&stream_);
}

std::optional<std::size_t> Deflater::run(std::span<const std::byte> message, std::span<std::byte> out) {
  stream_.next_in = reinterpret_cast<const Bytef*>(message.data());
  stream_.avail_in = static_cast<uInt>(message.size());
  stream_.next_out = reinterpret_cast<Bytef*>(out.data());
  stream_.avail_out = static_cast<uInt>(out.size());
  const int result = ::deflate(&stream_, Z_SYNC_FLUSH);
  // With room left over everything came out, the flush too; without any from the start it is Z_BUF_ERROR.
  if (result != Z_OK || stream_.avail_out == 0) return std::nullopt;
  const std::size_t size = out.size() - stream_.avail_out;
  assert(size > kTailSize && out[size - 1] == std::byte{0xFF} && out[size - kTailSize] == std::byte{0});
  return size - kTailSize;
}

std::optional<std::size_t> Deflater::deflate_alone(std::span<const std::byte> message, std::span<std::byte> out) {
  forget();
  return run(message, out);
}

std::size_t Deflater::deflate_next(std::span<const std::byte> message, std::span<std::byte> out) {
  assert(!message.empty() && out.size() >= bound(message.size()));
  const auto size = run(message, out);
  assert(size);
  return *size;
}

void Deflater::set_level(std::uint8_t level) {
  if (level == level_) return;
  // On a stream that has taken nothing since its reset zlib has nothing to flush first.
  forget();
  deflateParams(&stream_, level, Z_DEFAULT_STRATEGY);
  level_ = level;
}

}  // namespace brume::codec

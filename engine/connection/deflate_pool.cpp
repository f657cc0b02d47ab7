#include <brume/engine/connection/deflate_pool.h>

namespace brume::connection {

codec::Deflater* DeflatePool::deflater(std::size_t size, std::uint8_t most_bits, std::uint8_t level) noexcept {
  const std::uint8_t bits = codec::Deflater::window_for(size, most_bits);
  auto& place = deflaters_[bits - std::size_t{codec::kMinOwnWindowBits}];
  try {
    if (!place) place = std::make_unique<codec::Deflater>(bits, level);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  place->set_level(level);
  return place.get();
}

codec::WholeInflater& DeflatePool::inflater() {
  if (!inflater_) inflater_ = std::make_unique<codec::WholeInflater>();
  return *inflater_;
}

std::size_t DeflatePool::held_bytes() const {
  std::size_t held = 0;
  for (const auto& deflater : deflaters_) held += deflater ? deflater->held_bytes() : 0;
  return held;
}

}  // namespace brume::connection

// mask_pool.h: mask keys for the frames of a client (RFC 6455, section 5.3), from a strong source that is asked in
// bulk.
//
// One a core; its thread only. The memory is taken with the first key.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include <brume/codec/frame_header.h>
#include <brume/engine/io/environment.h>

namespace brume::connection {

class MaskPool {
 public:
  static constexpr std::size_t kSize = 4096;  // bytes drawn at a time

  // Before the first key. `source` outlives the core.
  void set_source(io::Environment& source) { source_ = &source; }

  // Bytes nobody else gets. May throw std::bad_alloc, the first time.
  template <std::size_t kCount>
  std::array<std::byte, kCount> draw() {
    static_assert(kCount <= kSize);
    if (left_ < kCount) refill();
    std::array<std::byte, kCount> bytes;
    left_ -= kCount;
    std::memcpy(bytes.data(), pool_.get() + left_, kCount);
    return bytes;
  }
  codec::MaskKey next() { return draw<sizeof(codec::MaskKey)>(); }

 private:
  void refill() {
    assert(source_);
    if (!pool_) pool_ = std::make_unique<std::byte[]>(kSize);
    source_->fill_random({pool_.get(), kSize});
    left_ = kSize;
  }

  io::Environment* source_ = nullptr;
  std::unique_ptr<std::byte[]> pool_;
  std::size_t left_ = 0;  // bytes not given out, at the pool's front
};

}  // namespace brume::connection

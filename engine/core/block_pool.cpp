#include <algorithm>
#include <bit>
#include <cassert>
#include <new>

#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/pages.h>

namespace brume::core {

namespace {
std::size_t class_of(std::size_t size) {
  return static_cast<std::size_t>(std::countr_zero(size)) -
         static_cast<std::size_t>(std::countr_zero(BlockPool::kMinSize));
}
}  // namespace

BlockPool::~BlockPool() {
  assert(held_ == 0);
  trim();
}

Block BlockPool::take(std::size_t min_size) {
  if (min_size > kMaxSize) throw std::bad_alloc();
  const std::size_t size = std::bit_ceil(std::max(min_size, kMinSize));
  std::byte* data = nullptr;
  if (size <= kMaxPooledSize && free_[class_of(size)]) {
    Free*& list = free_[class_of(size)];
    data = reinterpret_cast<std::byte*>(list);
    list = list->next;
    cached_ -= size;
    mark_usable(data, size);
  } else {
    data = static_cast<std::byte*>(::operator new(size));
  }
  held_ += size;
  return {data, static_cast<std::uint32_t>(size)};
}

void BlockPool::give_back(Block block) noexcept {
  held_ -= block.size;
  if (block.size > kMaxPooledSize || cached_ + block.size > max_cached_) return ::operator delete(block.data);
  Free*& list = free_[class_of(block.size)];
  list = new (block.data) Free{list};
  mark_unusable(block.data + sizeof(Free), block.size - sizeof(Free));
  cached_ += block.size;
}

void BlockPool::trim() noexcept {
  for (std::size_t i = 0; i < kClasses; i++) {
    while (Free* block = free_[i]) {
      free_[i] = block->next;
      mark_usable(block, kMinSize << i);
      ::operator delete(block);
    }
  }
  cached_ = 0;
}

void BlockPool::check_invariants() const {
  std::size_t cached = 0;
  for (std::size_t i = 0; i < kClasses; i++)
    for (const Free* block = free_[i]; block; block = block->next) cached += kMinSize << i;
  assert(cached == cached_ && cached_ <= max_cached_);
  (void)cached;
}

}  // namespace brume::core

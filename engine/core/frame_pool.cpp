#include <new>

#include <brume/engine/core/frame_pool.h>

namespace brume::core {

// In front of each frame: where it goes back to.
struct alignas(std::max_align_t) FramePool::Header {
  FramePool* pool;  // null: operator delete
  std::size_t size_class;
};

namespace {
thread_local FramePool* current_pool = nullptr;
}  // namespace

FramePool::~FramePool() {
  for (Free* list : free_) {
    while (list) {
      Free* next = list->next;
      ::operator delete(list);
      list = next;
    }
  }
}

void* FramePool::allocate(std::size_t size) {
  const std::size_t total = sizeof(Header) + size;
  const std::size_t size_class = (total - 1) / kClassStep;
  void* memory = nullptr;
  if (size_class < kClasses && free_[size_class]) {
    memory = free_[size_class];
    free_[size_class] = free_[size_class]->next;
    cached_ -= (size_class + 1) * kClassStep;
  } else {
    memory = ::operator new(size_class < kClasses ? (size_class + 1) * kClassStep : total);
  }
  in_use_++;
  return new (memory) Header{this, size_class} + 1;
}

void* FramePool::allocate_from_current(std::size_t size) {
  if (current_pool) return current_pool->allocate(size);
  return new (::operator new(sizeof(Header) + size)) Header{nullptr, 0} + 1;
}

void FramePool::deallocate(void* memory) noexcept {
  Header* header = static_cast<Header*>(memory) - 1;
  FramePool* pool = header->pool;
  const std::size_t size_class = header->size_class;
  if (pool) pool->in_use_--;
  const std::size_t size = (size_class + 1) * kClassStep;
  if (!pool || size_class >= kClasses || pool->cached_ + size > kMaxCached) return ::operator delete(header);
  pool->free_[size_class] = new (header) Free{pool->free_[size_class]};
  pool->cached_ += size;
}

FramePool::Scope::Scope(FramePool& pool) : previous_(current_pool) {
  current_pool = &pool;
}
FramePool::Scope::~Scope() {
  current_pool = previous_;
}

}  // namespace brume::core

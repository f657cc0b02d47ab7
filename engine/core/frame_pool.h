// frame_pool.h: memory for coroutine frames and sessions: size classes with free lists, one pool a core.
//
// A frame is freed on the thread of the pool it came from. Frames made where no pool is current come from operator new.
// What the free lists keep is bounded; beyond it memory goes back to the allocator.
#pragma once

#include <array>
#include <cstddef>

namespace brume::core {

class FramePool {
 public:
  static constexpr std::size_t kClassStep = 64;           // bytes between two size classes
  static constexpr std::size_t kMaxPooledSize = 2048;     // bytes; larger frames are not kept
  static constexpr std::size_t kMaxCached = 1024 * 1024;  // bytes all free lists keep together

  FramePool() = default;
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  // Memory for `size` bytes, aligned as operator new's. Throws std::bad_alloc.
  void* allocate(std::size_t size);
  // From the pool that is current on this thread; from operator new where none is.
  static void* allocate_from_current(std::size_t size);
  // Gives memory of either kind back.
  static void deallocate(void* memory) noexcept;

  std::size_t cached() const { return cached_; }  // bytes in the free lists
  std::size_t frames_in_use() const { return in_use_; }

  // Makes a pool current on this thread for a scope. A coroutine's promise is allocated by the compiler's own call,
  // which has no argument that leads to a core: the thread is the only way there.
  class Scope {
   public:
    explicit Scope(FramePool& pool);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    FramePool* previous_;
  };

 private:
  struct Header;
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kClasses = kMaxPooledSize / kClassStep;

  std::array<Free*, kClasses> free_{};
  std::size_t cached_ = 0;
  std::size_t in_use_ = 0;
};

}  // namespace brume::core

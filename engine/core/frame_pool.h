// frame_pool.h: memory for coroutine frames and sessions: size classes carved from chunks, one pool a core.
//
// A frame is given back on the thread of the pool it came from, before the pool goes. Frames made where no pool is
// current, and large ones, come from operator new. Size classes are close together, as an idle connection is little
// else than its session and its handler's frame. A chunk whose frames have all gone returns to the system, but for one
// in each class: that is the bound of what is kept, and makes frames that come and go free of system calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <brume/engine/core/intrusive_list.h>

namespace brume::core {

class FramePool {
 public:
  static constexpr std::size_t kSmallStep = 16;              // bytes between two size classes up to kMaxSmallSize
  static constexpr std::size_t kMaxSmallSize = 512;          // bytes with the header
  static constexpr std::size_t kLargeStep = 64;              // bytes between two size classes above it
  static constexpr std::size_t kMaxPooledSize = 2048;        // bytes with the header; larger frames are not pooled
  static constexpr std::size_t kChunkSize = 64 * 1024;       // bytes, of frames of one class
  static constexpr std::size_t kHeaderSize = sizeof(void*);  // bytes in front of a pooled frame: its chunk

  FramePool() = default;
  // Requires: all its frames are gone.
  ~FramePool();
  FramePool(const FramePool&) = delete;
  FramePool& operator=(const FramePool&) = delete;

  // Memory for `size` bytes, aligned as operator new's. Throws std::bad_alloc.
  void* allocate(std::size_t size);
  // From the pool that is current on this thread; from operator new where none is.
  static void* allocate_from_current(std::size_t size);
  // Gives memory of either kind back.
  static void deallocate(void* memory) noexcept;
  // Returns the chunks kept empty to the system.
  void trim() noexcept;

  std::size_t memory() const { return chunks_ * kChunkSize; }      // bytes of chunks
  std::size_t cached() const { return memory() - bytes_in_use_; }  // bytes of them that no frame uses
  std::size_t frames_in_use() const { return frames_in_use_; }     // large ones too
  void check_invariants() const;

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
  static constexpr std::size_t kSmallClasses = kMaxSmallSize / kSmallStep;
  static constexpr std::size_t kClasses = kSmallClasses + (kMaxPooledSize - kMaxSmallSize) / kLargeStep;
  // `size`: bytes with the header, above 0.
  static constexpr std::size_t class_of(std::size_t size) {
    return size <= kMaxSmallSize ? (size - 1) / kSmallStep : kSmallClasses + (size - kMaxSmallSize - 1) / kLargeStep;
  }
  static constexpr std::size_t stride_of(std::size_t size_class) {
    return size_class < kSmallClasses ? (size_class + 1) * kSmallStep
                                      : kMaxSmallSize + (size_class - kSmallClasses + 1) * kLargeStep;
  }
  struct Chunk;
  struct SizeClass {
    IntrusiveList<Chunk> with_room;  // an empty chunk is the last of it
    Chunk* empty = nullptr;          // the one that is kept
  };

  Chunk& add_chunk(std::size_t size_class);
  void remove_chunk(Chunk& chunk) noexcept;
  void give_back(Chunk& chunk, void* frame) noexcept;
  static void* allocate_unpooled(FramePool* pool, std::size_t size);

  std::array<SizeClass, kClasses> classes_;
  std::size_t chunks_ = 0;
  std::size_t bytes_in_use_ = 0;  // of chunks
  std::size_t frames_in_use_ = 0;
};

}  // namespace brume::core

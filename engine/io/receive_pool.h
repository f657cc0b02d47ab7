// receive_pool.h: the memory io_uring receives into: a ring of buffers from which the kernel takes by itself.
//
// Where the kernel can (6.12), four large buffers are used a part at a time, so that any mix of sizes fills them; else
// many small ones are used whole. Small in all, so that it stays in the processor's cache. Bytes are only looked at
// through a View, whose end gives them back at once. Owned by one Io, own thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <liburing.h>

#include <brume/engine/io/mapped_memory.h>
#include <brume/engine/io/uring_ring.h>

namespace brume::io {

class ReceivePool {
 public:
  static constexpr std::uint16_t kGroup = 1;
  static constexpr std::size_t kIncrementalBuffers = 4;
  static constexpr std::size_t kWholeBufferBytes = 8192;  // each, where buffers are used whole
  static constexpr std::size_t kMaxBuffers = 4096;
  static constexpr std::size_t kMinBytes = 256;

  ReceivePool() = default;
  ReceivePool(const ReceivePool&) = delete;
  ReceivePool& operator=(const ReceivePool&) = delete;
  ~ReceivePool();

  // Allocates about `size_bytes` and registers them. 0 or a positive errno. Once; `ring` is used by nobody else now.
  int open(io_uring* ring, std::size_t size_bytes, bool incremental);
  // The kernel may still write: gives the memory up for good.
  void leak();

  // The bytes of a receive's completion. Requires: the completion has a buffer, and views are made in the order of the
  // completions.
  class View {
   public:
    View(ReceivePool& pool, const UringCompletion& completion);
    View(const View&) = delete;
    View& operator=(const View&) = delete;
    // The bytes may be overwritten from now on; sanitizer builds catch who looks at them.
    ~View();
    std::span<std::byte> bytes() const { return bytes_; }

   private:
    ReceivePool& pool_;
    std::span<std::byte> bytes_;
    std::uint16_t id_;
    bool done_;  // the kernel will not use this buffer again until it is given back
  };

  static bool has_buffer(const UringCompletion& completion) { return (completion.flags & IORING_CQE_F_BUFFER) != 0; }

  std::size_t buffer_count() const { return buffer_count_; }
  std::size_t buffer_size_bytes() const { return buffer_size_bytes_; }
  bool incremental() const { return incremental_; }
  void check_invariants() const;

 private:
  void give(std::uint16_t id);

  MappedMemory ring_memory_;
  MappedMemory buffers_;
  io_uring_buf_ring* ring_ = nullptr;
  std::size_t buffer_count_ = 0;
  std::size_t buffer_size_bytes_ = 0;
  bool incremental_ = false;
  std::array<std::uint32_t, kIncrementalBuffers> used_bytes_{};  // of each buffer, where used a part at a time
};

}  // namespace brume::io

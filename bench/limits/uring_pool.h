// uring_pool.h: a small ring of receive buffers that the kernel uses incrementally, for the limit programs on io_uring.
//
// One thread. Lives as long as the program: nothing is given back to the system.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <brume/bench/limits/uring_incremental.h>

namespace limits {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::uint16_t kGroup = 1;

inline void check(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(-result));
  std::exit(2);
}

inline char* zeroed_pages(std::size_t size) {
  const std::size_t whole_pages = (size + kPage - 1) / kPage * kPage;
  auto* memory = static_cast<char*>(std::aligned_alloc(kPage, whole_pages));
  if (memory == nullptr) std::exit(2);
  std::memset(memory, 0, whole_pages);
  return memory;
}

// The buffers that receives land in. A buffer is given back when the kernel has used it up and nobody sends from it.
class Pool {
 public:
  Pool(io_uring& ring, unsigned count, std::size_t size)
      : ring_memory_(zeroed_pages(count * sizeof(io_uring_buf))), memory_(zeroed_pages(count * size)), size_(size) {
    check(register_buffers(ring, ring_memory_, count, kGroup, true), "buffers");
    uses_.resize(count);
    for (unsigned id = 0; id < count; ++id) give_back(id);
  }

  // Takes the bytes of a completed receive, and holds their buffer.
  char* take(unsigned id, std::size_t size, bool more) {
    Use& use = uses_[id];
    char* bytes = memory_ + id * size_ + use.offset;
    use.offset += size;
    use.full = !more;
    ++use.holds;
    return bytes;
  }

  void release(unsigned id) {
    if (--uses_[id].holds == 0 && uses_[id].full) give_back(id);
  }

 private:
  struct Use {
    std::size_t offset = 0;
    unsigned holds = 0;
    bool full = false;
  };

  void give_back(unsigned id) {
    uses_[id] = {};
    auto* ring = reinterpret_cast<io_uring_buf_ring*>(ring_memory_);
    const int mask = io_uring_buf_ring_mask(static_cast<unsigned>(uses_.size()));
    io_uring_buf_ring_add(ring, memory_ + id * size_, static_cast<unsigned>(size_), static_cast<unsigned short>(id),
                          mask, 0);
    io_uring_buf_ring_advance(ring, 1);
  }

  char* ring_memory_;
  char* memory_;
  std::size_t size_;
  std::vector<Use> uses_;
};

}  // namespace limits

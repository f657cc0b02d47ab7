// guarded_buffer.h: memory between two pages that must not be touched, so that a read or write too far ends the test.
//
// Owned by one test and its thread. What place_at_end() and place_at_start() return holds until the next of them.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <sys/mman.h>
#include <unistd.h>

namespace brume::test {

class GuardedBuffer {
 public:
  explicit GuardedBuffer(std::size_t min_capacity) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    capacity_ = (min_capacity + page - 1) / page * page;
    mapping_size_ = capacity_ + 2 * page;
    void* mapping = ::mmap(nullptr, mapping_size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) fail("mmap");
    mapping_ = static_cast<std::byte*>(mapping);
    start_ = mapping_ + page;
    if (capacity_ > 0 && ::mprotect(start_, capacity_, PROT_READ | PROT_WRITE) != 0) fail("mprotect");
  }
  ~GuardedBuffer() { ::munmap(mapping_, mapping_size_); }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  std::size_t capacity() const { return capacity_; }

  // The last `size` bytes: the first byte after them is out of bounds. Requires: size <= capacity().
  std::span<std::byte> at_end(std::size_t size) { return {start_ + capacity_ - size, size}; }
  // The first `size` bytes: the byte before them is out of bounds. Requires: size <= capacity().
  std::span<std::byte> at_start(std::size_t size) { return {start_, size}; }

  // The same, holding a copy of `bytes`.
  std::span<std::byte> place_at_end(std::span<const std::byte> bytes) { return copy(bytes, at_end(bytes.size())); }
  std::span<std::byte> place_at_start(std::span<const std::byte> bytes) { return copy(bytes, at_start(bytes.size())); }

 private:
  static std::span<std::byte> copy(std::span<const std::byte> bytes, std::span<std::byte> to) {
    if (!bytes.empty()) std::memcpy(to.data(), bytes.data(), bytes.size());
    return to;
  }
  [[noreturn]] static void fail(const char* what) {
    std::perror(what);
    std::abort();
  }

  std::byte* mapping_ = nullptr;
  std::byte* start_ = nullptr;
  std::size_t mapping_size_ = 0;
  std::size_t capacity_ = 0;  // bytes, whole pages
};

}  // namespace brume::test

// mapped_memory.h: pages of zeroes straight from the kernel, touched only when used unless asked otherwise.
//
// For what the kernel writes into behind the program's back, and for large tables that are mostly empty. One owner.
#pragma once

#include <cerrno>
#include <cstddef>
#include <sys/mman.h>
#include <utility>

namespace brume::io {

class MappedMemory {
 public:
  MappedMemory() = default;
  MappedMemory(MappedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}
  MappedMemory& operator=(MappedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_bytes_, other.size_bytes_);
    return *this;
  }
  ~MappedMemory() {
    if (data_) munmap(data_, size_bytes_);
  }

  enum class Touch : bool { when_used, at_once };

  // 0 or a positive errno. Requires: nothing allocated yet, `size_bytes` above 0.
  int allocate(std::size_t size_bytes, Touch touch = Touch::when_used) {
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (touch == Touch::at_once ? MAP_POPULATE : 0);
    void* const data = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (data == MAP_FAILED) return errno;
    data_ = data;
    size_bytes_ = size_bytes;
    return 0;
  }
  // Gives the pages up without freeing them: for memory that the kernel may still write into.
  void leak() { data_ = nullptr; }

  void* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace brume::io

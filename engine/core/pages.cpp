#include <cstring>
#include <new>
#include <sys/mman.h>

#include <brume/engine/core/pages.h>

namespace brume::core {

#if defined(BRUME_ADDRESS_SANITIZER)

// The sanitizer looks for leaks only in what its own allocator gave out.
void* take_pages(std::size_t bytes) {
  return std::memset(::operator new(bytes, std::align_val_t{kPageSize}), 0, bytes);
}

void give_pages_back(void* pages, std::size_t bytes) noexcept {
  mark_usable(pages, bytes);
  ::operator delete(pages, std::align_val_t{kPageSize});
}

#else

void* take_pages(std::size_t bytes) {
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  return pages;
}

void give_pages_back(void* pages, std::size_t bytes) noexcept {
  munmap(pages, bytes);
}

#endif

}  // namespace brume::core

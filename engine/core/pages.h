// pages.h: memory straight from the system, in whole pages, so that giving it back makes the process smaller.
//
// Pure functions; any thread. Also the marks by which AddressSanitizer sees the use of what a pool holds free.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define BRUME_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BRUME_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(BRUME_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace brume::core {

inline constexpr std::size_t kPageSize =
    4096;  // bytes; where the system's pages are larger, memory is a little less tight

constexpr std::size_t round_up_to_pages(std::size_t bytes) {
  return (bytes + kPageSize - 1) / kPageSize * kPageSize;
}

// Zeroed memory of `bytes`, a multiple of kPageSize, aligned to a page. Throws std::bad_alloc.
void* take_pages(std::size_t bytes);
void give_pages_back(void* pages, std::size_t bytes) noexcept;

#if defined(BRUME_ADDRESS_SANITIZER)
inline void mark_unusable(void* memory, std::size_t bytes) {
  __asan_poison_memory_region(memory, bytes);
}
inline void mark_usable(void* memory, std::size_t bytes) {
  __asan_unpoison_memory_region(memory, bytes);
}
#else
inline void mark_unusable(void*, std::size_t) {}
inline void mark_usable(void*, std::size_t) {}
#endif

}  // namespace brume::core

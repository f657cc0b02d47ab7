// poison.h: marks bytes that nobody may touch, so that AddressSanitizer catches a view used after its call. Free in
// other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define BRUME_POISON_BYTES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BRUME_POISON_BYTES 1
#endif
#endif

#ifdef BRUME_POISON_BYTES
#include <sanitizer/asan_interface.h>
#endif

namespace brume::io {

inline void poison([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t size_bytes) {
#ifdef BRUME_POISON_BYTES
  __asan_poison_memory_region(data, size_bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* data, [[maybe_unused]] std::size_t size_bytes) {
#ifdef BRUME_POISON_BYTES
  __asan_unpoison_memory_region(data, size_bytes);
#endif
}

}  // namespace brume::io

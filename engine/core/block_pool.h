// block_pool.h: byte blocks of a power of two, for outboxes and input set aside; one pool a core, its thread only.
//
// Free blocks are kept up to a bound and then given back; blocks above kMaxPooledSize are never kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace brume::core {

struct Block {
  std::byte* data;
  std::uint32_t size;  // bytes, a power of two
};

class BlockPool {
 public:
  static constexpr std::size_t kMinSize = 256;               // bytes
  static constexpr std::size_t kMaxPooledSize = 256 * 1024;  // bytes
  static constexpr std::size_t kMaxSize = std::size_t{1} << 31;
  static constexpr std::size_t kDefaultMaxCached = 4 * 1024 * 1024;  // bytes all free lists keep together

  explicit BlockPool(std::size_t max_cached = kDefaultMaxCached) : max_cached_(max_cached) {}
  ~BlockPool();
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;

  // A block of at least `min_size` bytes. Throws std::bad_alloc, also above kMaxSize.
  Block take(std::size_t min_size);
  void give_back(Block block) noexcept;
  // Gives all free blocks back.
  void trim() noexcept;

  std::size_t held() const { return held_; }      // bytes in blocks that are out
  std::size_t cached() const { return cached_; }  // bytes in free blocks
  void check_invariants() const;

 private:
  struct Free {
    Free* next;
  };
  static constexpr std::size_t kClasses = 11;  // 256 B to 256 KiB

  std::array<Free*, kClasses> free_{};
  std::size_t max_cached_;
  std::size_t held_ = 0;
  std::size_t cached_ = 0;
};

}  // namespace brume::core

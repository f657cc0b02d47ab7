// name.h: an id or a room's name, with its hash: as it is asked for, and as it is kept.
//
// The hash is keyed by the server's seed, so that nobody can choose names that collide. Values; one thread each.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include <brume/engine/core/frame_pool.h>

namespace brume::hub {

struct HashedName {
  std::string_view text;
  std::uint64_t hash;
};

HashedName hash_name(std::string_view text, std::uint64_t seed);

// The core an id or a room is at home on. The low bits of the hash choose places in tables.
inline std::size_t home_of(std::uint64_t hash, std::size_t cores) {
  return static_cast<std::size_t>(((hash >> 32) * cores) >> 32);
}

// Owns a name's text: short ones inside, others in the core's frame pool.
class Name {
 public:
  static constexpr std::size_t kInlineSize = 22;  // bytes
  static constexpr std::size_t kMaxSize = 65535;  // bytes

  // Requires: at most kMaxSize bytes. May throw std::bad_alloc.
  Name(std::string_view text, core::FramePool& frames) : size_(static_cast<std::uint16_t>(text.size())) {
    char* to = bytes_;
    if (size_ > kInlineSize) {
      to = static_cast<char*>(frames.allocate(size_));
      std::memcpy(bytes_, &to, sizeof to);
    }
    if (size_ != 0) std::memcpy(to, text.data(), size_);
  }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  ~Name() {
    if (size_ > kInlineSize) core::FramePool::deallocate(outside());
  }

  std::string_view text() const { return {size_ > kInlineSize ? outside() : bytes_, size_}; }

 private:
  char* outside() const {
    char* address = nullptr;
    std::memcpy(&address, bytes_, sizeof address);
    return address;
  }

  char bytes_[kInlineSize];
  std::uint16_t size_;
};
static_assert(sizeof(Name) == 24);

}  // namespace brume::hub

// exact_memory.h: bytes in memory of exactly their size, so that a sanitizer sees a step beyond them.
//
// A value of one harness run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace brume::fuzz {

class ExactMemory {
 public:
  explicit ExactMemory(std::span<const std::byte> bytes)
      : memory_(std::make_unique_for_overwrite<std::byte[]>(bytes.size())), size_(bytes.size()) {
    std::ranges::copy(bytes, memory_.get());
  }
  explicit ExactMemory(std::string_view text) : ExactMemory(std::as_bytes(std::span(text))) {}
  explicit ExactMemory(std::size_t size) : memory_(std::make_unique<std::byte[]>(size)), size_(size) {}

  std::span<std::byte> bytes() { return {memory_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {memory_.get(), size_}; }
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(memory_.get()); }
  std::string_view text() const { return {reinterpret_cast<const char*>(memory_.get()), size_}; }
  bool holds(std::string_view part) const {
    const char* const begin = text().data();
    return part.data() >= begin && part.data() + part.size() <= begin + size_;
  }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_;
};

}  // namespace brume::fuzz

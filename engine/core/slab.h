// slab.h: objects with a stable address and a name that is never mistaken: slot and generation.
//
// One thread. Slots are reused last in, first out; each use has the next generation, so the name of an object that is
// gone finds nothing. Memory is taken a chunk at a time and given back when all objects are gone.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace brume::core {

template <class T>
class Slab {
 public:
  static constexpr std::size_t kChunkSlots = 64;

  explicit Slab(std::size_t max_slots) : max_slots_(max_slots) {}
  ~Slab() { clear(); }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  struct Place {
    T* object = nullptr;  // null: the slab is full
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
  };

  // Constructs an object. May throw std::bad_alloc and what T's constructor throws; then nothing changed.
  template <class... Arguments>
  Place emplace(Arguments&&... arguments) {
    if (free_ == kNone) {
      if (slots_ == max_slots_) return {};
      if (slots_ == chunks_.size() * kChunkSlots) chunks_.push_back(std::make_unique<Chunk>());
      at(slots_).next_free = kNone;
      at(slots_).generation = first_generation_;
      free_ = static_cast<std::uint32_t>(slots_++);
    }
    const std::uint32_t slot = free_;
    Entry& entry = at(slot);
    const std::uint32_t next = entry.next_free;
    T* object = new (entry.memory) T(std::forward<Arguments>(arguments)...);
    free_ = next;
    entry.next_free = kUsed;
    size_++;
    return {object, slot, entry.generation};
  }

  T* find(std::uint32_t slot, std::uint32_t generation) {
    if (slot >= slots_) return nullptr;
    Entry& entry = at(slot);
    return entry.generation == generation && entry.next_free == kUsed ? entry.object() : nullptr;
  }

  // Requires: the object exists.
  void erase(std::uint32_t slot, std::uint32_t generation) {
    assert(find(slot, generation));
    (void)generation;
    Entry& entry = at(slot);
    entry.object()->~T();
    entry.generation++;
    if (entry.generation > first_generation_) first_generation_ = entry.generation;
    entry.next_free = free_;
    free_ = slot;
    if (--size_ == 0) {
      // The memory goes; generations start above all that were ever given.
      chunks_.clear();
      slots_ = 0;
      free_ = kNone;
    }
  }

  // Calls `f(T&)` for each object; `f` may erase the one it was given.
  template <class F>
  void for_each(F&& f) {
    for (std::size_t slot = 0; slot < slots_; slot++)
      if (at(slot).next_free == kUsed) f(*at(slot).object());
  }

  std::size_t size() const { return size_; }
  std::size_t max_slots() const { return max_slots_; }
  std::size_t memory() const { return chunks_.size() * sizeof(Chunk); }  // bytes

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  static constexpr std::uint32_t kUsed = kNone - 1;
  struct Entry {
    alignas(T) std::byte memory[sizeof(T)];
    std::uint32_t generation;
    std::uint32_t next_free;
    T* object() { return std::launder(reinterpret_cast<T*>(memory)); }
  };
  using Chunk = std::array<Entry, kChunkSlots>;

  Entry& at(std::size_t slot) { return (*chunks_[slot / kChunkSlots])[slot % kChunkSlots]; }
  void clear() {
    for (std::size_t slot = 0; slot < slots_; slot++)
      if (at(slot).next_free == kUsed) at(slot).object()->~T();
  }

  std::size_t max_slots_;
  std::size_t slots_ = 0;  // that were ever used since the slab was last empty
  std::size_t size_ = 0;
  std::uint32_t free_ = kNone;
  std::uint32_t first_generation_ = 1;
  std::vector<std::unique_ptr<Chunk>> chunks_;
};

}  // namespace brume::core

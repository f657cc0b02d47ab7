// pointer_table.h: a hash table of pointers to objects that know their own hash; eight bytes a place.
//
// In the low bits of a pointer, which are zero, stand some of its object's hash: most objects that are not the one
// looked for need not be looked at, and each look is a cache line from far away. Open addressing with linear probing;
// an erased place is closed by moving those behind it, so there are no tombstones. Grows when seven eighths are used
// and shrinks when less than an eighth is; large tables are whole pages, which go back to the system. One thread. The
// objects are their owners'.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <brume/engine/core/pages.h>

namespace brume::hub {

// `HashOf` is a function object: std::uint64_t operator()(const T&). Where the hash is not in the object itself, a
// static prefetch(const T&) asks for it early.
template <class T, class HashOf>
class PointerTable {
 public:
  PointerTable() = default;
  ~PointerTable() { free(places_, capacity_); }
  PointerTable(const PointerTable&) = delete;
  PointerTable& operator=(const PointerTable&) = delete;

  std::size_t size() const { return size_; }
  std::size_t memory() const { return capacity_ * sizeof(Place); }  // bytes

  // The object of that hash for which `matches` holds; null where there is none.
  template <class Matches>
  T* find(std::uint64_t hash, Matches&& matches) const {
    if (size_ == 0) return nullptr;
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      const Place place = places_[i];
      if (!place) return nullptr;
      if (tag_in(place) != tag_of(hash)) continue;
      T* object = object_at(place);
      if (HashOf()(*object) == hash && matches(*object)) return object;
    }
  }

  // Requires: no equal object is there. May throw std::bad_alloc; then nothing changed.
  void insert(T& object) {
    if (size_ + 1 > capacity_ / 8 * 7) resize(capacity_ == 0 ? kMinCapacity : 2 * capacity_);
    place(object);
    size_++;
  }

  // Requires: the object is there. Never fails.
  void erase(const T& object) noexcept {
    std::size_t hole = HashOf()(object) & mask();
    while (object_at(places_[hole]) != &object) {
      assert(places_[hole]);
      hole = (hole + 1) & mask();
    }
    places_[hole] = nullptr;
    // Those behind it that belong at the hole or in front of it move up.
    for (std::size_t i = (hole + 1) & mask(); places_[i]; i = (i + 1) & mask()) {
      const std::size_t wanted = HashOf()(*object_at(places_[i])) & mask();
      if (((i - wanted) & mask()) < ((i - hole) & mask())) continue;
      places_[hole] = std::exchange(places_[i], nullptr);
      hole = i;
    }
    size_--;
    if (size_ < capacity_ / 8) shrink();
  }

  template <class F>
  void for_each(F&& f) const {
    for (std::size_t i = 0; i < capacity_; i++)
      if (places_[i]) f(*object_at(places_[i]));
  }

  void check_invariants() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < capacity_; i++) {
      if (!places_[i]) continue;
      count++;
      const std::uint64_t hash = HashOf()(*object_at(places_[i]));
      assert(tag_in(places_[i]) == tag_of(hash));
      for ([[maybe_unused]] std::size_t k = hash & mask(); k != i; k = (k + 1) & mask()) assert(places_[k]);
    }
    assert(count == size_);
    (void)count;
  }

 private:
  static constexpr std::size_t kMinCapacity = 16;

  using Place = std::byte*;  // an object, and its tag bytes further; null: empty
  static constexpr std::size_t kTagMask = 7;
  static_assert(alignof(T) > kTagMask);
  // Bits that neither the place in a table nor the home core is chosen by.
  static std::size_t tag_of(std::uint64_t hash) { return hash >> 40 & kTagMask; }
  static std::size_t tag_in(Place place) { return reinterpret_cast<std::uintptr_t>(place) & kTagMask; }
  static T* object_at(Place place) { return reinterpret_cast<T*>(place - tag_in(place)); }

  std::size_t mask() const { return capacity_ - 1; }

  static Place* allocate(std::size_t capacity) {
    const std::size_t bytes = capacity * sizeof(Place);
    if (bytes >= core::kPageSize) return static_cast<Place*>(core::take_pages(core::round_up_to_pages(bytes)));
    return new Place[capacity]();
  }
  static void free(Place* places, std::size_t capacity) noexcept {
    const std::size_t bytes = capacity * sizeof(Place);
    if (bytes >= core::kPageSize) return core::give_pages_back(places, core::round_up_to_pages(bytes));
    delete[] places;
  }

  void place(T& object) {
    const std::uint64_t hash = HashOf()(object);
    std::size_t i = hash & mask();
    while (places_[i]) i = (i + 1) & mask();
    places_[i] = reinterpret_cast<Place>(&object) + tag_of(hash);
  }

  void resize(std::size_t capacity) {
    Place* const old = std::exchange(places_, allocate(capacity));
    const std::size_t old_capacity = std::exchange(capacity_, capacity);
    // Where each belongs only the object itself says, which is far away more often than not: it is asked for early.
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < old_capacity; i++) {
      if (i + kAhead < old_capacity) __builtin_prefetch(object_at(old[i + kAhead]));
      if constexpr (requires(const T& object) { HashOf::prefetch(object); }) {
        if (i + kAhead / 2 < old_capacity && old[i + kAhead / 2]) HashOf::prefetch(*object_at(old[i + kAhead / 2]));
      }
      if (old[i]) place(*object_at(old[i]));
    }
    free(old, old_capacity);
  }

  // False where there is no memory for it: the table stays as large as it is.
  bool try_resize(std::size_t capacity) noexcept {
    try {
      resize(capacity);
      return true;
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

  void shrink() noexcept {
    if (size_ == 0) {
      free(std::exchange(places_, nullptr), std::exchange(capacity_, 0));
    } else if (capacity_ > kMinCapacity) {
      (void)try_resize(capacity_ / 2);
    }
  }

  Place* places_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace brume::hub

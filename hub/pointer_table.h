// pointer_table.h: a hash table of pointers to objects that know their own hash; eight bytes a place.
//
// Open addressing with linear probing; an erased place is closed by moving those behind it, so there are no tombstones.
// Grows when seven eighths are used and shrinks when less than an eighth is; large tables are whole pages, which go
// back to the system. One thread. The objects are their owners'.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include <brume/engine/core/pages.h>

namespace brume::hub {

// `HashOf` is a function object: std::uint64_t operator()(const T&).
template <class T, class HashOf>
class PointerTable {
 public:
  PointerTable() = default;
  ~PointerTable() { free(places_, capacity_); }
  PointerTable(const PointerTable&) = delete;
  PointerTable& operator=(const PointerTable&) = delete;

  std::size_t size() const { return size_; }
  std::size_t memory() const { return capacity_ * sizeof(T*); }  // bytes

  // The object of that hash for which `matches` holds; null where there is none.
  template <class Matches>
  T* find(std::uint64_t hash, Matches&& matches) const {
    if (size_ == 0) return nullptr;
    for (std::size_t i = hash & mask();; i = (i + 1) & mask()) {
      T* object = places_[i];
      if (!object) return nullptr;
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
    while (places_[hole] != &object) {
      assert(places_[hole]);
      hole = (hole + 1) & mask();
    }
    places_[hole] = nullptr;
    // Those behind it that belong at the hole or in front of it move up.
    for (std::size_t i = (hole + 1) & mask(); places_[i]; i = (i + 1) & mask()) {
      const std::size_t wanted = HashOf()(*places_[i]) & mask();
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
      if (places_[i]) f(*places_[i]);
  }

  void check_invariants() const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < capacity_; i++) {
      if (!places_[i]) continue;
      count++;
      for ([[maybe_unused]] std::size_t k = HashOf()(*places_[i]) & mask(); k != i; k = (k + 1) & mask())
        assert(places_[k]);
    }
    assert(count == size_);
    (void)count;
  }

 private:
  static constexpr std::size_t kMinCapacity = 16;

  std::size_t mask() const { return capacity_ - 1; }

  static T** allocate(std::size_t capacity) {
    const std::size_t bytes = capacity * sizeof(T*);
    if (bytes >= core::kPageSize) return static_cast<T**>(core::take_pages(core::round_up_to_pages(bytes)));
    return new T*[capacity]();
  }
  static void free(T** places, std::size_t capacity) noexcept {
    const std::size_t bytes = capacity * sizeof(T*);
    if (bytes >= core::kPageSize) return core::give_pages_back(places, core::round_up_to_pages(bytes));
    delete[] places;
  }

  void place(T& object) {
    std::size_t i = HashOf()(object) & mask();
    while (places_[i]) i = (i + 1) & mask();
    places_[i] = &object;
  }

  void resize(std::size_t capacity) {
    T** const old = std::exchange(places_, allocate(capacity));
    const std::size_t old_capacity = std::exchange(capacity_, capacity);
    for (std::size_t i = 0; i < old_capacity; i++)
      if (old[i]) place(*old[i]);
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

  T** places_ = nullptr;
  std::size_t capacity_ = 0;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace brume::hub

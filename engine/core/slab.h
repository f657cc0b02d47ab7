// slab.h: objects with a stable address and a name that is never mistaken: slot and generation.
//
// One thread. No two objects of a slab have the same generation until 2^32 were made, so the name of one that is gone
// finds nothing. The chunk that lost an object last is used first, and in it the slot given up last. Memory is taken a
// chunk at a time; a chunk whose objects have all gone returns to the system, but for one that is kept for the next.
// T's constructor and destructor may use the slab.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

#include <brume/engine/core/intrusive_list.h>
#include <brume/engine/core/pages.h>

namespace brume::core {

template <class T>
class Slab {
 public:
  static constexpr std::size_t kMaxChunkSize = 64 * 1024;  // bytes, unless eight objects need more

  // At most `max_slots` objects; their slots are not all below it, as some numbers are no slot. Requires: below 2^31.
  explicit Slab(std::size_t max_slots) : max_slots_(max_slots) {}
  ~Slab() {
    for (Chunk* chunk : chunks_)
      if (chunk) clear(*chunk);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  struct Place {
    T* object = nullptr;  // null: the slab is full
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;  // never 0 for an object
  };

  // Constructs an object. May throw std::bad_alloc and what T's constructor throws; then nothing changed. While it is
  // being constructed, find() does not find it and for_each() leaves it out; the same while it is being destroyed.
  template <class... Arguments>
  Place emplace(Arguments&&... arguments) {
    Chunk* chunk = with_room_.front();
    if (!chunk) chunk = add_chunk();
    if (!chunk) return {};
    Reservation reserved(*this, *chunk);
    Entry& entry = chunk->entries()[reserved.index];
    T* object = new (entry.memory) T(std::forward<Arguments>(arguments)...);
    reserved.kept = true;
    if (++last_generation_ == 0) last_generation_ = 1;
    entry.generation = last_generation_;
    entry.slot_or_next = chunk->first_slot + reserved.index;
    size_++;
    return {object, entry.slot_or_next, entry.generation};
  }

  // Slot and generation of an object of a slab, so that it need not carry them itself. Not while it is being
  // constructed or destroyed.
  static std::pair<std::uint32_t, std::uint32_t> name_of(const T& object) {
    static_assert(offsetof(Entry, memory) == 0);
    const Entry& entry = *std::launder(reinterpret_cast<const Entry*>(&object));
    assert(entry.generation != 0);
    return {entry.slot_or_next, entry.generation};
  }

  // Null where that object is gone.
  T* find(std::uint32_t slot, std::uint32_t generation) {
    const std::size_t index = slot / chunk_slots();
    if (index >= chunks_.size() || !chunks_[index] || generation == 0) return nullptr;
    if (slot % chunk_slots() < header_slots()) return nullptr;
    Entry& entry = chunks_[index]->entries()[slot % chunk_slots() - header_slots()];
    return entry.generation == generation ? entry.object() : nullptr;
  }

  // Requires: the object exists.
  void erase(std::uint32_t slot, [[maybe_unused]] std::uint32_t generation) {
    assert(find(slot, generation));
    Chunk& chunk = *chunks_[slot / chunk_slots()];
    const auto index = static_cast<std::uint32_t>(slot % chunk_slots() - header_slots());
    Entry& entry = chunk.entries()[index];
    entry.generation = 0;
    size_--;
    entry.object()->~T();
    give_back(chunk, index);
  }

  // Calls `f(T&)` for each object, by slots; `f` may erase and add any. One that is added may be met or not.
  template <class F>
  void for_each(F&& f) {
    for (std::size_t i = 0; i < chunks_.size(); i++) {
      // A call may let the chunk go, or another come in its place.
      for (std::uint32_t k = 0; chunks_[i] && k < chunks_[i]->carved; k++) {
        Entry& entry = chunks_[i]->entries()[k];
        if (entry.generation != 0) f(*entry.object());
      }
    }
  }

  std::size_t size() const { return size_; }
  std::size_t max_slots() const { return max_slots_; }
  std::size_t memory() const { return chunk_count_ * chunk_bytes(); }  // bytes

  void check_invariants() const {
    with_room_.check_invariants();
    [[maybe_unused]] std::size_t objects = 0;
    [[maybe_unused]] std::size_t count = 0;
    for (const Chunk* chunk : chunks_) {
      if (!chunk) continue;
      count++;
      [[maybe_unused]] std::uint32_t free = 0;
      for (std::uint32_t i = chunk->free; i != kNone; i = chunk->entries()[i].slot_or_next) {
        assert(chunk->entries()[i].generation == 0);
        free++;
      }
      assert(chunk->used + free == chunk->carved && chunk->carved <= chunk->capacity);
      assert(chunk->linked() == (chunk->used < chunk->capacity));
      assert((chunk == empty_) == (chunk->used == 0));
      for (std::uint32_t i = 0; i < chunk->carved; i++) {
        if (chunk->entries()[i].generation == 0) continue;
        assert(chunk->entries()[i].slot_or_next == chunk->first_slot + i);
        objects++;
      }
    }
    assert(objects == size_ && count == chunk_count_ && size_ <= max_slots_);
  }

 private:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Entry {
    alignas(T) std::byte memory[sizeof(T)];
    std::uint32_t generation;    // 0: no object
    std::uint32_t slot_or_next;  // of an object: its slot; else the chunk's next free entry, kNone ends that list
    T* object() { return std::launder(reinterpret_cast<T*>(memory)); }
  };
  // Stands in the place of a chunk's first entries, whose slots no object has: so a chunk of a power of two of entries
  // fills its pages.
  struct Chunk : ListLink<> {
    std::uint32_t first_slot = 0;  // of an object
    std::uint32_t capacity = 0;
    std::uint32_t used = 0;
    std::uint32_t carved = 0;  // entries that were ever used since the chunk was empty
    std::uint32_t free = kNone;

    Entry* entries() const { return reinterpret_cast<Entry*>(const_cast<Chunk*>(this)) + header_slots(); }
  };

  // Functions, not constants: T may be incomplete where a Slab<T> is a member.
  static constexpr std::size_t chunk_slots() {
    static_assert(alignof(T) <= kPageSize);
    return std::bit_floor(std::max<std::size_t>(kMaxChunkSize / sizeof(Entry), 8));
  }
  static constexpr std::size_t header_slots() { return (sizeof(Chunk) + sizeof(Entry) - 1) / sizeof(Entry); }
  static constexpr std::size_t chunk_objects() { return chunk_slots() - header_slots(); }
  static constexpr std::size_t chunk_bytes() { return round_up_to_pages(chunk_slots() * sizeof(Entry)); }

  // An entry for an object that is being made; goes back unless it is kept.
  struct Reservation {
    Reservation(Slab& s, Chunk& c) : slab(s), chunk(c), index(slab.take(c)) {}
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() {
      if (!kept) slab.give_back(chunk, index);
    }
    Slab& slab;
    Chunk& chunk;
    std::uint32_t index;
    bool kept = false;
  };

  std::uint32_t take(Chunk& chunk) {
    if (empty_ == &chunk) empty_ = nullptr;
    std::uint32_t index = chunk.free;
    if (index != kNone) {
      chunk.free = chunk.entries()[index].slot_or_next;
    } else {
      index = chunk.carved++;
    }
    if (++chunk.used == chunk.capacity) chunk.unlink();
    mark_usable(chunk.entries()[index].memory, sizeof(T));
    return index;
  }

  void give_back(Chunk& chunk, std::uint32_t index) noexcept {
    Entry& entry = chunk.entries()[index];
    mark_unusable(entry.memory, sizeof(T));
    entry.slot_or_next = chunk.free;
    chunk.free = index;
    chunk.unlink();
    if (--chunk.used != 0) return with_room_.push_front(chunk);
    if (empty_) return remove_chunk(chunk);
    empty_ = &chunk;
    chunk.carved = 0;
    chunk.free = kNone;
    with_room_.push_back(chunk);  // used only when no other has room
  }

  // Null where the slab is full.
  Chunk* add_chunk() {
    const auto place = std::find(chunks_.begin(), chunks_.end(), nullptr);
    const auto index = static_cast<std::size_t>(place - chunks_.begin());
    if (index * chunk_objects() >= max_slots_) return nullptr;
    if (place == chunks_.end()) chunks_.push_back(nullptr);
    auto* chunk = new (take_pages(chunk_bytes())) Chunk;
    chunk->first_slot = static_cast<std::uint32_t>(index * chunk_slots() + header_slots());
    chunk->capacity = static_cast<std::uint32_t>(std::min(chunk_objects(), max_slots_ - index * chunk_objects()));
    for (std::uint32_t i = 0; i < chunk->capacity; i++) mark_unusable(chunk->entries()[i].memory, sizeof(T));
    empty_ = chunk;
    chunks_[index] = chunk;
    chunk_count_++;
    with_room_.push_front(*chunk);
    return chunk;
  }

  void remove_chunk(Chunk& chunk) noexcept {
    chunks_[chunk.first_slot / chunk_slots()] = nullptr;
    chunk_count_--;
    chunk.~Chunk();
    give_pages_back(&chunk, chunk_bytes());
  }

  void clear(Chunk& chunk) noexcept {
    for (std::uint32_t i = 0; i < chunk.carved; i++) {
      Entry& entry = chunk.entries()[i];
      if (std::exchange(entry.generation, 0) != 0) entry.object()->~T();
    }
    remove_chunk(chunk);
  }

  std::size_t max_slots_;
  std::size_t size_ = 0;
  std::size_t chunk_count_ = 0;
  std::uint32_t last_generation_ = 0;
  std::vector<Chunk*> chunks_;  // by slot; null where there is none
  IntrusiveList<Chunk> with_room_;
  Chunk* empty_ = nullptr;  // the one chunk without objects that is kept
};

}  // namespace brume::core

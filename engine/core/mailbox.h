// mailbox.h: Mailbox<T>: a bounded ring from many producers to one core, and the handshake with its sleep.
//
// Producers: any thread (try_push, try_push_batch, should_wake). Consumer: the owning core's thread only (drain,
// prepare_sleep, finish_sleep). Nothing waits, nothing is lost: a full ring is the producer's business and is seen
// before anything is claimed. What one producer pushes arrives in its order.
//
// The sleep: a consumer that wants to sleep says so, looks again, and sleeps only where nothing was there; a producer
// publishes, then looks whether the consumer said so, and whoever takes that word back wakes it. Between them one of
// the two always sees the other, as both do their store and their load in the single order of the sequentially
// consistent operations (not fences: ThreadSanitizer does not see them). mailbox_model_test.cpp searches all
// interleavings.
#pragma once

#include <atomic>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>

namespace brume::core {

template <class T>
class Mailbox {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Requires: `slots` is a power of two, at least 2. All memory is taken here.
  explicit Mailbox(std::size_t slots) : mask_(slots - 1), slots_(std::make_unique<Slot[]>(slots)) {
    assert(std::has_single_bit(slots) && slots >= 2);
    for (std::size_t i = 0; i < slots; i++) slots_[i].sequence.store(i, std::memory_order_relaxed);
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  std::size_t capacity() const { return mask_ + 1; }

  // False where the ring is full.
  bool try_push(const T& value) { return try_push_batch(std::span<const T>(&value, 1)) == 1; }

  // Pushes as many from the front of `values` as there is room for, next to each other; returns how many.
  std::size_t try_push_batch(std::span<const T> values) {
    if (values.empty()) return 0;
    std::uint64_t ticket = tail_.load(std::memory_order_relaxed);
    std::size_t count = 0;
    for (;;) {
      // Acquire: pairs with the release in drain(); slots the consumer has left may be written again.
      const std::uint64_t head = head_.load(std::memory_order_acquire);
      const auto used = static_cast<std::int64_t>(ticket - head);
      if (used < 0) {  // `ticket` is older than `head`: somebody else has moved the tail on
        ticket = tail_.load(std::memory_order_relaxed);
        continue;
      }
      const std::size_t room = capacity() - static_cast<std::size_t>(used);
      count = values.size() < room ? values.size() : room;
      if (static_cast<std::size_t>(used) >= capacity() || count == 0) return 0;
      // Relaxed: the claim gives the slots to this thread alone; publishing orders what is in them.
      if (tail_.compare_exchange_weak(ticket, ticket + count, std::memory_order_relaxed)) break;
    }
    for (std::size_t i = 0; i < count; i++) {
      Slot& slot = slots_[(ticket + i) & mask_];
      slot.value = values[i];
      // Sequentially consistent as the first half of the producer's side of the sleep handshake: publish, then look at
      // `sleeping_` (should_wake). Its release half pairs with the load in drain().
      slot.sequence.store(ticket + i + 1, std::memory_order_seq_cst);
    }
    return count;
  }

  // After publishing, once a batch: true where the consumer sleeps, or is about to, and this thread has to wake it.
  // Sequentially consistent: pairs with the store in prepare_sleep().
  bool should_wake() {
    return sleeping_.load(std::memory_order_seq_cst) != 0 && sleeping_.exchange(0, std::memory_order_seq_cst) != 0;
  }

  // Calls `f(T&)` for up to `max` values in order; returns their number. A slot that is claimed but not yet published
  // ends the run: whoever claimed it looks at `sleeping_` after publishing.
  template <class F>
  std::size_t drain(F&& f, std::size_t max) {
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::size_t count = 0;
    while (count < max) {
      Slot& slot = slots_[head & mask_];
      // Acquire: pairs with the store that publishes the slot.
      if (slot.sequence.load(std::memory_order_acquire) != head + 1) break;
      T value = slot.value;
      head++;
      count++;
      // Release: pairs with the acquire in try_push_batch(); the slot may be claimed from here on, also by `f` itself.
      head_.store(head, std::memory_order_release);
      f(value);
    }
    return count;
  }

  // Owner: about to sleep. False where something came: do not sleep. A wake from here on finds `sleeping_` set, so it
  // is not lost, and it must leave a token (the Io's wake) where it comes before the sleep.
  bool prepare_sleep() {
    // Sequentially consistent: pairs with should_wake(); the look below comes after it in the single order.
    sleeping_.store(1, std::memory_order_seq_cst);
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    return slots_[head & mask_].sequence.load(std::memory_order_seq_cst) != head + 1;
  }
  // Owner: awake again, whatever woke it.
  void finish_sleep() { sleeping_.store(0, std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kCacheLine = 64;
  struct alignas(kCacheLine) Slot {
    // ticket + 1 once the value of that ticket is published; anything else means that it is not.
    std::atomic<std::uint64_t> sequence{0};
    T value{};
  };

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;
  alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};  // tickets claimed; producers
  alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};  // tickets taken; the consumer
  alignas(kCacheLine) std::atomic<std::uint32_t> sleeping_{0};
};

}  // namespace brume::core

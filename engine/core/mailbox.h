// mailbox.h: Mailbox<T>: a bounded ring from many producers to one core, and the handshake with its sleep.
//
// Producers: any thread (try_push, try_push_batch, should_wake). Consumer: the owning core's thread only (drain,
// prepare_sleep, finish_sleep, empty_hint). Nothing waits, nothing is lost: a full ring is the producer's business and
// is seen before anything is claimed. What one producer pushes arrives in its order. Lives as long as its core.
//
// The ring: a producer claims tickets by moving `tail_`, fills their slots and publishes them; a slot may be claimed
// again once `head_` has passed it. A slot that is claimed but not published counts as empty, and holds up what lies
// behind it: its producer looks at `sleeping_` after publishing, so nobody has to wait for it.
//
// The sleep: a consumer that wants to sleep says so, looks again, and sleeps only where nothing was there; a producer
// publishes, then looks whether the consumer said so, and whoever takes that word back wakes it. Both do their store
// and then their load in the single order of the sequentially consistent operations, so one of them sees the other.
// (Not fences: ThreadSanitizer does not see them.) A wake that comes between the look and the sleep has to leave a
// token that ends the sleep at once, as io::Io::wake() does. tests/engine/core/model searches all interleavings of
// this.
#pragma once

#include <algorithm>
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
  static constexpr std::size_t kCacheLine = 64;  // bytes

  // Requires: `slots` is a power of two, at least 2. All memory is taken here.
  explicit Mailbox(std::size_t slots) : mask_(slots - 1), slots_(std::make_unique<Slot[]>(slots)) {
    assert(std::has_single_bit(slots) && slots >= 2);
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  std::size_t capacity() const { return mask_ + 1; }

  // False where the ring is full.
  bool try_push(const T& value) { return try_push_batch(std::span<const T>(&value, 1)) == 1; }

  // Pushes as many from the front of `values` as there is room for, next to each other; returns how many. The consumer
  // finds either none or all of them.
  std::size_t try_push_batch(std::span<const T> values) {
    if (values.empty()) return 0;
    std::uint64_t first = 0;
    const std::size_t count = claim(values.size(), first);
    if (count == 0) return 0;
    for (std::size_t i = 0; i < count; i++) slot(first + i).value = values[i];
    // The first slot comes last: the consumer cannot pass it, so this one store publishes the batch. Release (in every
    // store): pairs with the acquire load in drain(). Sequentially consistent: the first half of the producer's side of
    // the sleep handshake, whose second is the load in should_wake(); pairs with the look in prepare_sleep().
    for (std::size_t i = 1; i < count; i++) slot(first + i).published.store(first + i + 1, std::memory_order_release);
    slot(first).published.store(first + 1, std::memory_order_seq_cst);
    return count;
  }

  // After publishing, once a batch: true where the consumer sleeps, or is about to, and this thread has to wake it.
  // True for one producer only.
  bool should_wake() {
    // Sequentially consistent, after the store that published: pairs with the store in prepare_sleep(). The load is
    // there to leave the cache line alone while the consumer is awake; the exchange picks one of those who saw it
    // sleep.
    return sleeping_.load(std::memory_order_seq_cst) != 0 && sleeping_.exchange(0, std::memory_order_seq_cst) != 0;
  }

  // Calls `f(T&)` for up to `max` values in order; returns their number. Each has left its slot before its call, so `f`
  // may push, here too.
  template <class F>
  std::size_t drain(F&& f, std::size_t max) {
    // Relaxed: only this thread moves it.
    std::uint64_t head = head_.load(std::memory_order_relaxed);
    std::size_t count = 0;
    while (count < max) {
      Slot& next = slot(head);
      // Acquire: pairs with the stores that publish in try_push_batch().
      if (next.published.load(std::memory_order_acquire) != head + 1) break;
      T value = next.value;
      head++;
      count++;
      // Release: pairs with the acquire load in claim(); the slot was read before it is written again.
      head_.store(head, std::memory_order_release);
      f(value);
    }
    return count;
  }

  // About to sleep. False where something came: do not sleep. From here on a producer that publishes wakes the
  // consumer. finish_sleep() follows in either case.
  bool prepare_sleep() {
    // Sequentially consistent, before the look: pairs with the load in should_wake().
    sleeping_.store(1, std::memory_order_seq_cst);
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    // Sequentially consistent: pairs with the last store in try_push_batch().
    return slot(head).published.load(std::memory_order_seq_cst) != head + 1;
  }
  // Awake again, whatever woke it. What has come meanwhile is found by drain() or by the next look.
  // Relaxed: it withdraws a request; a producer that still sees it wakes once too often.
  void finish_sleep() { sleeping_.store(0, std::memory_order_relaxed); }

  // Consumer: whether drain() would find nothing now.
  bool empty_hint() const {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    return slot(head).published.load(std::memory_order_acquire) != head + 1;
  }

  // Consumer, while no producer is active.
  void check_invariants() const {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);
    assert(head <= tail && tail - head <= capacity());
    // Every ticket that was claimed is published; a free slot still bears the ticket it had a round ago.
    for (std::uint64_t ticket = head; ticket < head + capacity(); ticket++) {
      [[maybe_unused]] const std::uint64_t published = slot(ticket).published.load(std::memory_order_acquire);
      assert(published == (ticket < tail ? ticket + 1 : ticket < capacity() ? 0 : ticket + 1 - capacity()));
    }
  }

 private:
  struct alignas(kCacheLine) Slot {
    // ticket + 1 once the value of that ticket is there; less means that it is not.
    std::atomic<std::uint64_t> published{0};
    T value{};
  };
  static_assert(sizeof(Slot) <= 2 * kCacheLine, "an envelope and its ticket take at most two cache lines");

  Slot& slot(std::uint64_t ticket) const { return slots_[ticket & mask_]; }

  // Claims up to `wanted` tickets from `first` on; returns how many, 0 where the ring is full.
  std::size_t claim(std::size_t wanted, std::uint64_t& first) {
    // Acquire: pairs with the release of the claim below, so that the head read next is not older than the one that
    // claim was judged by, and no more than all slots seem used.
    std::uint64_t tail = tail_.load(std::memory_order_acquire);
    for (;;) {
      // Acquire: pairs with the release in drain(); the consumer has done with the slots before it.
      const std::uint64_t head = head_.load(std::memory_order_acquire);
      if (head > tail) {  // `tail` is out of date: others have claimed, and the consumer has taken, past it
        tail = tail_.load(std::memory_order_acquire);
        continue;
      }
      const std::size_t room = capacity() - static_cast<std::size_t>(tail - head);
      const std::size_t count = std::min(wanted, room);
      if (count == 0) return 0;
      if (tail_.compare_exchange_weak(tail, tail + count, std::memory_order_acq_rel, std::memory_order_acquire)) {
        first = tail;
        return count;
      }
    }
  }

  const std::size_t mask_;
  const std::unique_ptr<Slot[]> slots_;
  alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};      // tickets claimed; producers
  alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};      // tickets taken; the consumer
  alignas(kCacheLine) std::atomic<std::uint32_t> sleeping_{0};  // 1: the consumer wants to be woken; both
};

}  // namespace brume::core

// mailbox_model.h: engine/core/mailbox.h as a machine of single steps: two producers, one consumer, a ring of two
// slots.
//
// Each thread has a FIFO store buffer, as the processors of x86 do: an ordinary store waits there, so the loads behind
// it may pass it; a thread sees its own stores. A sequentially consistent store and a read-modify-write act on memory,
// and only when the thread's buffer is empty. A buffer's oldest store may reach memory at any moment, as a step of its
// own. Each step below bears the line of mailbox.h it stands for. The kernel's part (io::Io::wake() and the wait) is
// one flag: a token that ends the sleep.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brume::core::model {

// What is taken out of the protocol, to see that the search finds it missing.
enum class Mutant : std::uint8_t {
  none,
  weak_producer,   // the store that publishes is a release store: the look at `sleeping_` may pass it
  weak_consumer,   // the store to `sleeping_` is a release store: the second look may pass it
  no_second_look,  // prepare_sleep() does not look again
  no_token,        // a wake that comes before the sleep is forgotten
};

class MailboxModel {
 public:
  static constexpr std::size_t kProducers = 2;
  static constexpr std::uint8_t kCapacity = 2;  // slots
  static constexpr std::size_t kBuffered = 6;   // stores; more than a thread can have under way with so small a ring

  using Byte = std::uint8_t;
  enum Location : Byte { kTail, kHead, kSleeping, kPublished0, kPublished1, kValue0, kValue1, kLocations };

  struct Store {
    Byte location;
    Byte value;
  };
  struct Buffer {
    Byte size;
    std::array<Store, kBuffered> stores;
  };
  struct Producer {
    Byte at;     // P...
    Byte batch;  // which of its batches
    Byte sent;   // values claimed so far
    Byte tail, head, count, index;
    Buffer buffer;
  };
  struct Consumer {
    Byte at;  // C...
    Byte head;
    Byte wakes_left;                    // how often it may still wake for another reason, as a timer
    std::array<Byte, kProducers> next;  // what comes next from each producer
    Buffer buffer;
  };
  struct State {
    std::array<Byte, kLocations> memory;
    Byte token;
    Byte fault;
    Byte full_seen;
    std::array<Producer, kProducers> producers;
    Consumer consumer;
  };

  // `batches`: what each producer pushes, by sizes of 1 or 2. Where the ring is full it comes back later.
  MailboxModel(Mutant mutant, std::vector<Byte> batches, Byte extra_wakes)
      : mutant_(mutant), batches_(std::move(batches)), extra_wakes_(extra_wakes) {}

  State initial() const {
    State state{};
    state.consumer.wakes_left = extra_wakes_;
    return state;
  }

  template <class Emit>
  void steps(const State& state, Emit&& emit) const {
    for (Byte id = 0; id < kProducers; id++) {
      flush(state, [id](State& s) -> Buffer& { return s.producers[id].buffer; }, emit, kNames[id].flush);
      produce(state, id, emit);
    }
    flush(
        state, [](State& s) -> Buffer& { return s.consumer.buffer; }, emit,
        "consumer: its oldest store reaches memory");
    consume(state, emit);
  }

  const char* fault(const State& state) const { return kFaults[state.fault]; }

  // Nobody can do anything any more: then all that was pushed must have arrived.
  const char* end_fault(const State& state) const {
    const Byte head = state.consumer.head;
    if (state.memory[published(head)] == head + 1) return "lost wake-up: a value is there and the consumer sleeps";
    for (Byte id = 0; id < kProducers; id++) {
      if (state.producers[id].at != kDone) return "a producer waits for ever";
      if (state.consumer.next[id] != total()) return "a value was lost";
    }
    return nullptr;
  }

 private:
  enum ProducerAt : Byte {
    kLoadTail,
    kLoadHead,
    kClaim,
    kFull,
    kFill,
    kPublishRest,
    kPublishFirst,
    kLook,
    kTake,
    kWake,
    kDone
  };
  enum ConsumerAt : Byte { kDrain, kRead, kMoveHead, kSaySleeping, kSecondLook, kGoToSleep, kAsleep, kFinish };
  enum Fault : Byte { kNone, kOrder, kOverwritten, kOverfull };
  static constexpr std::array<const char*, 4> kFaults{
      nullptr, "a value was lost, doubled or out of its producer's order", "a slot was claimed before it was read",
      "more than all slots seemed used"};
  struct Names {
    const char *flush, *load_tail, *load_head, *claim, *full, *fill, *publish, *look, *take, *wake;
  };
  static constexpr std::array<Names, kProducers> kNames{
      Names{"A: its oldest store reaches memory", "A: loads the tail", "A: loads the head", "A: tries to claim",
            "A: the ring is no longer full", "A: fills a slot", "A: publishes a slot", "A: looks at sleeping",
            "A: exchanges sleeping for 0", "A: wakes the consumer"},
      Names{"B: its oldest store reaches memory", "B: loads the tail", "B: loads the head", "B: tries to claim",
            "B: the ring is no longer full", "B: fills a slot", "B: publishes a slot", "B: looks at sleeping",
            "B: exchanges sleeping for 0", "B: wakes the consumer"}};

  static Byte published(Byte ticket) { return static_cast<Byte>(kPublished0 + ticket % kCapacity); }
  static Byte value(Byte ticket) { return static_cast<Byte>(kValue0 + ticket % kCapacity); }
  static Byte plus(Byte a, int b) { return static_cast<Byte>(a + b); }
  Byte total() const {
    Byte sum = 0;
    for (const Byte size : batches_) sum = plus(sum, size);
    return sum;
  }

  // ---- the memory

  static Byte load(const State& state, const Buffer& buffer, Byte location) {
    for (std::size_t i = buffer.size; i-- > 0;)
      if (buffer.stores[i].location == location) return buffer.stores[i].value;
    return state.memory[location];
  }
  static bool may_store(const Buffer& buffer) { return buffer.size < kBuffered; }
  static void store(Buffer& buffer, Byte location, Byte value) { buffer.stores[buffer.size++] = {location, value}; }
  // Whether a sequentially consistent store or a read-modify-write may act now; it then goes straight to memory.
  static bool may_act(const Buffer& buffer) { return buffer.size == 0; }

  template <class Which, class Emit>
  static void flush(const State& state, Which&& which, Emit& emit, const char* what) {
    State after = state;
    Buffer& buffer = which(after);
    if (buffer.size == 0) return;
    after.memory[buffer.stores[0].location] = buffer.stores[0].value;
    std::copy(buffer.stores.begin() + 1, buffer.stores.begin() + buffer.size, buffer.stores.begin());
    buffer.stores[--buffer.size] = {0, 0};
    emit(after, what);
  }

  // ---- a producer: try_push_batch(), then should_wake()

  template <class Emit>
  void produce(const State& state, Byte id, Emit& emit) const {
    State after = state;
    Producer& p = after.producers[id];
    const Names& names = kNames[id];
    switch (p.at) {
      case kLoadTail:  // tail = tail_.load(acquire)
        p.tail = load(state, p.buffer, kTail);
        p.at = kLoadHead;
        return emit(after, names.load_tail);
      case kLoadHead: {  // head = head_.load(acquire); head > tail, or room for how many
        p.head = load(state, p.buffer, kHead);
        if (p.head > p.tail) {
          p.at = kLoadTail;
          return emit(after, names.load_head);
        }
        const int used = p.tail - p.head;
        if (used > kCapacity) after.fault = kOverfull;
        p.count = static_cast<Byte>(std::clamp(kCapacity - used, 0, int{batches_[p.batch]} - p.index));
        p.at = p.count == 0 ? kFull : kClaim;
        if (p.at == kFull) after.full_seen = 1;
        return emit(after, names.load_head);
      }
      case kFull:  // returned 0: the caller comes back later; only a head that has moved makes that worth while
        if (load(state, p.buffer, kHead) == p.head) return;
        p.at = kLoadTail;
        return emit(after, names.full);
      case kClaim:  // tail_.compare_exchange_weak(tail, tail + count, acq_rel)
        if (!may_act(p.buffer)) return;
        if (state.memory[kTail] != p.tail) {
          p.tail = state.memory[kTail];
          p.at = kLoadHead;
          return emit(after, names.claim);
        }
        after.memory[kTail] = plus(p.tail, p.count);
        if (p.tail + p.count - state.consumer.head > kCapacity) after.fault = kOverwritten;
        p.at = kFill;
        p.head = 0;  // from here on: how many slots are filled or published
        return emit(after, names.claim);
      case kFill:  // slot(first + i).value = values[i]
        if (!may_store(p.buffer)) return;
        store(p.buffer, value(plus(p.tail, p.head)), plus(static_cast<Byte>(id << 4), p.sent));
        p.sent++;
        if (++p.head == p.count) {
          p.at = p.count > 1 ? kPublishRest : kPublishFirst;
          p.head = 1;
        }
        return emit(after, names.fill);
      case kPublishRest:  // slot(first + i).published.store(first + i + 1, release)
        if (!may_store(p.buffer)) return;
        store(p.buffer, published(plus(p.tail, p.head)), plus(p.tail, p.head + 1));
        if (++p.head == p.count) p.at = kPublishFirst;
        return emit(after, names.publish);
      case kPublishFirst:  // slot(first).published.store(first + 1, seq_cst)
        if (mutant_ == Mutant::weak_producer) {
          if (!may_store(p.buffer)) return;
          store(p.buffer, published(p.tail), plus(p.tail, 1));
        } else {
          if (!may_act(p.buffer)) return;
          after.memory[published(p.tail)] = plus(p.tail, 1);
        }
        p.at = kLook;
        return emit(after, names.publish);
      case kLook:  // sleeping_.load(seq_cst) != 0
        if (load(state, p.buffer, kSleeping) != 0) {
          p.at = kTake;
        } else {
          next_batch(p);
        }
        return emit(after, names.look);
      case kTake:  // sleeping_.exchange(0, seq_cst) != 0
        if (!may_act(p.buffer)) return;
        after.memory[kSleeping] = 0;
        if (state.memory[kSleeping] != 0) {
          p.at = kWake;
        } else {
          next_batch(p);
        }
        return emit(after, names.take);
      case kWake:  // the caller: io.wake()
        if (mutant_ != Mutant::no_token || state.consumer.at == kAsleep) after.token = 1;
        next_batch(p);
        return emit(after, names.wake);
      default:
        return;
    }
  }

  // What of the batch found no room is pushed next; after the last batch the producer is done.
  void next_batch(Producer& p) const {
    p.index = plus(p.index, p.count);
    if (p.index == batches_[p.batch]) {
      p.index = 0;
      p.batch++;
    }
    p.at = p.batch == batches_.size() ? kDone : kLoadTail;
    p.tail = p.head = p.count = 0;
  }

  // ---- the consumer: drain(), prepare_sleep(), the wait, finish_sleep(), and again

  template <class Emit>
  void consume(const State& state, Emit& emit) const {
    State after = state;
    Consumer& c = after.consumer;
    switch (c.at) {
      case kDrain:  // next.published.load(acquire) != head + 1
        c.at = load(state, c.buffer, published(c.head)) == c.head + 1 ? kRead : kSaySleeping;
        return emit(after, "consumer: drains: looks whether the slot is published");
      case kRead: {  // value = next.value; head++
        const Byte taken = load(state, c.buffer, value(c.head));
        const Byte id = taken >> 4;
        if (id >= kProducers || c.next[id] != (taken & 15)) {
          after.fault = kOrder;
        } else {
          c.next[id]++;
        }
        c.head++;
        c.at = kMoveHead;
        return emit(after, "consumer: reads the slot");
      }
      case kMoveHead:  // head_.store(head, release)
        if (!may_store(c.buffer)) return;
        store(c.buffer, kHead, c.head);
        c.at = kDrain;
        return emit(after, "consumer: moves the head");
      case kSaySleeping:  // sleeping_.store(1, seq_cst)
        if (mutant_ == Mutant::weak_consumer) {
          if (!may_store(c.buffer)) return;
          store(c.buffer, kSleeping, 1);
        } else {
          if (!may_act(c.buffer)) return;
          after.memory[kSleeping] = 1;
        }
        c.at = mutant_ == Mutant::no_second_look ? kGoToSleep : kSecondLook;
        return emit(after, "consumer: says that it will sleep");
      case kSecondLook:  // slot(head).published.load(seq_cst) != head + 1
        c.at = load(state, c.buffer, published(c.head)) == c.head + 1 ? kFinish : kGoToSleep;
        return emit(after, "consumer: looks again");
      case kGoToSleep:  // the caller: io.poll() with a timeout
        c.at = kAsleep;
        return emit(after, "consumer: goes to sleep");
      case kAsleep:
        if (state.token != 0) {
          after.token = 0;
          c.at = kFinish;
          return emit(after, "consumer: is woken");
        }
        if (c.wakes_left == 0) return;
        c.wakes_left--;
        c.at = kFinish;
        return emit(after, "consumer: wakes for another reason");
      case kFinish:  // sleeping_.store(0, relaxed)
        if (!may_store(c.buffer)) return;
        store(c.buffer, kSleeping, 0);
        c.at = kDrain;
        return emit(after, "consumer: says that it is awake");
      default:
        return;
    }
  }

  Mutant mutant_;
  std::vector<Byte> batches_;
  Byte extra_wakes_;
};

}  // namespace brume::core::model

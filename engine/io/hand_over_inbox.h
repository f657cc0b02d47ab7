// hand_over_inbox.h: a bounded set of records about sockets on their way from one core's Io to another's.
//
// put() from any thread; take() and take_all() by the receiving Io, and take() by the sender where the hand-over
// failed. Nothing waits. Lives at least as long as the receiving Io and every hand-over under way to it (it is held by
// count).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <brume/engine/io/io.h>

namespace brume::io {

class HandOverInbox {
 public:
  struct Record {
    ListenerHandle listener = -1;
    Address peer;
    int descriptor = -1;  // where the socket travels as one; closed with the inbox if nobody takes it
  };

  static constexpr std::uint32_t kSlots = 256;

  HandOverInbox() = default;
  HandOverInbox(const HandOverInbox&) = delete;
  HandOverInbox& operator=(const HandOverInbox&) = delete;
  ~HandOverInbox();

  // The slot the record lies in from now on; nullopt where all are in use.
  std::optional<std::uint32_t> put(const Record& record);
  // Requires: put() gave out `slot` and it was not taken since.
  Record take(std::uint32_t slot);
  // Calls `f(record)` for each record there is, after taking it.
  template <class F>
  void take_all(F&& f) {
    for (std::uint32_t i = 0; i < kSlots; i++) {
      // Acquire: pairs with the release in put().
      if (slots_[i].state.load(std::memory_order_acquire) == kFull) f(take(i));
    }
  }

 private:
  enum State : std::uint8_t { kFree, kWriting, kFull };
  struct Slot {
    std::atomic<State> state{kFree};
    Record record;
  };

  std::array<Slot, kSlots> slots_;
};

}  // namespace brume::io

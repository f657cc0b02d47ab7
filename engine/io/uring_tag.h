// uring_tag.h: the 64 bits an operation carries through the kernel: what it was, for which slot, and in which of the
// slot's uses, so that a late completion finds out that its socket is gone.
//
// Pure data.
#pragma once

#include <cstdint>

namespace brume::io {

enum class UringOp : std::uint8_t {
  accept,   // slot: a listener's record
  receive,  // slot: a socket, for this and the next five
  send,
  shutdown,
  linger,  // SO_LINGER before a reset
  close,
  hand_over,  // to another ring; use: index of the record of where it goes
  cancel,
  wake,         // the watch on the wake event
  woken,        // a message from another core's ring
  wake_failed,  // a message to another core's ring that did not arrive; use: which peer
  connect,      // slot: a record of connects_, for this and the next
  install,      // of a connected socket into the file table
  handed_over,  // a socket from another core's ring; use: slot of the inbox
};

struct UringTag {
  static constexpr int kOpShift = 60;
  static constexpr int kSlotShift = 32;
  static constexpr std::uint32_t kMaxSlots = std::uint32_t{1} << (kOpShift - kSlotShift);

  UringOp op;
  std::uint32_t slot = 0;
  std::uint32_t use = 0;

  std::uint64_t pack() const {
    return static_cast<std::uint64_t>(op) << kOpShift | static_cast<std::uint64_t>(slot) << kSlotShift | use;
  }
  static UringTag unpack(std::uint64_t data) {
    return {static_cast<UringOp>(data >> kOpShift), static_cast<std::uint32_t>(data >> kSlotShift) & (kMaxSlots - 1),
            static_cast<std::uint32_t>(data)};
  }
};

}  // namespace brume::io

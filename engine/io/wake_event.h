// wake_event.h: an eventfd that other threads write to wake an Io, at most one write outstanding.
//
// ring() from any thread; the rest by the Io that owns it. The descriptor is watched edge-triggered and never read:
// each write is an edge of its own, and the count cannot overflow in the life of a machine.
#pragma once

#include <atomic>

#include <brume/engine/io/owned_descriptor.h>

namespace brume::io {

class WakeEvent {
 public:
  // 0 or a positive errno.
  int open();
  int descriptor() const { return event_.get(); }

  // Any thread. What the caller wrote before is visible to the owner once it has called clear().
  void ring();
  // Owner: before it looks at what the wakers left for it.
  void clear() {
    // Pairs with the exchange in ring(): who finds the flag set by an earlier waker and does not write is read here.
    rung_.exchange(false, std::memory_order_acq_rel);
  }

 private:
  OwnedDescriptor event_;
  std::atomic<bool> rung_{false};
};

}  // namespace brume::io

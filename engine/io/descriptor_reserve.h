// descriptor_reserve.h: one descriptor held back, so that with the process out of them a waiting connection can still
// be taken and closed at once. Own thread of its Io.
#pragma once

#include <brume/engine/io/owned_descriptor.h>

namespace brume::io {

class DescriptorReserve {
 public:
  DescriptorReserve() { refill(); }

  // Accepts one connection waiting on `listener` (non-blocking) and closes it. False where none waits or no descriptor
  // could be had.
  bool refuse_one(int listener);

 private:
  void refill();

  OwnedDescriptor held_;
};

}  // namespace brume::io

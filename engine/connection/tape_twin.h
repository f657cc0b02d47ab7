// tape_twin.h: the messages of a tape once more, compressed for all receivers that agreed on the same.
//
// Laid when the first such receiver takes them, so that each message is compressed once a core and setting, however
// many receive it. A message that is small, or does not get smaller, stands here as it is, so that a receiver takes one
// range all the same. Owned by its tape; its core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include <brume/engine/connection/tape.h>

namespace brume::connection {

struct TapeTwin {
  explicit TapeTwin(core::BlockPool& pool) : tape(pool) {}

  DeflateChoice choice{};
  Tape tape;
};

}  // namespace brume::connection

// door.h: what other threads reach an Io by: its wake event, and the inbox for sockets from other cores.
//
// Held by count: an Io, and every other one that wakes it or hands sockets to it. Outlives its Io so that whoever is
// late finds it closed.
#pragma once

#include <atomic>
#include <cstdint>

#include <brume/engine/io/hand_over_inbox.h>
#include <brume/engine/io/wake_event.h>

namespace brume::io {

struct Door {
  enum class State : std::uint8_t { not_started, open, closed };

  WakeEvent wake;
  HandOverInbox inbox;
  // Written by the Io: open once it can take messages, closed when it ends. Release and acquire: who finds it open
  // finds what the Io set up before.
  std::atomic<State> state{State::not_started};
  int ring = -1;  // of an io_uring; set before anyone else holds the door
};

}  // namespace brume::io

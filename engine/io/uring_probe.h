// uring_probe.h: finds out what this machine's io_uring can do by doing it.
#pragma once

#include <expected>

#include <brume/engine/error.h>

namespace brume::io {

// What brume can do without, and does better with.
struct UringFeatures {
  bool deferred = true;     // SINGLE_ISSUER and DEFER_TASKRUN (Linux 6.1): completions only when asked for
  bool incremental = true;  // provided buffers used a part at a time (6.12)
  bool set_option = true;   // socket options of direct descriptors (6.7): without, a reset is an ordinary close
};

// Sets up two small rings and lets a connection live through everything UringIo will ask for: a file table, accept,
// multishot receive into provided buffers, send, cancel, shutdown, close, and messages and descriptors from ring to
// ring. Takes about a millisecond; bounded by a few seconds. Fails with io_unavailable and a text that names the first
// thing refused. Any thread; nothing is left behind.
std::expected<UringFeatures, SystemError> probe_uring();

}  // namespace brume::io

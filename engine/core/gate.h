// gate.h: where other threads reach a core: its mailbox and the means to wake it.
//
// Counted: handles keep a gate alive after its core has gone; it is closed then and refuses everything. Any thread may
// post; the owning core alone drains and closes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include <brume/engine/core/envelope.h>
#include <brume/engine/core/gate_ref.h>
#include <brume/engine/core/mailbox.h>
#include <brume/engine/error.h>
#include <brume/engine/io/io.h>

namespace brume::core {

class Gate {
 public:
  // `io` is used only until close().
  Gate(io::Io& io, std::size_t slots) : io_(&io), mailbox_(slots) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  // Any thread: queues the envelope and wakes the core where it sleeps. Errors: stopping (closed), queue_full.
  // On an error the envelope was not taken and its run is not called.
  std::expected<void, Error> post(const Envelope& envelope);
  // Another core's thread, by its own `from`: queues as many from the front as there is room for, next to each other,
  // and returns how many; wakes the core where it sleeps. Error: stopping (closed; none was taken).
  std::expected<std::size_t, Error> post_batch(std::span<const Envelope> envelopes, io::Io& from);
  // Wakes the core without an envelope. Any thread; nothing where it is closed.
  void wake();

  // Owner only. Runs up to `max` envelopes with `host` and returns their number.
  std::size_t drain(void* host, std::size_t max);
  bool prepare_sleep() { return mailbox_.prepare_sleep(); }
  void finish_sleep() { mailbox_.finish_sleep(); }
  bool empty_hint() const { return mailbox_.empty_hint(); }  // whether drain() would find nothing now
  // Owner only; a second time does nothing: refuses everything from now on, waits for the posts under way (a few
  // instructions each), and runs what is left with a null host.
  void close();

 private:
  friend class GateRef;
  // Counts the callers inside post() and wake() while it lives; false where the gate is closed.
  class Visit;

  ~Gate() = default;

  std::atomic<std::uint32_t> references_{0};
  // Callers inside, and the closed mark in the top bit: one word, so that a caller either is counted before the mark or
  // sees it.
  std::atomic<std::uint32_t> visitors_{0};
  io::Io* io_;
  Mailbox<Envelope> mailbox_;
};

}  // namespace brume::core

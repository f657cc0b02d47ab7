// faults.h: what may go wrong in a simulation, how often it does, and how often it did.
//
// Plain values; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace brume {

enum class FaultKind : std::uint8_t {
  split_segment,    // a write travels in several pieces
  slow_segment,     // a piece takes longer than its connection's latency
  small_window,     // a connection whose buffers hold little, down to one byte
  reset,            // the network breaks a connection at an arrival, an accept, a receive or a send
  reset_overtakes,  // a reset destroys what was on its way before it
  reset_discards,   // a reset destroys what had arrived and was not read
  short_read,       // a receive delivers a part of what is there, down to one byte
  receive_pause,    // a receive stands still for a while, as with provided buffers used up (ENOBUFS)
  short_send,       // a send takes a part of what fits, down to one byte
  pending_send,     // a send that could be answered at once is answered later
  late_send,        // the bytes of a pending send leave at once, its completion comes later
  late_completion,  // a completion comes later than what it tells
  reordered,        // a completion overtakes others (never those of its own operation)
  short_batch,      // one poll delivers only some of what is due
  cancel_lost,      // a cancelled operation has come to something else first
  late_accept,      // a connection is accepted although its listener was just paused
  accept_failed,    // EMFILE, ENFILE, ENOBUFS or ENOMEM
  no_reserve,       // refuse_one() has no descriptor in reserve
  hand_over_lost,   // the core a socket was given to has no room for it
  late_wake,        // a wake takes its time
  spurious_wake,    // a core turns for nothing
  core_stall,       // a core that has work is not run for a while
  connect_refused,  // a connect of a core is refused; this and the next are no part of storms
  connect_lost,     // nobody answers a connect of a core: ETIMEDOUT after two minutes
};
inline constexpr std::size_t kFaultKindCount = 24;

// The enumerator's name. Static storage.
std::string_view to_string(FaultKind kind);

// Probabilities in millionths, each for one opportunity. None by default.
class FaultRates {
 public:
  static constexpr std::uint32_t kAlways = 1'000'000;

  // Everything goes wrong often, and connections break now and then.
  static FaultRates storm();
  // A storm of its own for each seed: some kinds are left out, some are rare and some frequent, so that many seeds
  // together meet combinations that one mixture would drown.
  static FaultRates storm(std::uint64_t seed);

  std::uint32_t of(FaultKind kind) const { return ppm_[static_cast<std::size_t>(kind)]; }
  FaultRates& set(FaultKind kind, std::uint32_t ppm) {
    ppm_[static_cast<std::size_t>(kind)] = ppm;
    return *this;
  }
  // Leaves out what loses connections or refuses them, for tests in which every byte has to arrive.
  FaultRates& without_losses();

 private:
  std::array<std::uint32_t, kFaultKindCount> ppm_{};
};

// How often each kind struck.
struct FaultCounts {
  std::array<std::uint64_t, kFaultKindCount> struck{};

  std::uint64_t of(FaultKind kind) const { return struck[static_cast<std::size_t>(kind)]; }
  FaultCounts& operator+=(const FaultCounts& other);
  // "split_segment 12, slow_segment 0, ...": every kind, in one line.
  std::string to_string() const;
  // Names of the kinds that never struck, separated by blanks; empty where all did. Those that are no part of storms
  // are left out.
  std::string missing() const;
};

}  // namespace brume

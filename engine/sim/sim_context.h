// sim_context.h: what all parts of one simulation share: clock, chance, faults, trace.
//
// The simulation's thread only. The World owns it; it outlives every other part.
#pragma once

#include <cstdint>
#include <string_view>

#include <brume/engine/sim/faults.h>
#include <brume/engine/sim/random.h>
#include <brume/engine/sim/sim_clock.h>

namespace brume::sim {

// What a trace is made of. Each comes with two numbers: who, and how much or which.
enum class Step : std::uint8_t {
  turn,
  accepted,
  accept_failed,
  received,
  receive_ended,
  sent,
  connected,
  arrived,
  fin_arrived,
  reset_arrived,
  client_read,
  fault,
};

class SimContext {
 public:
  SimContext(std::uint64_t seed, const FaultRates& rates, bool print_trace)
      : random(seed), seed_(seed), rates_(rates), print_trace_(print_trace) {}
  SimContext(const SimContext&) = delete;
  SimContext& operator=(const SimContext&) = delete;

  SimClock clock;
  Random random;

  io::Time now() const { return clock.now(); }
  std::uint64_t seed() const { return seed_; }

  // Whether a fault strikes at this opportunity; counts it where it does.
  bool strikes(FaultKind kind) {
    if (!random.chance(rates_.of(kind))) return false;
    ++counts_.struck[static_cast<std::size_t>(kind)];
    note(Step::fault, static_cast<std::uint64_t>(kind), 0);
    return true;
  }
  const FaultCounts& fault_counts() const { return counts_; }

  // A time from `low` to `high`, below four seconds.
  io::Time duration(io::Time low, io::Time high) {
    return io::Time{random.between(static_cast<std::uint32_t>(low.count()), static_cast<std::uint32_t>(high.count()))};
  }

  void note(Step step, std::uint64_t who, std::uint64_t what) {
    mix(static_cast<std::uint64_t>(step) + static_cast<std::uint64_t>(now().count()) * 16);
    mix(who);
    mix(what);
    if (print_trace_) print(step, who, what);
  }
  // Over everything noted so far.
  std::uint64_t trace_hash() const { return hash_; }

  // Ends the process: the layer above Io broke its contract, or the simulation cannot go on. Says which seed it was.
  [[noreturn]] void fail(std::string_view text) const;

 private:
  void mix(std::uint64_t word) { hash_ = (std::rotl(hash_, 29) ^ word) * 0x9E3779B97F4A7C15u; }
  void print(Step step, std::uint64_t who, std::uint64_t what) const;

  std::uint64_t seed_;
  FaultRates rates_;
  FaultCounts counts_;
  std::uint64_t hash_ = 0;
  bool print_trace_;
};

// A hash of bytes, for traces and for finding out that they changed.
std::uint64_t hash_bytes(const void* data, std::size_t size, std::uint64_t hash = 0);

}  // namespace brume::sim

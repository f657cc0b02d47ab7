// sim_options.h: what a simulation is made of.
//
// Plain data.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <brume/engine/sim/faults.h>

namespace brume {

struct SimulatorOptions {
  std::uint64_t seed = 1;                     // everything that is left to chance follows from it
  std::size_t cores = 1;                      // what Simulator::cores() says, for servers that ask
  FaultRates faults{};                        // none
  std::chrono::microseconds min_latency{50};  // one way; drawn for each direction of each connection
  std::chrono::microseconds max_latency{250};
  std::size_t window_size = 256 * 1024;  // bytes on their way and unread together, each direction
  std::uint64_t max_steps = 2'000'000;   // of one run, or without the clock moving; above it: livelock
  bool check_invariants = true;          // after each turn of a core
  bool print_trace = false;              // every step, to stderr
};

}  // namespace brume

// sim_seeds.h: the loop over seeds that every test on the simulator uses, and the one command that replays a failure.
//
//   SeedLoop seeds(2000);
//   while (seeds.next()) {
//     Simulator world{seeds.options(FaultRates::storm(seeds.seed()))};
//     ...
//     seeds.add(world.fault_counts());
//   }
//   EXPECT_TRUE(seeds.struck_everything());
//
// BRUME_SEED=n runs one seed, BRUME_SEEDS=n so many, BRUME_TRACE=1 prints each step. The loop ends at the first seed
// after which the test has failed, and says how to replay it; so it does where the process dies. One loop at a time.
#pragma once

#include <cstdint>
#include <string>

#include <brume/engine/sim/faults.h>
#include <brume/engine/sim/sim_options.h>

namespace brume::test {

class SeedLoop {
 public:
  explicit SeedLoop(std::uint64_t count);
  // Prints the faults by kind, where any was added.
  ~SeedLoop();
  SeedLoop(const SeedLoop&) = delete;
  SeedLoop& operator=(const SeedLoop&) = delete;

  // Goes on to the next seed; false at the end.
  bool next();
  std::uint64_t seed() const { return seed_; }
  // Options for a world of this seed.
  SimulatorOptions options(const FaultRates& faults = {}) const;

  void add(const FaultCounts& faults) { faults_ += faults; }
  const FaultCounts& faults() const { return faults_; }
  // Whether each kind struck, or fewer seeds were run than the test means to. Prints the kinds that did not.
  bool struck_everything() const;

 private:
  std::string replay() const;

  std::uint64_t first_;
  std::uint64_t count_;
  bool chosen_;  // by the environment: fewer than the test means to run
  bool running_ = false;
  std::uint64_t seed_ = 0;
  std::uint64_t done_ = 0;
  FaultCounts faults_;
};

}  // namespace brume::test

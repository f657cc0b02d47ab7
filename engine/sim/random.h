// random.h: the simulator's one source of chance: xoshiro256** seeded by splitmix64.
//
// A value; whoever holds it draws from it. The same seed gives the same numbers on every machine. Not for secrets.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace brume::sim {

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) {
    for (std::uint64_t& word : state_) word = split_mix(seed);
  }

  constexpr std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

  // 0 to bound - 1. Requires: bound > 0.
  constexpr std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

  // low to high, both included. Requires: low <= high, and not the whole range of the type.
  constexpr std::uint32_t between(std::uint32_t low, std::uint32_t high) { return low + below(high - low + 1); }

  // True with a probability in millionths. Draws nothing where the answer is sure.
  constexpr bool chance(std::uint32_t ppm) { return ppm != 0 && (ppm >= 1'000'000 || below(1'000'000) < ppm); }

 private:
  static constexpr std::uint64_t split_mix(std::uint64_t& seed) {
    seed += 0x9E3779B97F4A7C15u;
    std::uint64_t word = seed;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
  }

  std::array<std::uint64_t, 4> state_{};
};

}  // namespace brume::sim

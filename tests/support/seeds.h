// seeds.h: where random tests get their seeds from: the same in every run, or one given as BRUME_SEED.
//
// Functions without state. A test prints the seed with its failure: SCOPED_TRACE(seed_hint(seed)).
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace brume::test {

// `count` seeds, or only the one that the environment variable BRUME_SEED names.
inline std::vector<std::uint64_t> seeds(std::size_t count) {
  if (const char* given = std::getenv("BRUME_SEED")) return {std::strtoull(given, nullptr, 10)};
  std::vector<std::uint64_t> all;
  for (std::size_t i = 0; i < count; ++i) all.push_back(i + 1);
  return all;
}

inline std::string seed_hint(std::uint64_t seed) {
  return "run again with BRUME_SEED=" + std::to_string(seed);
}

}  // namespace brume::test

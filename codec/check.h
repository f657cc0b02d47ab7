// check.h: what check_invariants() of the codec's types ends in.
//
// Any thread. Kept in every flavour of the build; never called on a data path.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace brume::codec {

// Ends the process with `rule` on stderr where it does not hold.
inline void check(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "brume: broken invariant: %s\n", rule);
  std::abort();
}

}  // namespace brume::codec

// sources.h: what the applications take from outside: time and fresh ids. Tests give their own.
//
// A value; its functions are called from any core's thread, also at the same time.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace examples {

using WallTime = std::chrono::system_clock::time_point;

struct Sources {
  std::function<std::chrono::nanoseconds()> now;  // since some start; never goes back
  std::function<WallTime()> wall_clock;
  std::function<std::string()> new_id;  // never the same twice
};

// The machine's clocks, and random UUIDs of libuuid.
Sources system_sources();

// Seconds since 1970.
long long unix_seconds(WallTime time);
// RFC 3339, in UTC and whole seconds: "2026-01-02T03:04:05Z".
std::string rfc3339(WallTime time);

}  // namespace examples

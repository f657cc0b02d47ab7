// sim_clock.h: virtual time. It stands still until the scheduler moves it to the next thing that happens.
//
// The simulation's thread only; lives as long as its world.
#pragma once

#include <chrono>

#include <brume/engine/io/io.h>

namespace brume::sim {

inline constexpr io::Time kNever = io::Time::max();

// `time` + `delay` without overflow; a negative delay means never.
constexpr io::Time after(io::Time time, io::Time delay) {
  return delay < io::Time::zero() || delay > kNever - time ? kNever : time + delay;
}

class SimClock {
 public:
  io::Time now() const { return now_; }

  // Moves on; a time that has passed changes nothing.
  void advance_to(io::Time time) {
    if (time > now_) now_ = time;
  }

  // Every simulation starts at 2030-01-01 00:00:00 UTC.
  std::chrono::system_clock::time_point wall_clock() const {
    using std::chrono::system_clock;
    constexpr auto start = std::chrono::sys_days{std::chrono::year{2030} / 1 / 1};
    return std::chrono::time_point_cast<system_clock::duration>(start) +
           std::chrono::duration_cast<system_clock::duration>(now_);
  }

 private:
  // Not zero: a time of zero often means "none", and code that mixes the two up should be found.
  io::Time now_ = std::chrono::seconds{1};
};

}  // namespace brume::sim

// process_stats.h: what the kernel says a process uses. Reads /proc and /sys/fs/cgroup; any thread.
//
// Every answer is empty where the kernel does not give the figure: nothing here guesses.
#pragma once

#include <cstdint>
#include <optional>

namespace wsblast {

struct CpuTime {
  double total_s;
  double user_s;
};

// User and system time of all threads of `pid`, at the resolution of the kernel's clock tick.
std::optional<CpuTime> cpu_time_of(int pid);

// Resident set in bytes.
std::optional<std::uint64_t> resident_bytes_of(int pid);

// Memory charged to the whole memory cgroup that `pid` is in, kernel memory of its sockets included.
std::optional<std::uint64_t> cgroup_bytes_of(int pid);

// User and system seconds of this process so far.
double own_cpu_s();

}  // namespace wsblast

// machine_limits.h: what this process may use of the machine: processors, memory, descriptors.
//
// Read from the kernel at each call; any thread.
#pragma once

#include <cstddef>

#include <brume/engine/io/environment.h>

namespace brume::io {

// Processors of the affinity mask, at most as many as the cgroup's CPU quota pays for (rounded up); at least 1.
std::size_t usable_cores();

// Bytes: the smaller of the machine's memory and the cgroup's limit; 0 where neither can be read.
std::size_t usable_memory();

Environment::DescriptorLimit descriptor_limits();

}  // namespace brume::io

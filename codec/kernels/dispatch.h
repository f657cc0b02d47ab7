// dispatch.h: which kernels this processor can run, and which of them are used.
//
// Any thread. Asked of the processor once, at the first call; the answer lives as long as the program.
#pragma once

#include <span>
#include <string_view>

#include <brume/codec/kernels/kernel_set.h>

namespace brume::codec {

// The fastest set this processor and its operating system can run.
const KernelSet& best_kernels();

// All sets they can run, the slowest ("scalar") first.
std::span<const KernelSet* const> runnable_kernels();

// The set of that name ("scalar", "avx2", "avx512", "neon"), or null where it is not runnable.
const KernelSet* find_kernels(std::string_view name);

}  // namespace brume::codec

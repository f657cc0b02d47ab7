#include <array>
#include <cstddef>

#include <brume/codec/kernels/dispatch.h>

namespace brume::codec {
namespace {

class RunnableKernels {
 public:
  RunnableKernels() {
    add(kScalarKernels);
#if defined(__x86_64__)
    // These tests include the operating system's part: whether it saves the wider registers (XGETBV).
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) add(kAvx2Kernels);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2"))
      add(kAvx512Kernels);
#elif defined(__aarch64__)
    add(kNeonKernels);
#endif
  }

  std::span<const KernelSet* const> all() const { return std::span(sets_).first(count_); }

 private:
  void add(const KernelSet& set) { sets_[count_++] = &set; }

  static constexpr std::size_t kMaxSets = 3;
  std::array<const KernelSet*, kMaxSets> sets_{};
  std::size_t count_ = 0;
};

}  // namespace

std::span<const KernelSet* const> runnable_kernels() {
  static const RunnableKernels runnable;
  return runnable.all();
}

const KernelSet& best_kernels() {
  static const KernelSet& best = *runnable_kernels().back();
  return best;
}

const KernelSet* find_kernels(std::string_view name) {
  for (const KernelSet* set : runnable_kernels())
    if (set->name == name) return set;
  return nullptr;
}

}  // namespace brume::codec

// histogram.h: latencies in log-linear buckets, 64 to a power of two, so a percentile is off by at most 1.6 %.
//
// Any one thread; no allocation after construction.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

namespace wsblast {

class Histogram {
 public:
  void add(std::uint64_t nanoseconds, std::uint64_t count) {
    buckets_[bucket_of(nanoseconds)] += count;
    total_ += count;
  }

  void clear() {
    std::ranges::fill(buckets_, 0);
    total_ = 0;
  }

  // The latency that `fraction` of all samples stay at or below, in microseconds; 0 without samples.
  double percentile_us(double fraction) const {
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      seen += buckets_[bucket];
      if (seen > wanted) return static_cast<double>(floor_of(bucket)) / 1e3;
    }
    return 0;
  }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::uint64_t kLinear = std::uint64_t{1} << kBits;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kLinear) return static_cast<std::size_t>(value);
    const auto exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
    return static_cast<std::size_t>((exponent - kBits + 1) * kLinear + ((value >> (exponent - kBits)) & (kLinear - 1)));
  }

  static std::uint64_t floor_of(std::size_t bucket) {
    if (bucket < kLinear) return bucket;
    const auto exponent = bucket / kLinear + kBits - 1;
    return (kLinear + bucket % kLinear) << (exponent - kBits);
  }

  std::vector<std::uint64_t> buckets_ = std::vector<std::uint64_t>((64 - kBits + 1) * kLinear, 0);
  std::uint64_t total_ = 0;
};

}  // namespace wsblast

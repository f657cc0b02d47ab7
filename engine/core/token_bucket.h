// token_bucket.h: at most so many a second, with a burst of one second's worth. A value; its owner's thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace brume::core {

class TokenBucket {
 public:
  using Time = std::chrono::nanoseconds;

  // `rate`: tokens a second; 0: no limit.
  explicit TokenBucket(std::uint64_t rate = 0) : rate_(rate) {}

  // Takes `count` tokens; false, and takes none, where there are fewer.
  bool take(std::uint64_t count, Time now) {
    if (rate_ == 0) return true;
    // The bucket is the time at which it would be full again: a token pushes it on by its share of a second.
    const Time full = std::max(full_at_, now);
    const std::uint64_t cost = count > kMost / kSecond ? kMost : count * kSecond / rate_;
    if (cost > kSecond || full - now + Time(cost) > Time(kSecond)) return false;
    full_at_ = full + Time(cost);
    return true;
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;
  static constexpr std::uint64_t kMost = UINT64_MAX;

  std::uint64_t rate_;
  Time full_at_{0};
};

}  // namespace brume::core

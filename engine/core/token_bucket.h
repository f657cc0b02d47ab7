// token_bucket.h: at most so many a second, with a burst of one second's worth. A value; its owner's thread.
//
// Exact: in whole numbers, nothing is rounded away, whatever the rate and however the tokens are taken.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace brume::core {

class TokenBucket {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr std::uint64_t kMaxRate = UINT32_MAX;  // tokens a second; more counts as this

  // `rate`: tokens a second; 0: no limit.
  explicit TokenBucket(std::uint64_t rate = 0) : rate_(static_cast<std::uint32_t>(std::min(rate, kMaxRate))) {}

  // Takes `count` tokens; false, and takes none, where there are fewer. `now` never goes back.
  bool take(std::uint64_t count, Time now) {
    if (rate_ == 0) return true;
    if (count > rate_) return false;
    if (full_at_ < now) {
      full_at_ = now;
      part_ = 0;
    }
    // A token pushes the time at which the bucket would be full on by its share of a second, which may lie at most one
    // second ahead.
    const std::uint64_t parts = part_ + count * kSecond;
    const Time full_at = full_at_ + Time(parts / rate_);
    const auto part = static_cast<std::uint32_t>(parts % rate_);
    const Time ahead = full_at - now;
    if (ahead > Time(kSecond) || (ahead == Time(kSecond) && part != 0)) return false;
    full_at_ = full_at;
    part_ = part;
    return true;
  }

 private:
  static constexpr std::uint64_t kSecond = 1'000'000'000;

  Time full_at_{0};
  std::uint32_t rate_;
  std::uint32_t part_ = 0;  // of a nanosecond beyond full_at_, in shares of 1 / rate_
};
static_assert(sizeof(TokenBucket) == 16);

}  // namespace brume::core

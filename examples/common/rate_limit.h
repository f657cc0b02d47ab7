// rate_limit.h: how much one connection may send before it is told so, and when it has to go.
//
// A value of its connection; its core's thread. Two buckets that fill up to one second's worth: messages and bytes. The
// first breach is a warning; another one within 10 seconds of it is the end.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace examples {

struct Rates {
  std::uint32_t messages = 0;  // a second; 0: no limit
  std::uint64_t bytes = 0;     // a second; 0: no limit
};

class RateLimit {
 public:
  using Time = std::chrono::nanoseconds;
  static constexpr Time kForgivenAfter = std::chrono::seconds(10);

  enum class Verdict : std::uint8_t { fine, warn, end };

  RateLimit(const Rates& rates, Time now)
      : messages_(static_cast<double>(rates.messages), now), bytes_(static_cast<double>(rates.bytes), now) {}

  // A message of `size` bytes came; where the verdict is not `fine` it is not to be served.
  Verdict judge(std::size_t size, Time now) {
    if (messages_.take(1, now) && bytes_.take(static_cast<double>(size), now)) return Verdict::fine;
    if (warned_at_ && now - *warned_at_ < kForgivenAfter) return Verdict::end;
    warned_at_ = now;
    return Verdict::warn;
  }

 private:
  class Bucket {
   public:
    Bucket(double rate, Time now) : rate_(rate), tokens_(rate), filled_at_(now) {}

    bool take(double count, Time now) {
      if (rate_ == 0) return true;
      tokens_ = std::min(rate_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_at_).count());
      filled_at_ = now;
      if (count > tokens_) return false;
      tokens_ -= count;
      return true;
    }

   private:
    double rate_;  // a second
    double tokens_;
    Time filled_at_;
  };

  Bucket messages_;
  Bucket bytes_;
  std::optional<Time> warned_at_{};
};

}  // namespace examples

// ledger.h: bytes a core holds on behalf of its peers, against a bound; its thread only.
#pragma once

#include <cassert>
#include <cstddef>

namespace brume::core {

class Ledger {
 public:
  // `limit`: bytes; 0: none.
  explicit Ledger(std::size_t limit) : limit_(limit) {}

  void add(std::size_t bytes) { held_ += bytes; }
  void sub(std::size_t bytes) {
    assert(bytes <= held_);
    held_ -= bytes;
  }
  std::size_t held() const { return held_; }
  std::size_t limit() const { return limit_; }
  // Whether `held` more bytes, counted elsewhere, and those here are above the bound.
  bool above_limit(std::size_t elsewhere = 0) const { return limit_ != 0 && held_ + elsewhere > limit_; }

 private:
  std::size_t limit_;
  std::size_t held_ = 0;
};

}  // namespace brume::core

// ledger.h: bytes a core holds on behalf of its peers, by kind, against one bound; its thread only.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>

namespace brume::core {

class Ledger {
 public:
  enum class Kind : std::uint8_t { outboxes, spills, messages, frames, tls };
  static constexpr std::size_t kKinds = 5;

  // `limit`: bytes; 0: none.
  explicit Ledger(std::size_t limit) : limit_(limit) {}

  void add(Kind kind, std::size_t bytes) {
    by_kind_[index(kind)] += bytes;
    held_ += bytes;
  }
  // Requires: so much was added to this kind.
  void sub(Kind kind, std::size_t bytes) {
    assert(bytes <= by_kind_[index(kind)]);
    by_kind_[index(kind)] -= bytes;
    held_ -= bytes;
  }
  std::size_t held() const { return held_; }
  std::size_t held(Kind kind) const { return by_kind_[index(kind)]; }
  std::size_t limit() const { return limit_; }
  // Whether what is held here and `elsewhere` more bytes, counted by others, are together above the bound.
  bool above_limit(std::size_t elsewhere = 0) const { return limit_ != 0 && held_ + elsewhere > limit_; }

  void check_invariants() const {
    [[maybe_unused]] std::size_t sum = 0;
    for (const std::size_t bytes : by_kind_) sum += bytes;
    assert(sum == held_);
  }

 private:
  static std::size_t index(Kind kind) { return static_cast<std::size_t>(kind); }

  std::size_t limit_;
  std::size_t held_ = 0;
  std::array<std::size_t, kKinds> by_kind_{};
};

}  // namespace brume::core

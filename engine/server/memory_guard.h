// memory_guard.h: what a core does as the bytes it holds for its peers come near its share of Config::memory_limit.
//
// Three stages, each with a threshold of its own and each counted (Refusal): connections that hold more than their fair
// share are not read; newcomers get 503; those that hold most are cut. Nothing is aborted, and whoever is held back is
// let go on once there is room again. Nobody held back waits for ever either: by turns they are read for a while, so
// that a message that is partly there can come to its end and a peer that has gone is noticed; message_timeout goes on
// counting. The core's thread only; the core owns it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>
#include <brume/engine/core/reactor.h>

namespace brume::server {

class MemoryGuard {
 public:
  // In sixteenths of the limit.
  static constexpr std::size_t kEaseAt = 10;      // below it everything is as usual again
  static constexpr std::size_t kHoldBackAt = 12;  // who holds more than the fair share of this is not read
  static constexpr std::size_t kRefuseAt = 14;    // newcomers get 503, until it has eased
  static constexpr std::size_t kCutTo = 15;       // above the limit: who holds most is cut, until so much is left
  // Connections are looked through at most so often to hold back and to let go.
  static constexpr core::Time kReviewInterval = std::chrono::milliseconds(100);
  static constexpr std::size_t kReviewsForAll = 16;  // after so many, everybody held back has had a turn
  static constexpr std::size_t kMostCutsAtOnce = 16;

  explicit MemoryGuard(connection::CoreContext& context) : context_(context) {}
  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;

  // At the end of each turn. Costs a comparison while there is room.
  void look() {
    const std::size_t limit = context_.reactor.ledger().limit();
    if (limit != 0 && held() >= sixteenths(kHoldBackAt)) press();
  }
  // Whether a connection that has just been accepted has to be refused, which is then counted.
  bool refuses_newcomer(const io::Address& peer);

 private:
  struct ReviewAlarm final : core::Alarm {
    explicit ReviewAlarm(MemoryGuard& g) : guard(g) {}
    void fire() override { guard.review(); }
    MemoryGuard& guard;
  };

  std::size_t held() const { return context_.reactor.ledger().held() + context_.reactor.blocks().held(); }
  std::size_t sixteenths(std::size_t count) const { return context_.reactor.ledger().limit() / 16 * count; }
  void press();
  void review();
  // Holds back who is above the fair share and lets go who is below; returns how many are held back now.
  std::size_t hold_back();
  void let_all_go();
  // So many of those held back are read until the next review: those behind the last that were.
  void give_turns(std::size_t count);
  void cut();
  void count(connection::Refusal refusal, const io::Address* peer, LogLevel level, std::string_view what);

  connection::CoreContext& context_;
  ReviewAlarm alarm_{*this};
  bool refusing_ = false;
  std::size_t held_at_review_ = 0;
  std::size_t held_at_cut_ = 0;       // when connections were last cut, since the last review
  std::uint32_t last_turn_slot_ = 0;  // who had the last turn
};

}  // namespace brume::server

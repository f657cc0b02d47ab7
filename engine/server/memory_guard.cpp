#include <algorithm>

#include <brume/engine/server/memory_guard.h>

namespace brume::server {

using connection::End;
using connection::Link;
using connection::Refusal;

void MemoryGuard::press() {
  if (!alarm_.armed()) review();
  if (held() > context_.reactor.ledger().limit()) cut();
}

bool MemoryGuard::refuses_newcomer(const io::Address& peer) {
  if (context_.reactor.ledger().limit() == 0) return false;
  refusing_ = held() >= sixteenths(refusing_ ? kEaseAt : kRefuseAt);
  if (refusing_) count(Refusal::memory_refused, &peer, LogLevel::warning, "no memory for another connection");
  return refusing_;
}

// ---- holding back

void MemoryGuard::review() {
  held_at_cut_ = 0;
  if (held() < sixteenths(kEaseAt)) return let_all_go();
  // What nobody uses goes first.
  context_.reactor.blocks().trim();
  context_.reactor.frames().trim();
  const std::size_t waiting = hold_back();
  const bool stuck = held_at_review_ != 0 && held() >= held_at_review_;
  if (stuck && waiting != 0) give_turns(std::max<std::size_t>(waiting / kReviewsForAll, 1));
  held_at_review_ = held();
  context_.reactor.arm(alarm_, context_.reactor.now() + kReviewInterval);
}

std::size_t MemoryGuard::hold_back() {
  // Together they hold at least so much as this is the share of: one of them is above it.
  const std::size_t share = sixteenths(kHoldBackAt) / std::max<std::size_t>(context_.links.size(), 1);
  std::size_t waiting = 0;
  context_.links.for_each([&](Link& link) {
    if (link.held_bytes() < share) return link.let_go();
    if (link.hold_back())
      count(Refusal::memory_held_back, &link.peer(), LogLevel::warning, "holds more than its share and is not read");
    if (link.held_back()) waiting++;
  });
  return waiting;
}

void MemoryGuard::let_all_go() {
  held_at_review_ = 0;
  context_.links.for_each([](Link& link) { link.let_go(); });
}

void MemoryGuard::give_turns(std::size_t count) {
  const std::uint32_t last = last_turn_slot_;
  for (const bool wrapped : {false, true}) {
    context_.links.for_each([&](Link& link) {
      if (count == 0 || !link.held_back() || (link.token().slot > last) == wrapped) return;
      last_turn_slot_ = link.token().slot;
      link.let_go();
      count--;
    });
  }
}

// ---- cutting

void MemoryGuard::cut() {
  // Those cut before may not have given back what they hold yet: nobody else is looked for until more is held, or the
  // next review.
  if (held() <= held_at_cut_) return;
  std::array<Link*, kMostCutsAtOnce> most{};
  std::size_t going = 0;  // bytes of those that are on their way out
  context_.links.for_each([&](Link& link) {
    const std::size_t bytes = link.held_bytes();
    if (link.aborting()) {
      going += bytes;
      return;
    }
    Link* candidate = &link;
    for (Link*& place : most) {
      if (!candidate) break;
      if (!place || place->held_bytes() < candidate->held_bytes()) std::swap(place, candidate);
    }
  });
  for (Link* link : most) {
    if (!link || held() <= sixteenths(kCutTo) + going) break;
    count(Refusal::memory_limit, &link->peer(), LogLevel::error, "the connection that holds most is cut");
    link->abort(End::memory);
    going += link->held_bytes();
  }
  held_at_cut_ = held();
}

void MemoryGuard::count(Refusal refusal, const io::Address* peer, LogLevel level, std::string_view what) {
  context_.counters.refusals[static_cast<std::size_t>(refusal)].add();
  context_.log.event(level, context_.reactor.now(), to_string(refusal), peer, what);
}

}  // namespace brume::server

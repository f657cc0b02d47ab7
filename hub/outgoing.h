// outgoing.h: envelopes for one other core, in order, until its mailbox takes them.
//
// Everything a core asks of another goes through here: the turn's envelopes are pushed in one batch when it settles,
// and what finds the mailbox full stays in front of what comes later. Broadcasts are refused above a bound; control
// envelopes (join, leave, end, reply) always go: they are bounded by the calls, rooms and registrations there are. The
// owning core's thread only.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <vector>

#include <brume/engine/core/envelope.h>
#include <brume/engine/core/gate.h>
#include <brume/engine/core/gate_ref.h>

namespace brume::hub {

class Outgoing {
 public:
  explicit Outgoing(core::GateRef gate) : gate_(std::move(gate)) {}
  // What is left is released unrun.
  ~Outgoing();
  Outgoing(Outgoing&&) noexcept = default;
  Outgoing& operator=(Outgoing&&) noexcept = default;

  bool empty() const { return first_ == envelopes_.size(); }
  std::size_t size() const { return envelopes_.size() - first_; }
  // May throw std::bad_alloc; then nothing changed.
  void push(const core::Envelope& envelope) { envelopes_.push_back(envelope); }

  // Pushes what the mailbox takes. False where something stays.
  bool flush(io::Io& from);
  // Releases everything unrun.
  void drop() noexcept;

 private:
  core::GateRef gate_;
  std::vector<core::Envelope> envelopes_;
  std::size_t first_ = 0;  // the envelopes before it have gone
};

}  // namespace brume::hub

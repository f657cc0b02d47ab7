#include <brume/hub/outgoing.h>

namespace brume::hub {

Outgoing::~Outgoing() {
  drop();
}

bool Outgoing::flush(io::Io& from) {
  if (empty()) return true;
  const auto taken = gate_.get()->post_batch(std::span(envelopes_).subspan(first_), from);
  if (!taken) {
    drop();  // that core has ended, and everything with it
    return true;
  }
  first_ += *taken;
  if (!empty()) {
    // Only what waits is kept, so that a target that stays slow does not make the list grow.
    if (first_ * 2 > envelopes_.size()) {
      envelopes_.erase(envelopes_.begin(), envelopes_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return false;
  }
  envelopes_.clear();
  first_ = 0;
  return true;
}

void Outgoing::drop() noexcept {
  for (; first_ < envelopes_.size(); first_++) envelopes_[first_].run(nullptr, envelopes_[first_].payload.data());
  envelopes_.clear();
  first_ = 0;
}

}  // namespace brume::hub

#include <algorithm>
#include <cassert>

#include <brume/engine/connection/lingering.h>

namespace brume::connection {

Lingering::~Lingering() {
  assert(entries_.empty());
}

void Lingering::add(Lingerer& lingerer, core::Time deadline) {
  entries_.push_back({&lingerer, deadline});
  if (!alarm_.armed() || deadline < alarm_.deadline()) reactor_.arm(alarm_, deadline);
}

void Lingering::remove(Lingerer& lingerer) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.lingerer == &lingerer; });
}

void Lingering::give_up_all() {
  end(core::Time::max());
}

void Lingering::give_up_until_now() {
  end(reactor_.now());
  if (entries_.empty()) return;
  reactor_.arm(alarm_, std::ranges::min(entries_, {}, &Entry::deadline).deadline);
}

void Lingering::end(core::Time until) {
  // What a destroyed frame's destructors do may end or add others: look anew after each.
  for (;;) {
    const auto due = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.deadline <= until; });
    if (due == entries_.end()) return;
    Lingerer& lingerer = *due->lingerer;
    entries_.erase(due);
    lingerer.give_up();
  }
}

}  // namespace brume::connection

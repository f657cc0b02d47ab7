#include <cassert>
#include <unistd.h>

#include <brume/engine/io/hand_over_inbox.h>

namespace brume::io {

HandOverInbox::~HandOverInbox() {
  take_all([](const Record& record) {
    if (record.descriptor >= 0) ::close(record.descriptor);
  });
}

std::optional<std::uint32_t> HandOverInbox::put(const Record& record) {
  for (std::uint32_t i = 0; i < kSlots; i++) {
    State expected = kFree;
    // Acquire: pairs with the release in take(), so that the last record was read before it is overwritten.
    if (!slots_[i].state.compare_exchange_strong(expected, kWriting, std::memory_order_acquire)) continue;
    slots_[i].record = record;
    slots_[i].state.store(kFull, std::memory_order_release);  // pairs with the acquire in take() and take_all()
    return i;
  }
  return std::nullopt;
}

HandOverInbox::Record HandOverInbox::take(std::uint32_t slot) {
  [[maybe_unused]] const State state = slots_[slot].state.load(std::memory_order_acquire);  // pairs with put()
  assert(state == kFull);
  const Record record = slots_[slot].record;
  slots_[slot].state.store(kFree, std::memory_order_release);  // pairs with the acquire in put()
  return record;
}

}  // namespace brume::io

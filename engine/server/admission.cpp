#include <brume/engine/server/admission.h>

namespace brume::server {

bool Admission::enter(const io::Address& peer) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= max_connections_) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (max_per_address_ == 0) return true;
  const std::lock_guard lock(mutex_);
  std::size_t& count = by_address_[peer.host()];
  if (count >= max_per_address_) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  count++;
  return true;
}

void Admission::leave(const io::Address& peer) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (max_per_address_ == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(peer.host());
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace brume::server

#include <string_view>

#include <brume/engine/server/admission.h>

namespace brume::server {

std::size_t Admission::HostHash::operator()(const Host& host) const noexcept {
  const auto* text = reinterpret_cast<const char*>(host.bytes.data());
  return std::hash<std::string_view>()({text, host.bytes.size()}) ^ host.scope;
}

bool Admission::enter(const io::Address& peer) {
  bool entered = open_.fetch_add(1, std::memory_order_relaxed) < max_connections_;
  try {
    entered = entered && enter_address(peer);
  } catch (...) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
  if (!entered) open_.fetch_sub(1, std::memory_order_relaxed);
  return entered;
}

bool Admission::enter_address(const io::Address& peer) {
  if (!limits(peer)) return true;
  const std::lock_guard lock(mutex_);
  std::size_t& count = by_address_[Host(peer)];
  if (count >= max_per_address_) return false;
  count++;
  return true;
}

void Admission::leave(const io::Address& peer) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (!limits(peer)) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(Host(peer));
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace brume::server

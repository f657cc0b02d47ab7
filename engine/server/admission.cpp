#include <string_view>

#include <brume/engine/server/admission.h>

namespace brume::server {

std::size_t Admission::HostHash::operator()(const Host& host) const noexcept {
  const auto* text = reinterpret_cast<const char*>(host.bytes.data());
  return std::hash<std::string_view>()({text, host.bytes.size()}) ^ host.scope;
}

bool Admission::enter(const io::Address& peer) {
  if (open_.fetch_add(1, std::memory_order_relaxed) >= max_connections_) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  if (max_per_address_ == 0) return true;
  const std::lock_guard lock(mutex_);
  try {
    std::size_t& count = by_address_[Host(peer)];
    if (count < max_per_address_) {
      count++;
      return true;
    }
  } catch (...) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
  open_.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void Admission::leave(const io::Address& peer) {
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (max_per_address_ == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = by_address_.find(Host(peer));
  if (--found->second == 0) by_address_.erase(found);
}

}  // namespace brume::server

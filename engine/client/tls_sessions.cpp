#include <algorithm>
#include <new>
#include <ranges>

#include <brume/engine/client/tls_sessions.h>

namespace brume::client {

tls::Session TlsSessions::take(std::string_view authority) noexcept {
  const std::lock_guard lock(mutex_);
  for (auto place = sessions_.end(); place != sessions_.begin();) {
    if ((--place)->first != authority) continue;
    tls::Session taken = std::move(place->second);
    sessions_.erase(place);
    return taken;
  }
  return {};
}

void TlsSessions::put(const std::string& authority, tls::Session session) noexcept {
  if (!session) return;
  tls::Session dropped;  // outlives the lock: freeing it takes a while
  const std::lock_guard lock(mutex_);
  const auto is_of = [&](const auto& entry) { return entry.first == authority; };
  auto oldest = sessions_.end();
  if (std::ranges::count_if(sessions_, is_of) >= static_cast<std::ptrdiff_t>(kMaxOfOne)) {
    oldest = std::ranges::find_if(sessions_, is_of);
  } else if (sessions_.size() >= kMax) {
    oldest = sessions_.begin();
  }
  if (oldest != sessions_.end()) {
    dropped = std::move(oldest->second);
    sessions_.erase(oldest);
  }
  try {
    sessions_.emplace_back(authority, std::move(session));
  } catch (const std::bad_alloc&) {
    session.reset();  // a full handshake next time
  }
}

std::size_t TlsSessions::size() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace brume::client

// The listeners of the simulated network (sim_network.h).
#include <algorithm>
#include <array>

#include <brume/engine/sim/sim_network.h>

namespace brume::sim {
namespace {

bool is_any(const io::Address& address) {
  return std::ranges::all_of(address.bytes, [](std::uint8_t byte) { return byte == 0; });
}

// Whether a listener on `listening` gets what is sent to `to`. Connecting to the address of all is connecting to
// oneself.
// An unspecified IPv6 address listens for IPv4, too. A Unix-domain socket has a number in the place of its port.
bool matches(const io::Address& listening, const io::Address& to) {
  using Family = io::Address::Family;
  if (listening.port != to.port) return false;
  if (listening.family == Family::v6 && to.family == Family::v4) return is_any(listening);
  return listening.family == to.family && (is_any(listening) || is_any(to) || listening.bytes == to.bytes);
}

}  // namespace

SimNetwork::Listener& SimNetwork::at_listener(io::ListenerHandle listener) {
  const auto index = static_cast<std::size_t>(listener - kFirstListener);
  if (listener < kFirstListener || index >= listeners_.size()) context_.fail("not a listener of this simulation");
  return listeners_[index];
}

const SimNetwork::Listener& SimNetwork::at_listener(io::ListenerHandle listener) const {
  return const_cast<SimNetwork*>(this)->at_listener(listener);
}

io::ListenerHandle SimNetwork::listen(const io::Address& address, int backlog) {
  listeners_.push_back({address, static_cast<std::size_t>(std::max(backlog, 1)), true, nullptr, {}});
  return kFirstListener + static_cast<io::ListenerHandle>(listeners_.size() - 1);
}

bool SimNetwork::in_use(const io::Address& address) const {
  return std::ranges::any_of(listeners_, [&](const Listener& l) {
    return l.open && (matches(l.address, address) || matches(address, l.address));
  });
}

void SimNetwork::set_owner(io::ListenerHandle listener, ListenerOwner* owner) {
  at_listener(listener).owner = owner;
}

bool SimNetwork::is_listening(io::ListenerHandle listener) const {
  return at_listener(listener).open;
}

const io::Address& SimNetwork::address_of(io::ListenerHandle listener) const {
  return at_listener(listener).address;
}

std::size_t SimNetwork::backlog_size(io::ListenerHandle listener) const {
  return at_listener(listener).waiting.size();
}

// Several listeners share an address (SO_REUSEPORT): which one gets a connection is chance.
std::optional<io::ListenerHandle> SimNetwork::choose_listener(const io::Address& to) {
  std::uint32_t fitting = 0;
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    if (!listeners_[i].open || !matches(listeners_[i].address, to)) continue;
    if (context_.random.below(++fitting) == 0) chosen = i;
  }
  if (fitting == 0) return std::nullopt;
  return kFirstListener + static_cast<io::ListenerHandle>(chosen);
}

EndId SimNetwork::accept(io::ListenerHandle listener) {
  Listener& l = at_listener(listener);
  const EndId end = l.waiting.front();
  l.waiting.pop();
  if (context_.strikes(FaultKind::reset)) break_connection(end, context_.random.below(2) == 0);
  return end;
}

void SimNetwork::close_listener(io::ListenerHandle listener) {
  Listener& l = at_listener(listener);
  if (!l.open) context_.fail("a listener is closed twice");
  l.open = false;
  l.owner = nullptr;
  for (; !l.waiting.empty(); l.waiting.pop()) close(l.waiting.front(), true);
}

}  // namespace brume::sim

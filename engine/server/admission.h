// admission.h: who is let in: the connection limits of the whole server, shared by its cores.
//
// Any core's thread. Touched once when a socket is accepted and once when it is gone, never by messages.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/io/address.h>

namespace brume::server {

class Admission final : public connection::Doorkeeper {
 public:
  // `max_per_address`: 0 for none.
  Admission(std::size_t max_connections, std::size_t max_per_address)
      : max_connections_(max_connections), max_per_address_(max_per_address) {}

  // Counts a socket; false, and does not, where a limit is reached. May throw std::bad_alloc; then it does not either.
  // Peers without an IP address count in all alone: those that are not known yet, and those of Unix-domain sockets.
  bool enter(const io::Address& peer);
  bool enter_address(const io::Address& peer) override;
  // A socket that was let in is gone.
  void leave(const io::Address& peer) override;

 private:
  // What the limit counts by: an address without its port. A value, so that leave() need not allocate.
  struct Host {
    explicit Host(const io::Address& peer) : family(peer.family), scope(peer.scope), bytes(peer.bytes) {}
    friend bool operator==(const Host&, const Host&) = default;
    io::Address::Family family;
    std::uint32_t scope;
    std::array<std::uint8_t, 16> bytes;
  };
  struct HostHash {
    std::size_t operator()(const Host& host) const noexcept;
  };

  bool limits(const io::Address& peer) const {
    return max_per_address_ != 0 && (peer.family == io::Address::Family::v4 || peer.family == io::Address::Family::v6);
  }

  const std::size_t max_connections_;
  const std::size_t max_per_address_;
  // Relaxed throughout: a count, nothing is published by it.
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;  // taken only where there is a limit for each address
  std::unordered_map<Host, std::size_t, HostHash> by_address_;
};

}  // namespace brume::server

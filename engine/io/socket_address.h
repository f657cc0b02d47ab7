// socket_address.h: an Address as the kernel's socket calls want it, and back.
//
// Pure functions; any thread.
#pragma once

#include <sys/socket.h>

#include <brume/engine/io/address.h>

namespace brume::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// Requires: IPv4 or IPv6.
SocketAddress to_socket_address(const Address& address);

// An IPv4 peer of an IPv6 listener (::ffff:a.b.c.d) comes out as IPv4, so that one host has one address; a peer
// at a Unix-domain socket is just that. Family none for anything else, and where `size` is too small.
Address from_socket_address(const sockaddr_storage& storage, socklen_t size);

}  // namespace brume::io

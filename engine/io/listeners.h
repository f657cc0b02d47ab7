// listeners.h: listening TCP sockets, several on one address, refused where anybody else listens there.
//
// Any thread; no state. The handles are descriptors that the caller owns.
#pragma once

#include <expected>
#include <vector>

#include <brume/engine/io/environment.h>

namespace brume::io {

// Non-blocking, with TCP_NODELAY and the user time-out set for the sockets to be accepted. An unspecified IPv6 address
// listens for IPv4 too.
std::expected<std::vector<ListenerHandle>, SystemError> open_tcp_listeners(const Address& address, std::size_t count,
                                                                           const ListenOptions& options);

// Family none where `listener` is not a socket.
Address bound_address(ListenerHandle listener);

}  // namespace brume::io

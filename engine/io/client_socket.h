// client_socket.h: a TCP socket that is about to connect.
//
// Pure functions over descriptors; any thread.
#pragma once

#include <expected>

#include <brume/engine/io/io.h>
#include <brume/engine/io/owned_descriptor.h>

namespace brume::io {

// An unconnected socket of the address's family with TCP_NODELAY and the options set; or a positive errno.
std::expected<OwnedDescriptor, int> open_client_socket(const Address& to, const ConnectOptions& options,
                                                       bool non_blocking);

}  // namespace brume::io

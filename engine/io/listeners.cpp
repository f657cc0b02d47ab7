#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/listeners.h>
#include <brume/engine/io/owned_descriptor.h>
#include <brume/engine/io/socket_address.h>

namespace brume::io {

namespace {

bool set_option(int descriptor, int level, int option, int value) {
  return setsockopt(descriptor, level, option, &value, sizeof value) == 0;
}

int open_socket(const Address& address, const ListenOptions& options, OwnedDescriptor& made) {
  const bool v6 = address.family == Address::Family::v6;
  OwnedDescriptor descriptor(socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!descriptor) return errno;
  const int fd = descriptor.get();
  const bool unspecified = std::ranges::all_of(address.bytes, [](std::uint8_t byte) { return byte == 0; });
  if (v6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, unspecified ? 0 : 1)) return errno;
  if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return errno;
  // Both are inherited by the sockets accepted.
  if (!set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1)) return errno;
  const auto user_timeout_ms = static_cast<int>(options.user_timeout.count());
  if (user_timeout_ms > 0 && !set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, user_timeout_ms)) return errno;
  made = std::move(descriptor);
  return 0;
}

int bind_to(int descriptor, const Address& address) {
  const SocketAddress wanted = to_socket_address(address);
  return bind(descriptor, wanted.get(), wanted.size) == 0 ? 0 : errno;
}

}  // namespace

std::expected<std::vector<ListenerHandle>, SystemError> open_tcp_listeners(const Address& address, std::size_t count,
                                                                           const ListenOptions& options) {
  const auto failure = [&](int error) {
    return std::unexpected(system_error(error, "listen on " + address.to_string()));
  };
  if (address.family == Address::Family::none) return failure(EAFNOSUPPORT);

  std::vector<OwnedDescriptor> sockets(count);
  Address bound = address;
  for (OwnedDescriptor& socket : sockets) {
    const bool first = &socket == &sockets.front();
    if (const int error = open_socket(address, options, socket)) return failure(error);
    if (!first && !set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return failure(errno);
    // The first is bound without SO_REUSEPORT, which would let it in beside another program that has it too; it joins
    // the sharing afterwards.
    if (const int error = bind_to(socket.get(), bound)) return failure(error);
    if (!first) continue;
    if (count > 1 && !set_option(socket.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return failure(errno);
    bound.port = bound_address(socket.get()).port;
  }
  // Nobody is let in before all are bound: a connection must find the listeners it will be spread over.
  for (const OwnedDescriptor& socket : sockets) {
    if (listen(socket.get(), options.backlog) != 0) return failure(errno);
  }
  std::vector<ListenerHandle> handles(count);
  std::ranges::transform(sockets, handles.begin(), [](OwnedDescriptor& socket) { return socket.release(); });
  return handles;
}

Address bound_address(ListenerHandle listener) {
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  if (getsockname(listener, bound.get(), &bound.size) != 0) return {};
  return from_socket_address(bound.storage, bound.size);
}

}  // namespace brume::io

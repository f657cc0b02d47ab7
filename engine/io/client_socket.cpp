#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <brume/engine/io/client_socket.h>

namespace brume::io {

std::expected<OwnedDescriptor, int> open_client_socket(const Address& to, const ConnectOptions& options,
                                                       bool non_blocking) {
  const int domain = to.family == Address::Family::v6 ? AF_INET6 : AF_INET;
  OwnedDescriptor made(socket(domain, SOCK_STREAM | SOCK_CLOEXEC | (non_blocking ? SOCK_NONBLOCK : 0), 0));
  if (!made) return std::unexpected(errno);
  const int on = 1;
  if (setsockopt(made.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) return std::unexpected(errno);
  const auto limit_ms = static_cast<unsigned>(options.user_timeout.count());
  if (limit_ms != 0 && setsockopt(made.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit_ms, sizeof limit_ms) != 0) {
    return std::unexpected(errno);
  }
  return made;
}

}  // namespace brume::io

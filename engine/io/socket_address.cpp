#include <array>
#include <cassert>
#include <cstring>
#include <netinet/in.h>

#include <brume/engine/io/socket_address.h>

namespace brume::io {

namespace {
constexpr std::size_t kV4Size = 4;
}  // namespace

SocketAddress to_socket_address(const Address& address) {
  assert(address.family == Address::Family::v4 || address.family == Address::Family::v6);
  SocketAddress result;
  if (address.family == Address::Family::v6) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(address.port);
    v6.sin6_scope_id = address.scope;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), address.bytes.size());
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(address.port);
    std::memcpy(&v4.sin_addr, address.bytes.data(), kV4Size);
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  }
  return result;
}

Address from_socket_address(const sockaddr_storage& storage, socklen_t size) {
  Address address;
  if (storage.ss_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    address.family = Address::Family::v4;
    address.port = ntohs(v4.sin_port);
    std::memcpy(address.bytes.data(), &v4.sin_addr, kV4Size);
  } else if (storage.ss_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    address = Address::v6(bytes, ntohs(v6.sin6_port));
    if (address.family == Address::Family::v6) address.scope = v6.sin6_scope_id;
  } else if (storage.ss_family == AF_UNIX && size >= sizeof(sa_family_t)) {
    address.family = Address::Family::local;
  }
  return address;
}

}  // namespace brume::io

#include <cstring>
#include <netinet/in.h>

#include <gtest/gtest.h>

#include <brume/engine/io/socket_address.h>

namespace brume::io {
namespace {

TEST(SocketAddress, ComesBackAsItWent) {
  for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "[::1]:443", "[2001:db8::1]:65535", "[fe80::1%3]:1"}) {
    const Address address = *Address::parse(text);
    const SocketAddress there = to_socket_address(address);
    EXPECT_EQ(from_socket_address(there.storage, there.size), address) << text;
  }
}

TEST(SocketAddress, HasThePortInNetworkOrder) {
  const SocketAddress v4 = to_socket_address(*Address::parse("127.0.0.1:258"));
  sockaddr_in raw;
  std::memcpy(&raw, &v4.storage, sizeof raw);
  EXPECT_EQ(v4.size, sizeof raw);
  EXPECT_EQ(raw.sin_family, AF_INET);
  EXPECT_EQ(ntohs(raw.sin_port), 258);
  EXPECT_EQ(ntohl(raw.sin_addr.s_addr), 0x7F000001u);
}

TEST(SocketAddress, AnIpv4PeerOfAnIpv6ListenerIsOneAddressWithItsIpv4Self) {
  const SocketAddress mapped = to_socket_address(*Address::parse("[::ffff:10.1.2.3]:77"));
  EXPECT_EQ(from_socket_address(mapped.storage, mapped.size), *Address::parse("10.1.2.3:77"));
}

TEST(SocketAddress, APeerAtAUnixDomainSocketIsJustThat) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  const Address peer = from_socket_address(storage, sizeof(sa_family_t));  // what accept() gives of one without a name
  EXPECT_EQ(peer.family, Address::Family::local);
  EXPECT_EQ(peer.to_string(), "unix");
  EXPECT_EQ(peer.host(), "unix");
}

TEST(SocketAddress, OtherFamiliesAndCutOnesAreNone) {
  SocketAddress v4 = to_socket_address(*Address::parse("127.0.0.1:1"));
  EXPECT_EQ(from_socket_address(v4.storage, 4).family, Address::Family::none);
  v4.storage.ss_family = AF_NETLINK;
  EXPECT_EQ(from_socket_address(v4.storage, v4.size).family, Address::Family::none);
  EXPECT_EQ(from_socket_address(sockaddr_storage{}, 0), Address{});
}

}  // namespace
}  // namespace brume::io

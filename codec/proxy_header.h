// proxy_header.h: the PROXY protocol, versions 1 and 2, receiving side (HAProxy's proxy-protocol.txt,
// sections 2.1, 2.2): what a load balancer writes in front of a connection to say whose it is, and whether it came to
// the balancer by TLS.
//
// Pure functions over bytes: any thread, no state, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

namespace brume::codec {

// One enumerator a broken rule.
enum class ProxyError : std::uint8_t {
  no_signature,         // the first bytes are neither version's
  text_too_long,        // version 1: no CRLF within 107 bytes
  text_protocol,        // version 1: neither TCP4, TCP6 nor UNKNOWN
  text_address,         // version 1: not an address of that protocol
  text_port,            // version 1: not a number up to 65535 without leading zeros
  text_malformed,       // version 1: a part is missing, or something stands behind the last
  binary_version,       // version 2: another version's number
  binary_command,       // version 2: neither LOCAL nor PROXY
  binary_family,        // version 2: a family or transport the protocol does not have
  binary_not_a_stream,  // version 2: datagrams, over a stream
  binary_too_long,      // version 2: above kMaxProxyHeaderSize
  binary_address_cut,   // version 2: less than the family's addresses
  binary_vector_cut,    // version 2: a type-length-value vector that ends beyond what it is in, or is not whole
  checksum_malformed,   // version 2: a checksum that has not 4 bytes, or a second one
  checksum_wrong,       // version 2
  tls_malformed,        // version 2: what is said of TLS has less than its 5 fixed bytes, or stands there twice
};
inline constexpr std::size_t kProxyErrorCount = 16;

struct ProxyErrorInfo {
  ProxyError error;
  std::string_view name;     // "proxy_" and the enumerator's name, for logs and counters
  std::string_view message;  // one short sentence
};
// In the enumerators' order. Static storage.
std::span<const ProxyErrorInfo> proxy_errors();
const ProxyErrorInfo& info(ProxyError error);

inline constexpr std::size_t kMaxProxyTextSize = 107;     // with its CRLF (section 2.1)
inline constexpr std::size_t kMaxProxyHeaderSize = 4096;  // of version 2; the addresses take at most 232

struct ProxyHeader {
  enum class Source : std::uint8_t {
    own,  // whoever connected speaks for itself (LOCAL: a health check), or does not know for whom (UNKNOWN, UNSPEC)
    v4,
    v6,
    local,  // a Unix-domain socket
  };
  // How the client came to the proxy: what the vector PP2_TYPE_SSL of version 2 says (section 2.2.6).
  enum class Tls : std::uint8_t {
    unsaid,  // no such vector, as always in version 1 and where nobody is named
    no,      // PP2_CLIENT_SSL is not set: in clear, or by TLS that the proxy passes on as it is
    yes,
  };
  Source source = Source::own;
  Tls tls = Tls::unsaid;
  std::uint16_t port = 0;                  // of v4 and v6
  std::array<std::uint8_t, 16> address{};  // network byte order; the first four for v4
  std::size_t size = 0;                    // bytes of the header; what follows is the connection's own
};

// Reads the header at the front of `input`: all bytes received so far. nullopt while bytes are missing; fails at the
// first byte that no header has. How the bytes are split never changes the answer. The addresses of the destination and
// unknown vectors are judged by their form alone, as are those within PP2_TYPE_SSL (version, cipher, the certificate's
// name); a checksum (CRC32c, section 2.2.3) must fit where there is one. What stands in a header that names nobody is
// not looked at.
std::expected<std::optional<ProxyHeader>, ProxyError> read_proxy_header(std::span<const std::byte> input);

// CRC32c (RFC 3720, appendix B.4) of `bytes`, continued from `before`.
std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace brume::codec

// tls_config.h: what an operator may set of TLS, and what a handler may know of it.
//
// Plain data; any thread. Files are PEM. Server reads them in listen() and again in reload_tls(); a file that cannot be
// used is named in the error.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/error.h>

namespace brume {

enum class TlsVersion : std::uint8_t { tls_1_2, tls_1_3 };
std::string_view to_string(TlsVersion version);  // "TLS 1.2"

enum class ClientCertificates : std::uint8_t {
  none,      // not asked for
  optional,  // asked for; one that is sent has to be good
  required,  // the handshake fails without a good one
};

struct TlsCertificate {
  std::string certificate_file{};  // the certificate, and behind it those it hangs from
  std::string key_file{};
  bool operator==(const TlsCertificate&) const = default;
};

struct TlsConfig {
  // Chosen by the name a client asks for (SNI) among those each is issued for; the first for every other name and none.
  std::vector<TlsCertificate> certificates{};
  ClientCertificates client_certificates = ClientCertificates::none;
  std::string client_ca_file{};  // whose client certificates are good; needed unless none are asked for
  TlsVersion min_version = TlsVersion::tls_1_2;
  std::string ciphers{"ECDHE+AESGCM:ECDHE+CHACHA20"};  // of TLS 1.2, as OpenSSL writes them
  std::string ciphersuites{"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"};  // of TLS 1.3
  bool check_host = false;  // 421 where a request is for another host than the client asked for by SNI
  std::chrono::seconds ticket_key_interval{3600};  // a fresh key for session tickets; the one before it is still taken
  std::size_t max_handshakes = 1024;               // at a time on a core; who comes later waits
  std::uint32_t handshakes_per_turn = 8;           // steps of handshakes a core takes before others have their turn
  std::uint32_t record_rate = 100;                 // records without data a second, then the connection is cut; 0: off
};

// The first field out of range or missing, or nothing. Files are not looked at.
std::optional<SystemError> validate(const TlsConfig& config);

// Of a client, for Client (ConnectOptions::tls) and in the simulator.
struct TlsClientConfig {
  std::string ca_file{};         // whose servers are trusted; empty: the system's list
  std::string server_name{};     // asked for and expected in the certificate; empty: the host that is connected to
  bool verify = true;            // false: any certificate will do, which leaves the door open to anyone in between
  TlsCertificate certificate{};  // the client's own; without files: none
  TlsVersion min_version = TlsVersion::tls_1_2;
  TlsVersion max_version = TlsVersion::tls_1_3;
  // A later connection of the same Client to the same host and port, with these very settings, goes on from an earlier
  // one's TLS session: without certificates, which were good then and have not expired since, and with less work for
  // both.
  bool resume = true;
  bool operator==(const TlsClientConfig&) const = default;
};

// As above.
std::optional<SystemError> validate(const TlsClientConfig& config);

// One connection's TLS, as its handler sees it.
struct TlsInfo {
  TlsVersion version = TlsVersion::tls_1_3;
  std::string cipher{};
  std::string server_name{};  // that the client asked for (SNI), or empty
  std::string
      client_subject{};    // of the client's certificate, as in "CN=ann,O=Example" (RFC 4514); empty: it sent none
  std::string protocol{};  // agreed on by ALPN, or empty
  bool resumed = false;    // without a full handshake
};

}  // namespace brume

// tls_error.h: how TLS can fail, and the one place that tells it from OpenSSL's error queue.
//
// Each thread has an error queue of its own. Pure but for that; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brume::tls {

enum class TlsError : std::uint8_t {
  plain_http,             // an HTTP request in clear
  not_tls,                // bytes that no TLS begins with
  no_common_version,      // the peer speaks only versions that are turned off
  no_common_cipher,       // no cipher, group or signature both sides have
  no_common_protocol,     // ALPN without a protocol of ours (RFC 7301, section 3.2)
  handshake_too_large,    // more bytes than any handshake needs, declared or sent
  certificate_missing,    // the peer sent none
  certificate_refused,    // the peer's is not trusted, expired, or not for this use
  host_mismatch,          // the server's certificate is for other names
  alert_received,         // the peer gave up, and said why
  bad_record,             // a record that is not what the peer sealed
  protocol_error,         // any other rule of TLS
  too_many_bare_records,  // records without data, above the rate
  truncated,              // the connection ended without close_notify (RFC 8446, section 6.1)
  out_of_memory,
};
inline constexpr std::size_t kTlsErrorCount = 15;
// The enumerator's name. Static storage.
std::string_view to_string(TlsError error);

struct TlsFault {
  TlsError error = TlsError::protocol_error;
  std::string_view detail{};  // OpenSSL's own words, or empty. Static storage.
};

// What the calling thread's error queue says, which is empty afterwards; protocol_error where it says nothing.
TlsFault take_fault();

}  // namespace brume::tls

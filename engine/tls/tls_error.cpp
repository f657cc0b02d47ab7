#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/sslerr.h>

#include <brume/engine/tls/tls_error.h>

namespace brume::tls {

namespace {

TlsError classify(unsigned long code) {
  const int reason = ERR_GET_REASON(code);
  if (reason == ERR_R_MALLOC_FAILURE) return TlsError::out_of_memory;
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return TlsError::protocol_error;
  if (reason > SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) return TlsError::alert_received;
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return TlsError::plain_http;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
      return TlsError::not_tls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
    case SSL_R_NO_PROTOCOLS_AVAILABLE:
    case SSL_R_UNSUPPORTED_SSL_VERSION:
    case SSL_R_INAPPROPRIATE_FALLBACK:
      return TlsError::no_common_version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_CIPHERS_AVAILABLE:
      return TlsError::no_common_cipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return TlsError::no_common_protocol;
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return TlsError::handshake_too_large;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return TlsError::certificate_missing;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return TlsError::certificate_refused;
    case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    case SSL_R_ENCRYPTED_LENGTH_TOO_LONG:
    case SSL_R_DATA_LENGTH_TOO_LONG:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
    case SSL_R_LENGTH_TOO_SHORT:
      return TlsError::bad_record;
    default:
      return TlsError::protocol_error;
  }
}

}  // namespace

std::string_view to_string(TlsError error) {
  switch (error) {
    case TlsError::plain_http:
      return "plain_http";
    case TlsError::not_tls:
      return "not_tls";
    case TlsError::no_common_version:
      return "no_common_version";
    case TlsError::no_common_cipher:
      return "no_common_cipher";
    case TlsError::no_common_protocol:
      return "no_common_protocol";
    case TlsError::handshake_too_large:
      return "handshake_too_large";
    case TlsError::certificate_missing:
      return "certificate_missing";
    case TlsError::certificate_refused:
      return "certificate_refused";
    case TlsError::host_mismatch:
      return "host_mismatch";
    case TlsError::alert_received:
      return "alert_received";
    case TlsError::bad_record:
      return "bad_record";
    case TlsError::protocol_error:
      return "protocol_error";
    case TlsError::too_many_bare_records:
      return "too_many_bare_records";
    case TlsError::truncated:
      return "truncated";
    case TlsError::out_of_memory:
      return "out_of_memory";
  }
  return "unknown";
}

TlsFault take_fault() {
  TlsFault fault;
  // The first of TLS's own says what went wrong: those before it say what a cipher met, those behind it where it led.
  unsigned long chosen = 0;
  while (const unsigned long code = ERR_get_error()) {
    if (chosen == 0 || (ERR_GET_LIB(chosen) != ERR_LIB_SSL && ERR_GET_LIB(code) == ERR_LIB_SSL)) chosen = code;
  }
  if (chosen == 0) return fault;
  fault.error = classify(chosen);
  if (const char* text = ERR_reason_error_string(chosen)) fault.detail = text;
  return fault;
}

}  // namespace brume::tls

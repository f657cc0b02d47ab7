#include <string>

#include <brume/engine/tls_config.h>

namespace brume {

std::string_view to_string(TlsVersion version) {
  return version == TlsVersion::tls_1_2 ? "TLS 1.2" : "TLS 1.3";
}

std::optional<SystemError> validate(const TlsConfig& config) {
  const auto wrong = [](std::string text) { return SystemError{SystemError::Kind::config, 0, std::move(text)}; };
  const auto out_of_range = [&](std::string_view name, auto value, std::uint64_t low, std::uint64_t high) {
    return wrong("tls." + std::string(name) + " is " + std::to_string(value) + ", but must be from " +
                 std::to_string(low) + " to " + std::to_string(high));
  };
  constexpr std::int64_t kWeek = 7 * 24 * 3600;  // RFC 8446, section 4.6.1: no ticket is older
  if (config.certificates.empty()) return wrong("tls.certificates is empty, but must hold one certificate at least");
  for (const TlsCertificate& certificate : config.certificates) {
    if (certificate.certificate_file.empty()) return wrong("tls.certificates has a certificate without a file");
    if (certificate.key_file.empty()) {
      return wrong("tls.certificates has no key file for \"" + certificate.certificate_file + '"');
    }
  }
  if (config.client_certificates != ClientCertificates::none && config.client_ca_file.empty()) {
    return wrong("tls.client_ca_file is empty, but client certificates are asked for");
  }
  if (config.ticket_key_interval.count() < 1 || config.ticket_key_interval.count() > kWeek / 2) {
    return out_of_range("ticket_key_interval", config.ticket_key_interval.count(), 1, kWeek / 2);
  }
  if (config.max_handshakes < 1 || config.max_handshakes > 1'000'000) {
    return out_of_range("max_handshakes", config.max_handshakes, 1, 1'000'000);
  }
  if (config.handshakes_per_turn < 1 || config.handshakes_per_turn > 10'000) {
    return out_of_range("handshakes_per_turn", config.handshakes_per_turn, 1, 10'000);
  }
  return std::nullopt;
}

std::optional<SystemError> validate(const TlsClientConfig& config) {
  const auto wrong = [](std::string_view text) { return SystemError{SystemError::Kind::config, 0, std::string(text)}; };
  if (config.certificate.certificate_file.empty() != config.certificate.key_file.empty())
    return wrong("tls.certificate needs both certificate_file and key_file, or neither");
  if (config.max_version < config.min_version) return wrong("tls.max_version is below tls.min_version");
  constexpr std::size_t kMaxName = 255;  // RFC 6066, section 3, and DNS
  if (config.server_name.size() > kMaxName || config.server_name.find('\0') != std::string::npos)
    return wrong("tls.server_name must be a name of at most 255 bytes");
  return std::nullopt;
}

}  // namespace brume

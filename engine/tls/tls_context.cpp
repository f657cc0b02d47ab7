#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <span>
#include <utility>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <brume/engine/tls/pem_file.h>
#include <brume/engine/tls/tls_context.h>
#include <brume/engine/tls/tls_filter.h>

namespace brume::tls {

namespace {

constexpr std::string_view kGroups = "X25519:P-256:P-384";
// RFC 7301, section 3.1: a length byte, then the name.
constexpr std::array<unsigned char, 9> kProtocols = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr long kMaxClientChain = 32 * 1024;  // bytes of certificates a peer may send

int openssl_version(TlsVersion version) {
  return version == TlsVersion::tls_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

const TlsContext& owner_of(SSL* ssl) {
  return *static_cast<const TlsContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

// ---- callbacks of the handshake

int choose_certificate(SSL* ssl, int*, void*) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (!name) return SSL_TLSEXT_ERR_NOACK;
  if (SSL_CTX* chosen = owner_of(ssl).for_name(name)) SSL_set_SSL_CTX(ssl, chosen);
  return SSL_TLSEXT_ERR_OK;
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocols.data(), kProtocols.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // no_application_protocol (RFC 7301, section 3.2)
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

bool set_mac_key(EVP_MAC_CTX* mac, const TicketKeys::Key& key) {
  std::array<char, 7> digest{"SHA256"};
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.mac_secret.data()),
                                        key.mac_secret.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

// See SSL_CTX_set_tlsext_ticket_key_evp_cb(3): 1 done, 2 done and to be renewed, 0 no such key, negative an error.
int use_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                   int sealing) {
  constexpr int kError = -1;
  const TlsContext& owner = owner_of(ssl);
  TicketKeys& keys = owner.ticket_keys();
  const EVP_CIPHER* const algorithm = owner.ticket_cipher();
  const io::Time now = TlsFilter::of(ssl).now();
  if (sealing == 1) {
    const auto key = keys.current(now);
    if (!key || RAND_bytes(iv, EVP_CIPHER_get_iv_length(algorithm)) != 1) return kError;
    std::ranges::copy(key->name, name);
    if (EVP_EncryptInit_ex(cipher, algorithm, nullptr, key->cipher_secret.data(), iv) != 1) return kError;
    return set_mac_key(mac, *key) ? 1 : kError;
  }
  const auto found = keys.find(std::span<const unsigned char, TicketKeys::kNameSize>(name, TicketKeys::kNameSize), now);
  if (!found) return 0;
  const TicketKeys::Key& key = found->key;
  if (EVP_DecryptInit_ex(cipher, algorithm, nullptr, key.cipher_secret.data(), iv) != 1) return kError;
  if (!set_mac_key(mac, key)) return kError;
  // A client uses a ticket of TLS 1.3 once (RFC 8446, appendix C.4): with none in its place it could resume only every
  // other time.
  return found->renew || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
}

// Who resumes shows no certificate, and each connection brings a fresh ticket: what its first one relied on has to be
// good yet, or it could go on so for ever.
SSL_TICKET_RETURN judge_ticket(SSL*, SSL_SESSION* session, const unsigned char*, std::size_t, SSL_TICKET_STATUS status,
                               void*) {
  if (status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) return SSL_TICKET_RETURN_IGNORE_RENEW;
  const X509* certificate = SSL_SESSION_get0_peer(session);
  if (certificate && X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0) {
    return SSL_TICKET_RETURN_IGNORE_RENEW;  // a full handshake
  }
  return status == SSL_TICKET_SUCCESS ? SSL_TICKET_RETURN_USE : SSL_TICKET_RETURN_USE_RENEW;
}

// ---- the transport below: the spans of the filter's call

int bio_read(BIO* bio, char* out, std::size_t size, std::size_t* taken) {
  BIO_clear_retry_flags(bio);
  *taken = static_cast<TlsFilter*>(BIO_get_data(bio))->take_input({reinterpret_cast<std::byte*>(out), size});
  if (*taken != 0) return 1;
  BIO_set_retry_read(bio);
  return 0;
}

int bio_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  *written = 0;
  if (!static_cast<TlsFilter*>(BIO_get_data(bio))->give_output({reinterpret_cast<const std::byte*>(data), size})) {
    return 0;
  }
  *written = size;
  return 1;
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BioMethodPointer make_bio_method() {
  BioMethodPointer method(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "brume spans"));
  if (!method || BIO_meth_set_read_ex(method.get(), bio_read) != 1 ||
      BIO_meth_set_write_ex(method.get(), bio_write) != 1 || BIO_meth_set_ctrl(method.get(), bio_control) != 1) {
    return nullptr;
  }
  return method;
}

// ---- names

constexpr std::size_t kMaxNameSize = 255;  // bytes: RFC 6066, section 3, and DNS

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// DNS names of a certificate; its common name where it lists none, as older ones do (RFC 6125, section 6.4.4).
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; alternatives && i < sk_GENERAL_NAME_num(alternatives); i++) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    names.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  if (alternatives) GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;
  std::array<char, 256> common;
  const int size =
      X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, common.data(), common.size());
  if (size > 0) names.emplace_back(common.data(), static_cast<std::size_t>(size));
  return names;
}

// Tickets of another list of trusted clients are not taken: who was good then may not be now.
std::array<unsigned char, 32> session_context(const TlsConfig& config, const std::vector<CertificatePointer>& trusted) {
  std::array<unsigned char, 32> digest{};
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  if (!hash) return digest;
  EVP_DigestInit_ex(hash, EVP_sha256(), nullptr);
  const auto mode = static_cast<unsigned char>(config.client_certificates);
  EVP_DigestUpdate(hash, &mode, 1);
  for (const CertificatePointer& certificate : trusted) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> part;
    unsigned int size = 0;
    if (X509_digest(certificate.get(), EVP_sha256(), part.data(), &size) == 1)
      EVP_DigestUpdate(hash, part.data(), size);
  }
  EVP_DigestFinal_ex(hash, digest.data(), nullptr);
  EVP_MD_CTX_free(hash);
  return digest;
}

std::optional<SystemError> set_common(SSL_CTX* context, TlsVersion lowest, TlsVersion highest) {
  constexpr std::uint64_t kOptions =
      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA;
  SSL_CTX_set_options(context, kOptions);
  // The outbox may have moved between two attempts to write; and an idle connection owns no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_max_cert_list(context, kMaxClientChain);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // a session lives in its ticket alone
  if (SSL_CTX_set_min_proto_version(context, openssl_version(lowest)) != 1 ||
      SSL_CTX_set_max_proto_version(context, openssl_version(highest)) != 1 ||
      SSL_CTX_set1_groups_list(context, kGroups.data()) != 1) {
    return tls_system_error("TLS cannot be set up");
  }
  return std::nullopt;
}

std::optional<SystemError> trust(SSL_CTX* context, const std::vector<CertificatePointer>& certificates,
                                 const std::string& path) {
  for (const CertificatePointer& certificate : certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1)
      return tls_system_error("the CA file \"" + path + "\" cannot be used");
  }
  return std::nullopt;
}

}  // namespace

void free_context(SSL_CTX* context) {
  SSL_CTX_free(context);
}
void free_bio_method(BIO_METHOD* method) {
  BIO_meth_free(method);
}
void free_cipher(EVP_CIPHER* cipher) {
  EVP_CIPHER_free(cipher);
}

std::expected<std::shared_ptr<const TlsContext>, SystemError> TlsContext::for_server(const TlsConfig& config,
                                                                                     std::shared_ptr<TicketKeys> keys) {
  assert(!config.certificates.empty() && keys);
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->bio_method_ = make_bio_method();
  made->ticket_cipher_.reset(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  if (!made->bio_method_ || !made->ticket_cipher_) return std::unexpected(tls_system_error("TLS cannot be set up"));
  made->keys_ = std::move(keys);
  for (const TlsCertificate& certificate : config.certificates)
    if (auto error = made->add_server(config, certificate)) return std::unexpected(*std::move(error));
  return made;
}

std::optional<SystemError> TlsContext::add_server(const TlsConfig& config, const TlsCertificate& certificate) {
  ContextPointer made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.get();
  if (!context) return tls_system_error("TLS cannot be set up");
  if (auto error = set_common(context, config.min_version, TlsVersion::tls_1_3)) return error;
  if (SSL_CTX_set_cipher_list(context, config.ciphers.c_str()) != 1)
    return tls_system_error("tls.ciphers \"" + config.ciphers + "\" cannot be used");
  if (SSL_CTX_set_ciphersuites(context, config.ciphersuites.c_str()) != 1)
    return tls_system_error("tls.ciphersuites \"" + config.ciphersuites + "\" cannot be used");
  if (auto error = load(context, certificate)) return error;
  std::vector<CertificatePointer> trusted;
  if (!config.client_ca_file.empty()) {
    auto read = read_certificates(config.client_ca_file, "client CA");
    if (!read) return std::move(read.error());
    trusted = *std::move(read);
  }
  if (config.client_certificates != ClientCertificates::none) {
    if (auto error = trust(context, trusted, config.client_ca_file)) return error;
    for (const CertificatePointer& ca : trusted) SSL_CTX_add_client_CA(context, ca.get());
    const bool required = config.client_certificates == ClientCertificates::required;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  }
  const auto id = session_context(config, trusted);
  if (SSL_CTX_set_session_id_context(context, id.data(), id.size()) != 1)
    return tls_system_error("TLS cannot be set up");
  // As long as one of the two ticket keys opens it.
  SSL_CTX_set_timeout(context, static_cast<long>(2 * config.ticket_key_interval.count()));
  SSL_CTX_set_num_tickets(context, 1);  // a WebSocket client resumes with one connection
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, use_ticket_key);
  SSL_CTX_set_session_ticket_cb(context, nullptr, judge_ticket, nullptr);
  add_names(context);
  contexts_.push_back(std::move(made));
  return std::nullopt;
}

std::expected<std::shared_ptr<const TlsContext>, SystemError> TlsContext::for_client(const TlsClientConfig& config) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->bio_method_ = make_bio_method();
  ContextPointer owned(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = owned.get();
  if (!made->bio_method_ || !context) return std::unexpected(tls_system_error("TLS cannot be set up"));
  if (auto error = set_common(context, config.min_version, config.max_version))
    return std::unexpected(*std::move(error));
  if (!config.ca_file.empty()) {
    const auto trusted = read_certificates(config.ca_file, "CA");
    if (!trusted) return std::unexpected(trusted.error());
    if (auto error = trust(context, *trusted, config.ca_file)) return std::unexpected(*std::move(error));
  } else if (config.verify && SSL_CTX_set_default_verify_paths(context) != 1) {
    return std::unexpected(tls_system_error("the system's list of CAs cannot be read"));
  }
  SSL_CTX_set_verify(context, config.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!config.certificate.certificate_file.empty())
    if (auto error = made->load(context, config.certificate)) return std::unexpected(*std::move(error));
  // Zero is success here, as nowhere else.
  if (SSL_CTX_set_alpn_protos(context, kProtocols.data(), kProtocols.size()) != 0)
    return std::unexpected(tls_system_error("TLS cannot be set up"));
  made->server_name_ = config.server_name;
  made->verifies_ = config.verify;
  made->contexts_.push_back(std::move(owned));
  return made;
}

std::optional<SystemError> TlsContext::load(SSL_CTX* context, const TlsCertificate& certificate) {
  const std::string& path = certificate.certificate_file;
  const auto chain = read_certificates(path, "certificate");
  if (!chain) return chain.error();
  if (SSL_CTX_use_certificate(context, chain->front().get()) != 1)
    return tls_system_error("the certificate file \"" + path + "\" cannot be used");
  for (const CertificatePointer& issuer : std::span(*chain).subspan(1)) {
    if (SSL_CTX_add1_chain_cert(context, issuer.get()) != 1)
      return tls_system_error("the certificate file \"" + path + "\" cannot be used");
  }
  const auto key = read_key(certificate.key_file, "key");
  if (!key) return key.error();
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    ERR_clear_error();
    return SystemError{
        SystemError::Kind::tls, 0,
        "the key file \"" + certificate.key_file + "\" does not belong to the certificate file \"" + path + '"'};
  }
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return tls_system_error("the key file \"" + certificate.key_file + "\" cannot be used");
  return std::nullopt;
}

void TlsContext::add_names(SSL_CTX* context) {
  for (const std::string& name : names_of(SSL_CTX_get0_certificate(context))) {
    std::string key = name.starts_with("*.") ? name.substr(1) : name;
    std::ranges::transform(key, key.begin(), lower);
    by_name_.try_emplace(std::move(key), context);  // the first certificate for a name keeps it
  }
}

SSL_CTX* TlsContext::for_name(std::string_view name) const noexcept {
  std::array<char, kMaxNameSize> lowered;
  if (name.size() > lowered.size()) return nullptr;
  std::ranges::transform(name, lowered.begin(), lower);
  const std::string_view wanted(lowered.data(), name.size());
  if (const auto found = by_name_.find(wanted); found != by_name_.end()) return found->second;
  const std::size_t dot = wanted.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto found = by_name_.find(wanted.substr(dot));
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace brume::tls

// tls_context.h: certificates, keys and rules, read once from their files, for all connections of a side.
//
// Immutable once made: any thread. Held by each filter that was begun with it, so that a reload takes nothing from
// under a connection. The server's holds one SSL_CTX for each certificate; the client's holds one.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <openssl/types.h>

#include <brume/engine/error.h>
#include <brume/engine/tls/ticket_keys.h>
#include <brume/engine/tls_config.h>

struct bio_method_st;

namespace brume::tls {

template <auto kFree>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

void free_context(SSL_CTX* context);
void free_bio_method(bio_method_st* method);
void free_cipher(EVP_CIPHER* cipher);
using ContextPointer = std::unique_ptr<SSL_CTX, Freer<free_context>>;
using BioMethodPointer = std::unique_ptr<bio_method_st, Freer<free_bio_method>>;
using CipherPointer = std::unique_ptr<EVP_CIPHER, Freer<free_cipher>>;

class TlsContext {
 public:
  // Errors name the file (SystemError::Kind::tls). Requires: `config` passed validate().
  static std::expected<std::shared_ptr<const TlsContext>, SystemError> for_server(const TlsConfig& config,
                                                                                  std::shared_ptr<TicketKeys> keys);
  static std::expected<std::shared_ptr<const TlsContext>, SystemError> for_client(const TlsClientConfig& config);

  bool is_server() const { return keys_ != nullptr; }
  // That new connections begin with.
  SSL_CTX* first() const { return contexts_.front().get(); }
  // The one whose certificate is issued for `name`, by its own spelling or a wildcard for its first label (RFC 6125,
  // section 6.4); null where none is. ASCII case-blind. Allocates nothing: OpenSSL asks in the middle of a handshake,
  // and no exception may cross its code.
  SSL_CTX* for_name(std::string_view name) const noexcept;
  const std::string& server_name() const { return server_name_; }
  bool verifies() const { return verifies_; }
  bio_method_st* bio_method() const { return bio_method_.get(); }
  TicketKeys& ticket_keys() const { return *keys_; }
  // That tickets are sealed with. Looked up once: OpenSSL would do so, under a lock, for each.
  const EVP_CIPHER* ticket_cipher() const { return ticket_cipher_.get(); }

 private:
  struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const noexcept { return std::hash<std::string_view>()(name); }
  };

  TlsContext() = default;

  std::optional<SystemError> add_server(const TlsConfig& config, const TlsCertificate& certificate);
  // Reads certificate and key into `context`.
  std::optional<SystemError> load(SSL_CTX* context, const TlsCertificate& certificate);
  void add_names(SSL_CTX* context);

  BioMethodPointer bio_method_;
  std::shared_ptr<TicketKeys> keys_;  // null for a client
  CipherPointer ticket_cipher_;       // likewise
  std::vector<ContextPointer> contexts_;
  std::unordered_map<std::string, SSL_CTX*, NameHash, std::equal_to<>>
      by_name_;  // a wildcard is named by what follows its star
  std::string server_name_;
  bool verifies_ = true;
};

}  // namespace brume::tls

#include <array>
#include <stdexcept>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <brume/bench/wsblast/tls_end.h>

namespace wsblast {
namespace {

[[noreturn]] void fail(const char* what) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  throw std::runtime_error(std::string(what) + ": " + reason.data());
}

}  // namespace

TlsClient::TlsClient() : context_(SSL_CTX_new(TLS_client_method())) {
  if (context_ == nullptr || SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(context_, "TLS_AES_128_GCM_SHA256") != 1 ||
      SSL_CTX_set1_groups_list(context_, "X25519") != 1) {
    fail("TLS");
  }
  SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context_, this);
  SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
    auto* client = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    SSL_SESSION_free(client->session_);
    client->session_ = session;
    return 1;  // it is ours now
  });
}

TlsClient::~TlsClient() {
  SSL_SESSION_free(session_);
  SSL_CTX_free(context_);
}

TlsEnd::TlsEnd(const TlsClient& client, bool resume)
    : ssl_(SSL_new(client.context())), input_(BIO_new(BIO_s_mem())), output_(BIO_new(BIO_s_mem())) {
  if (ssl_ == nullptr || input_ == nullptr || output_ == nullptr) fail("TLS");
  SSL_set_bio(ssl_, input_, output_);
  SSL_set_connect_state(ssl_);
  if (!resume || client.session() == nullptr) return;
  // A copy: OpenSSL uses up a session with the first connection that resumes by it, and not every server gives a new
  // ticket each time.
  SSL_SESSION* copy = SSL_SESSION_dup(client.session());
  SSL_set_session(ssl_, copy);
  SSL_SESSION_free(copy);
}

TlsEnd::~TlsEnd() {
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);  // or its session would be good for nothing
  SSL_free(ssl_);
}

void TlsEnd::feed(std::span<const std::byte> records) {
  std::size_t written = 0;
  if (BIO_write_ex(input_, records.data(), records.size(), &written) != 1 || written != records.size()) fail("TLS");
}

bool TlsEnd::shake_hands() {
  const int result = SSL_do_handshake(ssl_);
  if (result != 1) expect_more(result);
  return result == 1;
}

std::size_t TlsEnd::open(std::span<std::byte> out) {
  std::size_t size = 0;
  const int result = SSL_read_ex(ssl_, out.data(), out.size(), &size);
  if (result != 1) expect_more(result);
  return size;
}

std::size_t TlsEnd::peek(std::span<std::byte> out) {
  std::size_t size = 0;
  const int result = SSL_peek_ex(ssl_, out.data(), out.size(), &size);
  if (result != 1) expect_more(result);
  return size;
}

void TlsEnd::seal(std::span<const std::byte> plain) {
  std::size_t written = 0;
  if (SSL_write_ex(ssl_, plain.data(), plain.size(), &written) != 1 || written != plain.size()) fail("TLS write");
}

void TlsEnd::take_sealed(std::vector<std::byte>& out) {
  const std::size_t before = out.size();
  const std::size_t waiting = BIO_ctrl_pending(output_);
  if (waiting == 0) return;
  out.resize(before + waiting);
  std::size_t taken = 0;
  if (BIO_read_ex(output_, out.data() + before, waiting, &taken) != 1 || taken != waiting) fail("TLS");
}

bool TlsEnd::resumed() const {
  return SSL_session_reused(ssl_) == 1;
}

std::string TlsEnd::description() const {
  return std::string(SSL_get_version(ssl_)) + "/" + SSL_get_cipher_name(ssl_);
}

void TlsEnd::expect_more(int result) const {
  const int error = SSL_get_error(ssl_, result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_ZERO_RETURN) return;
  fail("TLS");
}

}  // namespace wsblast

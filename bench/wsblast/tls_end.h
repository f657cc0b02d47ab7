// tls_end.h: the generator's end of a TLS connection, between memory and memory: who moves bytes to sockets is not its
// business.
//
// TLS 1.3 with one cipher suite, so that every server is asked for the same work; the certificate is not looked at. One
// thread. A failure throws std::runtime_error, which ends the program.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <openssl/types.h>

struct ssl_session_st;

namespace wsblast {

// What the ends of one run share; outlives them.
class TlsClient {
 public:
  TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;
  ~TlsClient();

  SSL_CTX* context() const { return context_; }
  // The newest session that a server gave a ticket for; null before the first.
  ssl_session_st* session() const { return session_; }

 private:
  SSL_CTX* context_;
  ssl_session_st* session_ = nullptr;
};

class TlsEnd {
 public:
  // `resume`: by the client's newest session, if there is one.
  TlsEnd(const TlsClient& client, bool resume);
  TlsEnd(const TlsEnd&) = delete;
  TlsEnd& operator=(const TlsEnd&) = delete;
  ~TlsEnd();

  // Takes bytes that came from the server.
  void feed(std::span<const std::byte> records);
  // True once the handshake is done; until then it wants more to be fed. The first call needs nothing.
  bool shake_hands();
  // Plain bytes of what was fed; 0: more has to be fed. `peek` leaves them where they are.
  std::size_t open(std::span<std::byte> out);
  std::size_t peek(std::span<std::byte> out);
  void seal(std::span<const std::byte> plain);

  // Moves what has to be sent, the handshake's records too, to the end of `out`.
  void take_sealed(std::vector<std::byte>& out);

  bool resumed() const;
  std::string description() const;  // "TLSv1.3/TLS_AES_128_GCM_SHA256"

 private:
  // Of a call that did not succeed: throws unless it only wants more.
  void expect_more(int result) const;

  SSL* ssl_;
  BIO* input_;  // the SSL's
  BIO* output_;
};

}  // namespace wsblast

// large_ticket_server.h: a server by bare OpenSSL whose ticket takes more than one of its records (RFC 8446,
// section 5.1).
//
// The test's thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <utility>

#include <openssl/ssl.h>

#include <brume/engine/tls_config.h>

namespace brume::tls {

class LargeTicketServer {
 public:
  explicit LargeTicketServer(const TlsCertificate& certificate) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate_file(context_, certificate.certificate_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, certificate.key_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_set_max_send_fragment(context_, 512);
    SSL_CTX_set_num_tickets(context_, 1);
    const auto enlarge = [](SSL* ssl, void*) {
      const std::array<char, 600> data{};
      return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data.data(), data.size());
    };
    SSL_CTX_set_session_ticket_cb(context_, enlarge, nullptr, nullptr);
    ssl_ = SSL_new(context_);
    SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(ssl_);
  }
  LargeTicketServer(const LargeTicketServer&) = delete;
  LargeTicketServer& operator=(const LargeTicketServer&) = delete;
  ~LargeTicketServer() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
  }

  // What it says to the client's next flight.
  std::string answer(const std::string& flight) {
    take(flight);
    SSL_do_handshake(ssl_);
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_), &data);
    std::string text(data, static_cast<std::size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl_));
    return text;
  }
  // The same for the last flight: the ticket's first record, and the others.
  std::pair<std::string, std::string> ticket(const std::string& flight) {
    const std::string all = answer(flight);
    const auto byte = [&](std::size_t at) { return std::size_t{static_cast<unsigned char>(all.at(at))}; };
    const std::size_t first = 5 + (byte(3) << 8 | byte(4));
    return {all.substr(0, first), all.substr(first)};
  }
  // What the client sealed.
  std::string open(const std::string& records) {
    take(records);
    std::string opened;
    std::array<char, 256> text;
    for (int size = 0; (size = SSL_read(ssl_, text.data(), text.size())) > 0;)
      opened.append(text.data(), static_cast<std::size_t>(size));
    return opened;
  }
  // Whether close_notify came.
  bool told_of_the_end() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

 private:
  void take(const std::string& bytes) { BIO_write(SSL_get_rbio(ssl_), bytes.data(), static_cast<int>(bytes.size())); }

  SSL_CTX* context_;
  SSL* ssl_ = nullptr;
};

}  // namespace brume::tls

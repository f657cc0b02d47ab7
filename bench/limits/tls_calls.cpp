// tls_calls: what TLS handshakes cost a server at least: the calls of OpenSSL that a connection needs until it is
// upgraded, alone, between memory and memory. Counted is the CPU time of the server's calls, not the client's, which
// are made in the same thread, a batch of connections at a time.
//
// usage: tls_calls CERTIFICATE KEY SECONDS full|resumed
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <span>
#include <string_view>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace {

constexpr std::size_t kBatch = 64;          // connections
constexpr std::size_t kRequestSize = 160;   // bytes, of the upgrade
constexpr std::size_t kResponseSize = 130;  // the same
constexpr double kWarmUpSeconds = 0.3;

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "%s\n", what);
  ERR_print_errors_fp(stderr);
  std::exit(2);
}

double cpu_s() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

SSL_SESSION* newest_session = nullptr;

// As a server is set up: TLS 1.3, sessions in tickets alone, one ticket for each connection.
SSL_CTX* server_context(const char* certificate, const char* key) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  check(context != nullptr && SSL_CTX_use_certificate_chain_file(context, certificate) == 1 &&
            SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1,
        "certificate");
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  constexpr unsigned char kId = 1;
  SSL_CTX_set_session_id_context(context, &kId, sizeof kId);
  return context;
}

SSL_CTX* client_context() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  check(context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
            SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256") == 1 &&
            SSL_CTX_set1_groups_list(context, "X25519") == 1,
        "client");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, [](SSL*, SSL_SESSION* session) {
    SSL_SESSION_free(newest_session);
    newest_session = session;
    return 1;
  });
  return context;
}

struct Connection {
  SSL* client = nullptr;
  SSL* server = nullptr;
};

class Run {
 public:
  Run(SSL_CTX* server, SSL_CTX* client, bool resume) : server_(server), client_(client), resume_(resume) {}

  // One batch of connections, from nothing to nothing.
  void batch() {
    std::array<Connection, kBatch> connections;
    for (Connection& connection : connections) {
      connection.client = SSL_new(client_);
      check(connection.client != nullptr, "client");
      SSL_set_connect_state(connection.client);
      if (resume_ && newest_session != nullptr) SSL_set_session(connection.client, newest_session);
    }
    counted([&] {
      for (Connection& connection : connections) {
        connection.server = SSL_new(server_);
        check(connection.server != nullptr, "server");
        SSL_set_accept_state(connection.server);
      }
    });
    for (Connection& connection : connections) join(connection);
    for (const Connection& connection : connections) SSL_do_handshake(connection.client);  // hello
    counted([&] {
      for (const Connection& connection : connections) SSL_do_handshake(connection.server);
    });
    for (const Connection& connection : connections) {
      check(SSL_do_handshake(connection.client) == 1, "client's handshake");
      write(connection.client, kRequestSize);
    }
    counted([&] {
      for (const Connection& connection : connections) {
        check(SSL_do_handshake(connection.server) == 1, "server's handshake");  // and the ticket
        read(connection.server, kRequestSize);
        write(connection.server, kResponseSize);
      }
    });
    for (const Connection& connection : connections) {
      read(connection.client, kResponseSize);
      if (SSL_session_reused(connection.client) == 1) ++resumed_;
    }
    counted([&] {
      for (const Connection& connection : connections) SSL_free(connection.server);
    });
    for (const Connection& connection : connections) {
      SSL_set_shutdown(connection.client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
      SSL_free(connection.client);
    }
    handshakes_ += kBatch;
  }

  void forget() { server_s_ = handshakes_ = resumed_ = 0; }

  void print() const {
    std::printf("mode=tls_calls handshakes=%.0f resumed=%.3f server_us_per_handshake=%.2f handshakes_per_s=%.0f\n",
                handshakes_, resumed_ / handshakes_, server_s_ * 1e6 / handshakes_, handshakes_ / server_s_);
  }

 private:
  template <typename Calls>
  void counted(Calls&& calls) {
    const double before = cpu_s();
    calls();
    server_s_ += cpu_s() - before;
  }

  static void join(const Connection& connection) {
    BIO* up = BIO_new(BIO_s_mem());
    BIO* down = BIO_new(BIO_s_mem());
    check(up != nullptr && down != nullptr && BIO_up_ref(up) == 1 && BIO_up_ref(down) == 1, "BIO");
    SSL_set_bio(connection.client, down, up);
    SSL_set_bio(connection.server, up, down);
  }

  static void write(SSL* end, std::size_t size) {
    const std::array<char, 256> text{};
    check(SSL_write(end, text.data(), static_cast<int>(size)) == static_cast<int>(size), "write");
  }

  static void read(SSL* end, std::size_t size) {
    std::array<char, 16384> text;
    check(SSL_read(end, text.data(), text.size()) == static_cast<int>(size), "read");
  }

  SSL_CTX* server_;
  SSL_CTX* client_;
  bool resume_;
  double server_s_ = 0;
  double handshakes_ = 0;
  double resumed_ = 0;
};

void run_for(Run& run, double seconds) {
  const double end = cpu_s() + seconds;
  while (cpu_s() < end) run.batch();
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() != 5) {
    std::fprintf(stderr, "usage: tls_calls CERTIFICATE KEY SECONDS full|resumed\n");
    return 2;
  }
  const bool resume = std::string_view(arguments[4]) == "resumed";
  Run run(server_context(arguments[1], arguments[2]), client_context(), resume);
  run_for(run, kWarmUpSeconds);
  run.forget();
  run_for(run, std::atof(arguments[3]));
  run.print();
}

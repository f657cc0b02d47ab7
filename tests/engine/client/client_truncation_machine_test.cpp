// Row T7 at the client over real sockets, on both backends: a server of OpenSSL alone that ends without close_notify.
#include <array>
#include <atomic>
#include <chrono>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <brume/codec/handshake.h>
#include <brume/engine/blocking_client.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kPatience = 20s;
constexpr int kSeconds = 20;  // that the server waits for anything

// Serves one connection on a thread of its own: shakes hands, answers the upgrade, sends `frames`, ends TCP.
class CuttingServer {
 public:
  CuttingServer(const TlsCertificate& certificate, std::string frames, bool close_notify)
      : frames_(std::move(frames)), close_notify_(close_notify) {
    context_ = SSL_CTX_new(TLS_server_method());
    EXPECT_EQ(SSL_CTX_use_certificate_chain_file(context_, certificate.certificate_file.c_str()), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_, certificate.key_file.c_str(), SSL_FILETYPE_PEM), 1);
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{kSeconds, 0};
    setsockopt(listener_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this] { serve(); });
  }
  ~CuttingServer() {
    thread_.join();
    ::close(listener_);
    SSL_CTX_free(context_);
  }
  std::string url() const { return "wss://127.0.0.1:" + std::to_string(port_) + "/ws"; }

 private:
  void serve() {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(connection, 0);
    const timeval patience{kSeconds, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    SSL* const ssl = SSL_new(context_);
    SSL_set_fd(ssl, connection);
    if (SSL_accept(ssl) == 1) {
      std::string head;
      std::array<char, 4096> bytes;
      while (head.find("\r\n\r\n") == std::string::npos) {
        const int got = SSL_read(ssl, bytes.data(), static_cast<int>(bytes.size()));
        if (got <= 0) break;
        head.append(bytes.data(), static_cast<std::size_t>(got));
      }
      constexpr std::string_view kField = "Sec-WebSocket-Key: ";
      const std::string_view key = std::string_view(head).substr(head.find(kField) + kField.size(), 24);
      const auto accept = codec::accept_key(key);
      const std::string answer =
          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
          std::string(accept.data(), accept.size()) + "\r\n\r\n" + frames_;
      EXPECT_GT(SSL_write(ssl, answer.data(), static_cast<int>(answer.size())), 0);
      if (close_notify_) SSL_shutdown(ssl);
    }
    shutdown(connection, SHUT_WR);
    // Until the client has ended, so that no reset overtakes what was sent.
    std::array<char, 4096> rest;
    while (recv(connection, rest.data(), rest.size(), 0) > 0) {
    }
    SSL_free(ssl);
    ::close(connection);
  }

  std::string frames_;
  bool close_notify_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::jthread thread_;
};

class ClientTruncationMachine : public testing::TestWithParam<io::Backend> {
 protected:
  std::expected<BlockingClient, ConnectError> connect(const CuttingServer& server) {
    ConnectOptions options;
    options.tls.ca_file = certificates.ca_file();
    Config config;
    config.io = GetParam();
    return BlockingClient::connect(server.url(), options, config);
  }
  TestCertificates certificates;
  const TlsCertificate certificate = certificates.issue("localhost", "IP:127.0.0.1");
  const std::string message{"\x81\x05whole", 7};
};

TEST_P(ClientTruncationMachine, T7_AnEndWithOrWithoutCloseNotifyButNoCloseFrameIs1006BehindTheMessagesThatCameWhole) {
  for (const bool close_notify : {false, true}) {
    const CuttingServer server(certificate, message + message, close_notify);
    auto client = connect(server);
    if (!client && client.error().step == ConnectStep::start) GTEST_SKIP() << client.error().to_string();
    ASSERT_TRUE(client) << client.error().to_string();
    for (int i = 0; i < 2; i++) {
      const auto received = client->receive(kPatience);
      ASSERT_TRUE(received);
      EXPECT_EQ(received->text(), "whole");
    }
    EXPECT_EQ(client->receive(kPatience).error(), Error::connection_closed);
    ASSERT_TRUE(client->end());
    EXPECT_EQ(client->end()->info.code, 1006);
    EXPECT_EQ(client->end()->info.cause, CloseCause::transport);
    EXPECT_FALSE(client->end()->info.clean);
  }
}

TEST_P(ClientTruncationMachine, T7_AHalfMessageIsNotDelivered) {
  const CuttingServer server(certificate, message + message.substr(0, 5), false);
  auto client = connect(server);
  if (!client && client.error().step == ConnectStep::start) GTEST_SKIP() << client.error().to_string();
  ASSERT_TRUE(client) << client.error().to_string();
  ASSERT_TRUE(client->receive(kPatience));
  EXPECT_EQ(client->receive(kPatience).error(), Error::connection_closed);
  ASSERT_TRUE(client->end());
  EXPECT_EQ(client->end()->info.code, 1006);
}

INSTANTIATE_TEST_SUITE_P(Backends, ClientTruncationMachine, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& backend) {
                           return backend.param == io::Backend::epoll ? "epoll" : "io_uring";
                         });

}  // namespace
}  // namespace brume::test

// client_tls_fixture.h: a client of brume and a server of brume in one simulated world, with TLS between them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <brume/tests/engine/client/client_world.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::test {

class ClientTlsTest : public testing::Test {
 protected:
  ClientTlsTest() {
    options.tls.ca_file = certificates.ca_file();
    options.tls.server_name = "a.test";
  }

  // A server with `certificate`; its world's other fields as the test changed them.
  void serve(const TlsCertificate& certificate, ClientWorld& in) {
    Config config;
    tls.certificates = {certificate};
    config.tls = tls;
    server = std::make_unique<Server>(in.world, config);
    server->get("/ws", websocket([this](Connection& c) -> Task<> {
                  info = c.tls_info();
                  while (auto message = co_await c.receive()) (void)c.send(message->type, message->data);
                }));
    server->get("/bye", websocket([](Connection& c) -> Task<> {
                  (void)c.send_text("hello");
                  (void)c.close(3001, "enough");
                  while (co_await c.receive()) {
                  }
                }));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  void serve(const TlsCertificate& certificate) { serve(certificate, own); }
  TlsCertificate good() { return certificates.issue("a.test", "DNS:a.test"); }
  static std::string secure(std::string url) { return "wss" + url.substr(2); }
  std::string url(std::string_view path = "/ws") const { return secure(url_of(server->address(), path)); }
  // What becomes of a connect that is to fail.
  ConnectError failure() {
    const auto outcome = own.follow(url(), options);
    own.world.run_for(15s);
    EXPECT_FALSE(outcome->connected);
    EXPECT_EQ(own.client.stats().sockets, 0u);
    EXPECT_EQ(server->stats().connections, 0u);
    return outcome->error.value_or(ConnectError());
  }

  TestCertificates certificates;
  TlsConfig tls;
  ConnectOptions options;
  ClientWorld own;
  std::unique_ptr<Server> server;
  std::optional<TlsInfo> info;
};

}  // namespace brume::test

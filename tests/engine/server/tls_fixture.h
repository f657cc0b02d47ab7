// tls_fixture.h: a whole server over TLS in a simulation, with an echo route and what its handlers heard.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/test_certificates.h>

namespace brume {

class TlsServerTest : public testing::Test {
 protected:
  TlsServerTest() {
    tls.certificates = {certificates.issue("a.test", "DNS:a.test,IP:127.0.0.1"),
                        certificates.issue("b.test", "DNS:b.test")};
    client_tls.ca_file = certificates.ca_file();
    client_tls.server_name = "a.test";
  }

  Config config() {
    Config made;
    made.tls = tls;
    made.log = [this](LogLevel, std::string_view line) { log.emplace_back(line); };
    return made;
  }
  // A server in a world of its own, with a route that echoes; the ones before it are gone.
  void make(const Config& with, const SimulatorOptions& how = {}) {
    server.reset();
    world.emplace(how);
    server.emplace(*world, with);
    server->get("/echo", websocket({
                             .open = [this](Connection&) { opened++; },
                             .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); },
                             .close = [this](Connection&, const CloseInfo& info) { closed.push_back(info.code); },
                         }));
  }
  void listen() {
    const auto listening = server->listen("127.0.0.1:0");
    ASSERT_TRUE(listening) << listening.error().text;
    ASSERT_TRUE(server->start());
  }
  void start(const Config& with, const SimulatorOptions& how = {}) {
    make(with, how);
    listen();
  }
  void start() { start(config()); }
  SimulatedClient connect(std::string_view path = "/echo") { return world->connect(*server, path, options()); }
  ClientOptions options() {
    ClientOptions made;
    made.tls = client_tls;
    return made;
  }
  bool logged(std::string_view text) const {
    for (const std::string& line : log)
      if (line.find(text) != std::string::npos) return true;
    return false;
  }

  test::TestCertificates certificates;
  TlsConfig tls;
  TlsClientConfig client_tls;
  std::vector<std::string> log;
  int opened = 0;
  std::vector<int> closed;
  std::optional<Simulator> world;
  std::optional<Server> server;  // ends first
};

}  // namespace brume

// Row L7 over TLS: memory runs out anywhere between accept and the end of a conversation that is read in pieces.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/tests/support/failing_memory.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kHost = "a-name-longer-than-a-string-holds.test";

// A server whose handler takes a message a millisecond, so that what its peer sends at once has to be set aside.
class Scenario {
 public:
  explicit Scenario(const TestCertificates& certificates, const TlsCertificate& certificate)
      : server_(world_, config(certificate)) {
    options_.tls.emplace();
    options_.tls->ca_file = certificates.ca_file();
    options_.tls->server_name = kHost;
    server_.get("/", websocket([](Connection& c) -> Task<> {
                  while (auto message = co_await c.receive()) {
                    const KeptMessage kept = message->keep();
                    (void)co_await sleep(1ms);
                    (void)c.send_text(kept.text());
                  }
                }));
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    EXPECT_TRUE(server_.start());
    bystander_.emplace(simulator_.connect(server_, "/", options_));
    simulator_.run_until_idle();
  }

  void work() {
    client_.emplace(simulator_.connect(server_, "/", options_));
    for (std::size_t i = 0; i < kMessages; i++) client_->send_text(text(i));
    simulator_.run_for(100ms);
    client_->send_text(text(kMessages));
    simulator_.run_for(100ms);
  }
  // Whether all came back; else the connection is at its end, and nobody else is.
  bool judge() {
    simulator_.run_for(30s);
    const auto& messages = client_->messages();
    for (std::size_t i = 0; i < messages.size(); i++) EXPECT_EQ(messages[i].data, text(i));
    const bool all = messages.size() == kMessages + 1;
    EXPECT_TRUE(all || client_->is_over());
    EXPECT_FALSE(client_->violation());
    EXPECT_EQ(server_.stats().refused_by("tls_record"), 0U) << "records were read twice, or not at all";
    EXPECT_TRUE(all || server_.stats().refused_by("out_of_memory") != 0);
    bystander_->send_text("still here");
    simulator_.run_for(1s);
    EXPECT_EQ(bystander_->last_text(), "still here");
    client_->abort();
    bystander_->abort();
    simulator_.run_for(30s);
    EXPECT_EQ(server_.stats().sockets, 0U);
    EXPECT_EQ(server_.stats().connections, 0U);
    return all;
  }

 private:
  static constexpr std::size_t kMessages = 30;

  static std::string text(std::size_t number) { return std::to_string(number) + std::string(3000, '.'); }
  static Config config(const TlsCertificate& certificate) {
    Config config;
    config.tls.emplace();
    config.tls->certificates = {certificate};
    config.ping_interval = 0ms;
    return config;
  }

  Simulator simulator_;
  MemoryWorld world_{simulator_};
  ClientOptions options_;
  Server server_;
  std::optional<SimulatedClient> bystander_;
  std::optional<SimulatedClient> client_;
};

TEST(TlsMemory, L7_WhereAnAllocationFailsItsConnectionEndsAtMostAndNoRecordIsTakenForABadOne) {
  TestCertificates certificates;
  const TlsCertificate certificate = certificates.issue("a", "DNS:" + std::string(kHost));
  for (const std::uint64_t count : {std::uint64_t{1}, std::uint64_t{3}, FailingMemory::kNever}) {
    int ended = 0;
    for (std::uint64_t first = 1;; first++) {
      SCOPED_TRACE("allocation " + std::to_string(first) + ", " + std::to_string(count) + " fail");
      ASSERT_LT(first, 1000U);
      Scenario run(certificates, certificate);
      memory.arm(first, count);
      run.work();
      memory.disarm();
      if (!run.judge()) ended++;
      if (HasFailure() || memory.failed() == 0) break;
    }
    EXPECT_GT(ended, 5);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace brume::test

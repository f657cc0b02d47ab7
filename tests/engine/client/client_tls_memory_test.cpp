// Memory runs out at a client over TLS, anywhere between connect and the end of a conversation.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <brume/engine/client.h>
#include <brume/engine/server.h>
#include <brume/tests/support/failing_memory.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

// A client, whose memory may run out, that takes messages slowly and answers each.
class Scenario {
 public:
  Scenario(const TestCertificates& certificates, const TlsCertificate& certificate)
      : server_(simulator_, config(certificate)), client_(world_) {
    server_.get("/", websocket([](Connection& c) -> Task<> {
                  for (int i = 0; i < kMessages; i++) (void)c.send_text(std::string(3000, 'x'));
                  while (auto message = co_await c.receive()) (void)c.send_text("heard");
                }));
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    EXPECT_TRUE(server_.start());
    EXPECT_TRUE(client_.start());
    options_.tls.ca_file = certificates.ca_file();
    options_.tls.server_name = "a-name-longer-than-a-string-holds.test.";
  }
  ~Scenario() {
    server_.stop(2s);  // what waits for one of them in this world waits for both
    client_.stop(2s);
    client_.wait();
    EXPECT_EQ(client_.stats().sockets, 0U);
    EXPECT_EQ(client_.stats().connections, 0U);
    EXPECT_EQ(client_.stats().refused_by("tls_record"), 0U) << "records were read twice, or not at all";
  }

  void connect() {
    EXPECT_TRUE(client_.run([this] { return talk(); }));
  }
  void run_for(io::Time time) { simulator_.run_for(time); }
  // Messages since this was last asked.
  int take_count() { return std::exchange(count_, 0); }

  static constexpr int kMessages = 20;

 private:
  static Config config(const TlsCertificate& certificate) {
    Config made;
    made.tls.emplace();
    made.tls->certificates = {certificate};
    return made;
  }
  Task<> talk() {
    auto feed = co_await client_.connect("wss://" + server_.address().to_string() + "/", options_);
    while (feed) {
      const auto message = co_await feed->receive();
      if (!message) co_return;
      count_++;
      if (message->text() == "heard") continue;
      (void)feed->send_text(message->text());
      (void)co_await sleep(1ms);
    }
  }

  int count_ = 0;
  ConnectOptions options_;
  Simulator simulator_;
  MemoryWorld world_{simulator_};
  Server server_;
  Client client_;
};

TEST(ClientTlsMemory, L7_WhereAnAllocationFailsAConnectOrItsConnectionEndsAtMostAndTheNextOneWorks) {
  TestCertificates certificates;
  const TlsCertificate certificate = certificates.issue("a", "DNS:a-name-longer-than-a-string-holds.test");
  int ended = 0;
  for (std::uint64_t first = 1;; first++) {
    SCOPED_TRACE("allocation " + std::to_string(first));
    ASSERT_LT(first, 1000U);
    Scenario run(certificates, certificate);
    memory.arm(first, 1);
    run.connect();
    run.run_for(100ms);
    memory.disarm();
    if (run.take_count() != 2 * Scenario::kMessages) ended++;
    run.run_for(20s);
    (void)run.take_count();
    run.connect();
    run.run_for(5s);
    EXPECT_EQ(run.take_count(), 2 * Scenario::kMessages);
    if (HasFailure()) return;
    if (memory.failed() == 0) break;
  }
  EXPECT_GT(ended, 5);
}

}  // namespace
}  // namespace brume::test

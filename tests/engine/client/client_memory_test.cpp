// Memory runs out at a client, anywhere between connect and the end of a compressed conversation; and what a compressed
// message costs when it does not.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <brume/engine/client.h>
#include <brume/engine/server.h>
#include <brume/tests/support/failing_memory.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

// A client, whose memory may run out, that says the same to an echoing server as soon as it comes back.
class Scenario {
 public:
  explicit Scenario(bool takeover) : server_(simulator_, config(takeover)), client_(world_) {
    server_.get("/", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    EXPECT_TRUE(server_.start());
    EXPECT_TRUE(client_.start());
    options_.connection = config(takeover);
    callbacks_.open = [this](Connection& c) { (void)c.send_text(text_); };
    callbacks_.message = [this](Connection& c, const Message& m) {
      if (m.text() == text_) echoes_++;
      if (left_ == 0) return;
      left_--;
      (void)c.send(m.type, m.data);
    };
  }
  ~Scenario() {
    server_.stop(2s);  // what waits for one of them in this world waits for both
    client_.stop(2s);
    client_.wait();
    EXPECT_EQ(client_.stats().sockets, 0u);
    EXPECT_EQ(client_.stats().connections, 0u);
  }

  // Messages go to and fro that many times.
  void connect(std::uint64_t times) {
    left_ = times;
    (void)client_.connect("ws://" + server_.address().to_string() + "/", options_, callbacks_);
  }
  void run_for(io::Time time) { simulator_.run_for(time); }
  // Since this was last asked.
  std::uint64_t take_echoes() { return std::exchange(echoes_, 0); }

 private:
  static Config config(bool takeover) {
    Config made;
    made.compression = {.enabled = true, .server_context_takeover = takeover, .client_context_takeover = takeover};
    made.ping_interval = 0ms;
    made.read_timeout = 0ms;
    return made;
  }
  static std::string some_text() {
    std::string text;
    for (int i = 0; text.size() < 1000; i++) text += R"({"id":)" + std::to_string(i) + R"(,"name":"somebody"},)";
    return text;
  }

  const std::string text_ = some_text();
  std::uint64_t echoes_ = 0;
  std::uint64_t left_ = 0;
  ConnectOptions options_;
  Callbacks callbacks_;
  Simulator simulator_;
  MemoryWorld world_{simulator_};
  Server server_;
  Client client_;
};

TEST(ClientMemory, ACompressedMessageCostsNoAllocationOnceItsCoreIsWarm) {
  for (const bool takeover : {false, true}) {
    Scenario run(takeover);
    run.connect(1'000'000);
    run.run_for(20ms);
    EXPECT_GT(run.take_echoes(), 2u);
    memory.arm(FailingMemory::kNever, 1);
    run.run_for(50ms);
    EXPECT_EQ(memory.asked(), 0u);
    memory.disarm();
    EXPECT_GT(run.take_echoes(), 20u);
  }
}

TEST(ClientMemory, L7_WhereAnAllocationFailsAConnectOrItsConnectionEndsAtMostAndTheNextOneWorks) {
  for (const bool takeover : {false, true}) {
    constexpr std::uint64_t kTimes = 5;
    int ended = 0;
    std::uint64_t first = 1;
    for (;; first++) {
      ASSERT_LT(first, 500u);
      Scenario run(takeover);
      memory.arm(first, 1);
      run.connect(kTimes);
      run.run_for(20ms);
      memory.disarm();
      if (run.take_echoes() != kTimes + 1) ended++;
      run.run_for(20s);
      run.connect(kTimes);
      run.run_for(1s);
      EXPECT_EQ(run.take_echoes(), kTimes + 1) << first;
      if (memory.failed() == 0) break;
    }
    std::printf("takeover %d: %llu allocations, %d of which ended a connect or a connection\n", takeover,
                static_cast<unsigned long long>(first - 1), ended);
    EXPECT_GT(ended, 0);
  }
}

TEST(ClientMemory, L7_WhereAnAllocationFailsWhileItReconnectsItGoesOnOrSaysThatItIsOver) {
  for (std::uint64_t first = 1;; first++) {
    ASSERT_LT(first, 1000u);
    Simulator simulator;
    MemoryWorld world(simulator);
    Server server(simulator);
    Callbacks bye;
    bye.open = [](Connection& c) { (void)c.close(4001, "a reason that does not fit into a string itself"); };
    server.get("/", websocket(bye));
    ASSERT_TRUE(server.listen("127.0.0.1:7777"));
    ASSERT_TRUE(server.start());
    Client client(world);
    ASSERT_TRUE(client.start());
    struct Follower {
      int retries = 0;
      int failures = 0;
    } ends_at_once, finds_nobody;
    const auto connect = [&](const char* url, Follower& follower) {
      ConnectOptions options;
      options.reconnect = Backoff(100ms, 100ms);
      options.reconnect->retry_first = true;
      options.retrying = [&](const Retry&) { follower.retries++; };
      return client.connect(url, options, Callbacks(), [&](const ConnectError&) { follower.failures++; }).has_value();
    };
    ASSERT_TRUE(connect("ws://127.0.0.1:7777/", ends_at_once));
    ASSERT_TRUE(connect("ws://127.0.0.1:7778/", finds_nobody));
    simulator.run_for(110ms);
    memory.arm(first, 1);
    simulator.run_for(300ms);
    memory.disarm();
    simulator.run_for(15s);  // longer than an attempt has
    for (Follower* follower : {&ends_at_once, &finds_nobody}) {
      follower->retries = 0;
      EXPECT_LE(follower->failures, 1) << first;
    }
    simulator.run_for(1s);
    EXPECT_NE(ends_at_once.retries == 0, ends_at_once.failures == 0) << first;
    EXPECT_NE(finds_nobody.retries == 0, finds_nobody.failures == 0) << first;
    server.stop(2s);
    client.stop(2s);
    client.wait();
    if (memory.failed() == 0) break;
  }
}

}  // namespace
}  // namespace brume::test

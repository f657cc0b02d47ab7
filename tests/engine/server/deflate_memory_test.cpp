// Row D7: memory runs out where a message is compressed or inflated; and what a compressed message costs when it does
// not.
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/tests/support/failing_memory.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

std::string json(int number) {
  std::string text = "[";
  while (text.size() < 1000) text += R"({"id":)" + std::to_string(number++) + R"(,"name":"somebody","online":true},)";
  return text;
}

class Scenario {
 public:
  using OnMessage = void (*)(Connection&, const Message&);

  explicit Scenario(bool takeover, OnMessage on_message = echo_back) : server_(world_, config(takeover)) {
    server_.get("/", websocket({.message = on_message}));
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    EXPECT_TRUE(server_.start());
    bystander_.emplace(simulator_.connect(server_, "/"));
    simulator_.run_until_idle();
  }
  ~Scenario() {
    server_.stop(2s);
    server_.wait();
    EXPECT_EQ(server_.stats().sockets, 0u);
  }

  // Several messages of a connection with compression, and whatever comes of them.
  void work() {
    ClientOptions options;
    options.compression.emplace();
    client_.emplace(simulator_.connect(server_, "/", options));
    simulator_.run_for(10ms);
    for (int i = 0; i < 3; i++) echo(i);
  }
  void echo(int number) {
    client_->send_text(json(number));
    simulator_.run_for(10ms);
  }
  // Whether all came back; else the connection is at its end, and nobody else is.
  bool judge() {
    simulator_.run_for(10s);
    bool all = client_->messages().size() == 3;
    for (std::size_t i = 0; i < client_->messages().size(); i++) {
      EXPECT_EQ(client_->messages()[i].data, json(static_cast<int>(i)));
      if (!client_->messages()[i].compressed) plain_++;
    }
    EXPECT_EQ(client_->violation(), std::nullopt);
    EXPECT_TRUE(all || client_->is_over()) << client_->messages().size();
    bystander_->send_text("still here");
    simulator_.run_for(1s);
    EXPECT_EQ(bystander_->last_text(), "still here");
    return all;
  }
  int plain() const { return plain_; }
  // How many did not come back of a connection that is open yet; those that did are whole, and in order.
  int lost() {
    EXPECT_EQ(client_->violation(), std::nullopt);
    int number = 0;
    for (const auto& message : client_->messages()) {
      while (number < 3 && message.data != json(number)) number++;
      EXPECT_LT(number++, 3);
    }
    return client_->is_open() ? 3 - static_cast<int>(client_->messages().size()) : 0;
  }

 private:
  static void echo_back(Connection& c, const Message& m) { (void)c.send(m.type, m.data); }
  static Config config(bool takeover) {
    Config config;
    config.compression = {.enabled = true, .server_context_takeover = takeover, .client_context_takeover = takeover};
    config.ping_interval = 0ms;
    config.read_timeout = 0ms;
    return config;
  }

  Simulator simulator_;
  MemoryWorld world_{simulator_};
  Server server_;
  std::optional<SimulatedClient> bystander_;
  std::optional<SimulatedClient> client_;
  int plain_ = 0;
};

TEST(DeflateMemory, D7_WhereAnAllocationFailsAMessageGoesAsItIsOrItsConnectionEndsAndNobodyElseIsHarmed) {
  for (const bool takeover : {false, true}) {
    int ended = 0;
    int plain = 0;
    std::uint64_t first = 1;
    for (;; first++) {
      ASSERT_LT(first, 500u);
      Scenario run(takeover);
      memory.arm(first, 1);
      run.work();
      memory.disarm();
      if (!run.judge()) ended++;
      plain += run.plain();
      if (memory.failed() == 0) break;
    }
    std::printf("takeover %d: %llu allocations, %d connections ended, %d messages went as they were\n", takeover,
                static_cast<unsigned long long>(first - 1), ended, plain);
    EXPECT_GT(plain, 0) << "where there is no memory for a compressor";
    EXPECT_GT(ended, 0) << "where there is none for what was received";
  }
}

TEST(DeflateMemory, AMessageThatWasNotQueuedIsNoPartOfTheContext) {
  // An application may go on without the message.
  const auto try_to_send = [](Connection& c, const Message& m) {
    try {
      (void)c.send(m.type, m.data);
    } catch (const std::bad_alloc&) {
    }
  };
  int lost = 0;
  for (std::uint64_t first = 1;; first++) {
    ASSERT_LT(first, 500u);
    Scenario run(true, try_to_send);
    memory.arm(first, 1);
    run.work();
    memory.disarm();
    lost += run.lost();
    if (memory.failed() == 0) break;
  }
  EXPECT_GT(lost, 0);
}

TEST(DeflateMemory, ACompressedMessageCostsNoAllocationOnceItsCoreIsWarm) {
  for (const bool takeover : {false, true}) {
    Scenario run(takeover);
    run.work();
    memory.arm(FailingMemory::kNever, 1);
    for (int i = 0; i < 20; i++) run.echo(i);
    EXPECT_EQ(memory.asked(), 0u);
    memory.disarm();
  }
}

}  // namespace
}  // namespace brume::test

// The machine table's row about memory: reads pause, then newcomers are refused, then who holds most goes; each of it
// counted, and all of it over once there is room again.
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kKiB = 1024;
constexpr std::size_t kLimit = 1024 * kKiB;      // so that a stage's threshold is so many times 64 KiB
constexpr std::size_t kHeldForOne = 192 * kKiB;  // where more than half of the largest message has come
constexpr std::size_t kBegun = 100 * kKiB;

class MemoryRows : public testing::Test {
 protected:
  void start(Config config = {}) {
    config.memory_limit = kLimit;
    config.message_buffer_size = 4096;
    config.max_message_size = kHeldForOne;
    config.log = [this](LogLevel, std::string_view line) { lines.emplace_back(line); };
    server.emplace(world, config);
    server->get("/", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    // Sends as many KiB as it is asked for.
    server->get("/fountain", websocket({.message = [](Connection& c, const Message& m) {
                  for (int i = std::stoi(std::string(m.text())); i > 0; i--) (void)c.send_binary(as_bytes(kilobyte));
                }}));
    server->get("/deaf", websocket({.open = [](Connection& c) { c.pause_reading(); }}));
    server->post("/", [](Request& request) { return Response::text(std::to_string(request.body().size())); });
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  SimulatedClient connect(std::string_view path = "/") {
    auto client = world.connect(*server, path);
    world.run_for(3ms);
    return client;
  }
  // Clients that have each begun a message, for which the server holds kHeldForOne.
  std::vector<SimulatedClient> begin(int count) {
    std::vector<SimulatedClient> clients;
    for (int i = 0; i < count; i++) {
      clients.push_back(connect());
      clients.back().send_frame(codec::Opcode::binary, std::string(kBegun, 'b'), false);
      world.run_for(5ms);
    }
    return clients;
  }
  static void finish(SimulatedClient& client) { client.send_frame(codec::Opcode::continuation, "end", true); }
  std::uint64_t refused(std::string_view rule) const { return server->stats().refused_by(rule); }
  std::size_t lines_with(std::string_view word) const {
    std::size_t count = 0;
    for (const std::string& line : lines) count += line.find(word) != std::string::npos ? 1 : 0;
    return count;
  }

  static inline const std::string kilobyte = std::string(kKiB - 4, 'k');
  Simulator world{SimulatorOptions{}};
  std::vector<std::string> lines;
  std::optional<Server> server;
};

TEST_F(MemoryRows, AboveThreeQuartersWhoHoldsMoreThanItsShareIsNotReadAndTheOthersAre) {
  start();
  auto small = connect();
  auto clients = begin(3);
  EXPECT_EQ(refused("memory_held_back"), 0u);
  auto large = begin(1)[0];
  EXPECT_EQ(refused("memory_held_back"), 4u);
  EXPECT_EQ(lines_with("memory_held_back"), 4u);
  small.send_text("as ever");
  world.run_for(5ms);
  EXPECT_EQ(small.last_text(), "as ever");
  // Its peer feels it: what it sends stays on its side, beyond what the network holds.
  large.send_bytes(std::string(300 * kKiB, '\0'));
  world.run_for(5ms);
  EXPECT_GT(large.unsent_size(), 0u);
  EXPECT_TRUE(large.is_open());
}

TEST_F(MemoryRows, WhoWasHeldBackGoesOnOnceThereIsRoom) {
  start();
  auto clients = begin(4);
  ASSERT_EQ(refused("memory_held_back"), 4u);
  clients[0].abort();
  world.run_for(1s);  // nobody reads it, so that it has gone is seen when its turn comes
  finish(clients[1]);
  world.run_for(5ms);
  ASSERT_EQ(clients[1].messages().size(), 1u);
  EXPECT_EQ(clients[1].messages()[0].data.size(), kBegun + 3);
}

TEST_F(MemoryRows, ThoseHeldBackAreReadInTurnSoThatTheirMessagesComeToAnEnd) {
  Config config;
  config.message_timeout = 0s;  // nothing else would ever end them
  start(config);
  auto clients = begin(5);
  EXPECT_EQ(refused("memory_held_back"), 4u);
  for (SimulatedClient& client : clients) finish(client);
  world.run_for(2s);
  for (SimulatedClient& client : clients) {
    EXPECT_TRUE(client.is_open());
    ASSERT_EQ(client.messages().size(), 1u);
    EXPECT_EQ(client.messages()[0].data.size(), kBegun + 3);
  }
  EXPECT_EQ(refused("memory_limit"), 0u);
}

TEST_F(MemoryRows, OneThatNeverFinishesDoesNotKeepTheOthersFromTheirTurn) {
  Config config;
  config.message_timeout = 0s;
  start(config);
  auto clients = begin(5);
  for (std::size_t i = 1; i < clients.size(); i++) {
    finish(clients[i]);
    world.run_for(1s);
    EXPECT_EQ(clients[i].messages().size(), 1u) << i;
  }
  EXPECT_TRUE(clients[0].is_open());
}

TEST_F(MemoryRows, MessageTimeoutEndsAMessageThatIsHeldBack) {
  Config config;
  config.message_timeout = 3s;
  start(config);
  auto clients = begin(4);
  world.run_for(2s);
  for (SimulatedClient& client : clients) EXPECT_TRUE(client.is_open());
  world.run_for(2s);
  for (SimulatedClient& client : clients) EXPECT_EQ(client.close_code(), 1008);
}

TEST_F(MemoryRows, SilenceOfWhoIsHeldBackSaysNothingAboutItsPeer) {
  Config config;
  config.read_timeout = 250ms;
  config.ping_interval = 0ms;
  start(config);
  auto clients = begin(5);
  // They send all the time; that nobody reads it for most of that time is not their fault.
  for (int i = 0; i < 60; i++) {
    for (SimulatedClient& client : clients) client.send_pong("here");
    world.run_for(50ms);
  }
  for (SimulatedClient& client : clients) EXPECT_TRUE(client.is_open());
}

TEST_F(MemoryRows, AtSevenEighthsNewcomersGet503UntilItHasEased) {
  start();
  auto clients = begin(4);
  clients.push_back(begin(1)[0]);
  EXPECT_EQ(refused("memory_refused"), 0u);
  auto newcomer = connect();
  EXPECT_EQ(newcomer.status(), 503);
  EXPECT_NE(newcomer.response_field("Retry-After"), "");
  EXPECT_EQ(refused("memory_refused"), 1u);
  EXPECT_EQ(lines_with("memory_refused"), 1u);
  // A little less than the threshold is not enough; well below it is.
  clients[0].abort();
  world.run_for(1s);
  EXPECT_EQ(connect().status(), 503);
  clients[1].abort();
  world.run_for(1s);
  EXPECT_TRUE(connect().is_open());
  EXPECT_EQ(refused("memory_refused"), 2u);
  for (std::size_t i = 2; i < clients.size(); i++) EXPECT_TRUE(clients[i].is_open());
}

TEST_F(MemoryRows, AboveTheLimitSlowReadersGoLargestFirstAndTheOthersStay) {
  start();
  std::vector<SimulatedClient> readers;
  for (int i = 0; i < 5; i++) {
    readers.push_back(connect("/fountain"));
    readers.back().pause_reading();
  }
  auto other = connect();
  // A quarter of a mebibyte of each is on the network; the rest waits in the outboxes: 1.4 times the limit.
  const int kilobytes[] = {500, 900, 400, 600, 450};
  for (std::size_t i = 0; i < readers.size(); i++) readers[i].send_text(std::to_string(kilobytes[i]));
  world.run_for(20ms);
  EXPECT_EQ(refused("memory_limit"), 1u);
  EXPECT_EQ(lines_with("memory_limit:"), 1u);
  EXPECT_EQ(server->stats().connections, 5u);
  other.send_text("still here");
  world.run_for(5ms);
  EXPECT_EQ(other.last_text(), "still here");
  for (SimulatedClient& reader : readers) reader.resume_reading();
  world.run_for(5s);
  for (std::size_t i = 0; i < readers.size(); i++) {
    if (i == 1) continue;
    EXPECT_EQ(readers[i].messages().size(), static_cast<std::size_t>(kilobytes[i]));
  }
  EXPECT_LT(readers[1].messages().size(), 300u) << "who held most went";
}

TEST_F(MemoryRows, InputSetAsideTakesABufferOfReadBufferSizeFirst) {
  for (const std::size_t size : {4 * kKiB, 256 * kKiB}) {
    Config config;
    config.read_buffer_size = size;
    start(config);
    std::vector<SimulatedClient> clients;
    for (int i = 0; i < 3; i++) {
      clients.push_back(connect("/deaf"));
      clients.back().send_text("a few bytes");
      world.run_for(5ms);
    }
    EXPECT_EQ(refused("memory_held_back"), size == 256 * kKiB ? 3u : 0u);
  }
}

TEST_F(MemoryRows, ABodyIsGivenBackOnceItIsAnswered) {
  start();
  std::vector<SimulatedSocket> posts;
  for (int i = 0; i < 8; i++) {
    posts.push_back(world.connect_raw(*server));
    posts.back().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'x'));
    world.run_for(5ms);
    EXPECT_TRUE(posts.back().received().ends_with("200000"));
  }
  EXPECT_EQ(server->stats().sockets, 8u) << "kept alive";
  EXPECT_EQ(refused("memory_held_back"), 0u);
}

TEST_F(MemoryRows, BodiesOfRequestsCountToo) {
  start();
  std::vector<SimulatedSocket> posts;
  for (int i = 0; i < 4; i++) {
    posts.push_back(world.connect_raw(*server));
    posts.back().send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 250000\r\n\r\n" + std::string(195 * kKiB, 'x'));
    world.run_for(2ms);
  }
  EXPECT_GE(refused("memory_held_back"), 1u);
  for (SimulatedSocket& post : posts) post.send(std::string(250'000 - 195 * kKiB, 'x'));
  world.run_for(5s);
  std::size_t served = 0;
  for (SimulatedSocket& post : posts) served += post.received().ends_with("250000") ? 1u : 0u;
  EXPECT_GE(served, 3u);
  // Nothing is left of them: everybody is let in and read.
  auto client = connect();
  client.send_text("next");
  world.run_for(5ms);
  EXPECT_EQ(client.last_text(), "next");
}

}  // namespace
}  // namespace brume

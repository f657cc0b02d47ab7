// A whole server in a simulation is the same every time: what a seed did once it does again.
#include <chrono>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/sim/random.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

Task<> echo_slowly(Connection& connection) {
  while (auto message = co_await connection.receive()) {
    const KeptMessage kept = message->keep();
    if (!co_await sleep(1ms)) co_return;
    if (!connection.send(kept.type(), kept.data())) co_return;
  }
}

struct Outcome {
  std::uint64_t trace_hash;
  std::string seen;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome run_server(const SimulatorOptions& options) {
  Simulator world{options};
  sim::Random random(options.seed);
  Config config;
  config.cores = options.cores;
  config.ping_interval = 500ms;
  config.read_timeout = 2s;
  Server server{world, config};
  server.get("/", websocket(echo_slowly));
  EXPECT_TRUE(server.listen("127.0.0.1:0"));
  EXPECT_TRUE(server.start());
  std::vector<SimulatedClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(world.connect(server, "/"));
  for (int step = 0; step < 8; ++step) {
    for (SimulatedClient& client : clients) client.send_binary(std::string(random.below(3000), 'x'));
    world.run_for(std::chrono::milliseconds(random.below(300)));
  }
  server.stop(1s, 100ms);
  server.wait();
  world.run_until_idle();
  Outcome outcome{world.trace_hash(), {}};
  for (const SimulatedClient& client : clients)
    outcome.seen += std::to_string(client.messages().size()) + " " + std::to_string(client.close_code()) + ", ";
  return outcome;
}

TEST(ServerReplay, OneSeedIsOneTraceOfTheWholeServer) {
  SeedLoop seeds(100);
  std::uint64_t last = 0;
  while (seeds.next()) {
    SimulatorOptions options = seeds.options(FaultRates::storm(seeds.seed()));
    options.cores = 1 + seeds.seed() % 3;
    const Outcome first = run_server(options);
    EXPECT_EQ(run_server(options), first);
    EXPECT_NE(first.trace_hash, last);
    last = first.trace_hash;
  }
}

}  // namespace
}  // namespace brume::test

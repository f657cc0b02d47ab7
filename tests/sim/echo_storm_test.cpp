// The simulated Io under an echo server, over many seeds and with everything going wrong.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/simulator.h>
#include <brume/tests/sim/echo_core.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

// An echo server of several cores on one address.
class EchoServer {
 public:
  EchoServer(Simulator& world, std::size_t cores, bool restless) : world_(world) {
    const auto listeners = world.open_listeners(*io::Address::parse("127.0.0.1:0"), cores, {});
    address_ = world.local_address(listeners->front());
    for (std::size_t i = 0; i < cores; ++i) {
      io::IoOptions options;
      options.max_sockets = 12;
      auto made = world.make_io(i, options);
      cores_.push_back(
          std::make_unique<EchoCore>(std::move(made->io), (*listeners)[i], world.seed() * 31 + i, restless));
    }
    for (std::size_t i = 0; i < cores && cores > 1; ++i) cores_[i]->set_peer(*cores_[(i + 1) % cores]);
    for (std::size_t i = 0; i < cores; ++i) EXPECT_TRUE(world.start(i, *cores_[i], false));
  }
  ~EchoServer() {
    for (auto& core : cores_) core->stop();
    world_.join();
  }

  const io::Address& address() const { return address_; }
  EchoCore& core(std::size_t index) { return *cores_[index]; }

 private:
  Simulator& world_;
  io::Address address_;
  std::vector<std::unique_ptr<EchoCore>> cores_;
};

std::string random_bytes(sim::Random& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

struct Talker {
  SimulatedSocket socket;
  std::string sent;

  bool over() const { return socket.received_fin() || socket.received_rst() || socket.connect_error() != 0; }
  bool greeted() const { return socket.received().starts_with(EchoCore::kGreeting); }
  std::string_view echoed() const { return std::string_view(socket.received()).substr(greeted() ? 1 : 0); }
};

struct Outcome {
  std::uint64_t trace_hash;
  std::size_t whole;
};

Outcome run_echo(const SimulatorOptions& options, bool restless, FaultCounts* faults = nullptr) {
  Simulator world{options};
  sim::Random random(options.seed);
  std::vector<Talker> talkers;
  std::size_t whole = 0;
  {
    EchoServer server(world, options.cores, restless);
    for (int i = 0; i < 10; ++i) {
      Talker talker{world.connect_raw(server), {}};
      for (std::uint32_t piece = random.below(5) + 1; piece != 0; --piece) {
        const std::string bytes = random_bytes(random, 1 + random.below(random.below(4) == 0 ? 3000 : 300));
        talker.sent += bytes;
        talker.socket.send(bytes);
      }
      talker.socket.shutdown();
      talkers.push_back(talker);
      if (random.below(3) == 0) world.run_for(io::Time(random.below(3'000'000)));
    }
    const auto all_over = [&] { return std::ranges::all_of(talkers, &Talker::over); };
    EXPECT_TRUE(world.run_until(all_over, 1h));
  }
  world.run_until_idle();  // a reset may still follow a FIN
  for (const Talker& talker : talkers) {
    EXPECT_TRUE(talker.sent.starts_with(talker.echoed())) << "bytes lost, added or reordered";
    if (!talker.greeted() || talker.socket.received_rst()) continue;
    EXPECT_EQ(talker.echoed().size(), talker.sent.size()) << "FIN before all was echoed";
    ++whole;
  }
  for (Talker& talker : talkers) talker.socket.close();
  world.run_until_idle();
  EXPECT_EQ(world.connection_count(), 0u);
  if (faults) *faults += world.fault_counts();
  return {world.trace_hash(), whole};
}

TEST(EchoStorm, WithoutFaultsEveryConnectionGetsAllItsBytesBack) {
  SeedLoop seeds(300);
  while (seeds.next()) {
    SimulatorOptions options = seeds.options();
    options.cores = 2;
    EXPECT_EQ(run_echo(options, false).whole, 10u);
  }
}

TEST(EchoStorm, FaultsThatLoseNothingLoseNothing) {
  SeedLoop seeds(200);
  while (seeds.next()) {
    FaultCounts faults;
    SimulatorOptions options = seeds.options(FaultRates::storm(seeds.seed()).without_losses());
    options.cores = 2;
    EXPECT_EQ(run_echo(options, false, &faults).whole, 10u);
    seeds.add(faults);
  }
}

TEST(EchoStorm, NoByteIsLostOrReorderedOnAConnectionThatSurvivesAndEveryFaultStrikes) {
  SeedLoop seeds(2500);
  std::size_t whole = 0;
  while (seeds.next()) {
    FaultCounts faults;
    SimulatorOptions options = seeds.options(FaultRates::storm(seeds.seed()));
    options.cores = 1 + seeds.seed() % 3;
    whole += run_echo(options, true, &faults).whole;
    seeds.add(faults);
  }
  EXPECT_GT(whole, 0u);
  EXPECT_TRUE(seeds.struck_everything());
}

TEST(EchoStorm, OneSeedIsOneTraceAndAnotherSeedAnother) {
  SeedLoop seeds(50);
  std::uint64_t last = 0;
  while (seeds.next()) {
    SimulatorOptions options = seeds.options(FaultRates::storm());
    options.cores = 2;
    const std::uint64_t first = run_echo(options, true).trace_hash;
    EXPECT_EQ(run_echo(options, true).trace_hash, first);
    EXPECT_NE(first, last);
    last = first;
  }
}

}  // namespace
}  // namespace brume::test

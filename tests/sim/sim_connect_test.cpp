// Connects of an Io over the simulated network.
#include <cerrno>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/tests/sim/io_probe.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;

std::string connected(int error, std::uint32_t token = 1) {
  return "connected " + std::to_string(token) + " " + std::to_string(error);
}

io::Address nobody() {
  return *io::Address::parse("127.0.0.1:9");
}

TEST(SimConnect, TwoIosOfOneWorldTalk) {
  Simulator world;
  IoProbe server(world);
  IoProbe client(world, 1);
  client.io->connect(server.address, {1, 1}, {});
  client.run();
  server.run();
  ASSERT_EQ(server.accepted.size(), 1u);
  ASSERT_EQ(client.connected.size(), 1u);
  EXPECT_THAT(client.log, ElementsAre(connected(0)));
  server.receive(server.accepted[0]);
  client.receive(client.connected[0]);
  client.send(client.connected[0], "question");
  world.run_until_idle();
  server.run();
  EXPECT_EQ(server.received, "question");
  server.send(server.accepted[0], "answer");
  world.run_until_idle();
  client.run();
  EXPECT_EQ(client.received, "answer");
}

TEST(SimConnect, WhereNobodyListensItIsRefused) {
  Simulator world;
  IoProbe probe(world);
  probe.io->connect(nobody(), {1, 1}, {});
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre(connected(ECONNREFUSED)));
  EXPECT_EQ(world.connection_count(), 0u);
}

TEST(SimConnect, ASwallowedConnectTimesOutAfterTwoMinutes) {
  Simulator world;
  IoProbe probe(world);
  world.swallow(probe.address);
  probe.io->connect(probe.address, {1, 1}, {});
  probe.poll();
  world.run_for(120s);
  probe.poll();
  EXPECT_TRUE(probe.log.empty());
  world.run_for(10s);
  probe.poll();
  EXPECT_THAT(probe.log, ElementsAre(connected(ETIMEDOUT)));
}

TEST(SimConnect, FaultsRefuseAndLoseConnects) {
  for (const auto& [kind, error] :
       {std::pair(FaultKind::connect_refused, ECONNREFUSED), std::pair(FaultKind::connect_lost, ETIMEDOUT)}) {
    SimulatorOptions options;
    options.faults.set(kind, FaultRates::kAlways);
    Simulator world(options);
    IoProbe probe(world);
    probe.io->connect(probe.address, {1, 1}, {});
    probe.poll();
    world.run_for(200s);
    probe.poll();
    EXPECT_THAT(probe.log, Contains(connected(error)));
    EXPECT_TRUE(probe.connected.empty());
    EXPECT_EQ(world.fault_counts().of(kind), 1u);
  }
}

TEST(SimConnect, ACancelEndsItAtOnceOrWithWhatItHadComeTo) {
  Simulator world;
  IoProbe probe(world);
  world.swallow(probe.address);
  probe.io->connect(probe.address, {1, 1}, {});
  probe.io->cancel_connect({1, 1});
  probe.io->cancel_connect({1, 1});
  probe.poll();
  EXPECT_THAT(probe.log, ElementsAre(connected(ECANCELED)));
  probe.io->cancel_connect({1, 1});
  world.run_for(200s);
  probe.poll();
  EXPECT_EQ(probe.log.size(), 1u);
  EXPECT_EQ(world.connection_count(), 0u);
}

TEST(SimConnect, ATableThatIsFullIsToldAsAnError) {
  Simulator world;
  io::IoOptions options;
  options.max_sockets = 1;
  IoProbe server(world);
  IoProbe client(world, 1, options);
  client.io->connect(server.address, {1, 1}, {});
  client.io->connect(server.address, {2, 1}, {});
  client.run();
  EXPECT_THAT(client.log, Contains(connected(ENFILE, 2)));
  EXPECT_THAT(client.log, Contains(connected(0, 1)));
  server.run();
}

TEST(SimConnect, TheSocketOfACancelledOrFailedConnectIsUsedAgain) {
  for (SeedLoop seeds(50); seeds.next();) {
    Simulator world(seeds.options(FaultRates()
                                      .set(FaultKind::connect_refused, 200'000)
                                      .set(FaultKind::cancel_lost, 500'000)
                                      .set(FaultKind::reordered, 300'000)));
    IoProbe server(world);
    IoProbe client(world, 1);
    for (std::uint32_t round = 0; round < 20; round++) {
      client.io->connect(round % 3 == 0 ? nobody() : server.address, {round, 1}, {});
      if (round % 4 == 1) client.io->cancel_connect({round, 1});
      if (round % 5 == 1) world.step();
      client.poll();
    }
    for (int i = 0; i < 20; i++) {
      client.run();
      server.run();
      world.run_for(10ms);  // what is late
    }
    EXPECT_EQ(std::ranges::count_if(client.log, [](const std::string& line) { return line.starts_with("connected"); }),
              20);
  }
}

}  // namespace
}  // namespace brume::test

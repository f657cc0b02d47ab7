// What an Io over the simulated network keeps of real TCP.
#include <cerrno>
#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/tests/sim/io_probe.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;

constexpr std::size_t kWindow = 64 * 1024;

std::string ended(int error) {
  return "receive ended " + std::to_string(error);
}

SimulatorOptions small_window() {
  SimulatorOptions options;
  options.window_size = kWindow;
  return options;
}

TEST(SimIo, BytesArriveBothWaysAfterTheirLatency) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  const io::Time sent_at = world.now();
  client.send("ping");
  probe.run();
  EXPECT_EQ(probe.received, "ping");
  EXPECT_GE(world.now() - sent_at, 50us);
  EXPECT_EQ(probe.send(socket, "pong"), 4);
  EXPECT_EQ(client.received(), "");
  probe.run();
  EXPECT_EQ(client.received(), "pong");
}

TEST(SimIo, AClientThatIsDoneSendingStillReceives) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  client.send("last words");
  client.shutdown();
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", "received", ended(0)));
  EXPECT_EQ(probe.send(socket, "answer"), 6);
  probe.close(socket);
  probe.run();
  EXPECT_EQ(client.received(), "answer");
  EXPECT_TRUE(client.received_fin());
  EXPECT_FALSE(client.received_rst());
}

TEST(SimIo, AfterShutdownASendGetsEpipeAndTheReceiveGoesOn) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  probe.io->shutdown_write(socket);
  EXPECT_EQ(probe.send(socket, "x"), -EPIPE);
  client.send("still here");
  probe.run();
  EXPECT_TRUE(client.received_fin());
  EXPECT_EQ(probe.received, "still here");
}

TEST(SimIo, ACloseWithUnreadBytesResetsThePeer) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  client.send("never read");
  probe.run();
  probe.close(probe.accepted.back());
  probe.run();
  EXPECT_TRUE(client.received_rst());
  EXPECT_FALSE(client.received_fin());
}

TEST(SimIo, BytesThatArriveAtAClosedSocketResetThePeer) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  probe.close(probe.accepted.back());
  probe.run();
  EXPECT_TRUE(client.received_fin());
  EXPECT_FALSE(client.received_rst());
  client.send("too late");
  probe.run();
  EXPECT_TRUE(client.received_rst());
}

TEST(SimIo, AResetIsToldToTheReceiveFirstThenSendsGetEpipe) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  client.abort();
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", ended(ECONNRESET)));
  EXPECT_EQ(probe.send(socket, "x"), -EPIPE);
}

TEST(SimIo, AResetThatASendWasToldEndsTheReceiveLikeFin) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  client.abort();
  world.run_until_idle();
  EXPECT_EQ(probe.send(socket, "x"), -ECONNRESET);
  probe.receive(socket);
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", ended(0)));
}

TEST(SimIo, NothingArrivesBehindAResetThatItsSenderHasNotHeardOf) {
  // The network breaks the connection while the client goes on sending: a gap must not be bridged.
  std::string sent;
  for (int i = 0; i < 1000; i++) sent += std::to_string(i) + " ";
  std::size_t cut = 0;
  for (std::uint64_t seed = 1; seed <= 300; seed++) {
    SimulatorOptions options{.seed = seed};
    options.faults.set(FaultKind::reset, 20'000).set(FaultKind::split_segment, 300'000);
    Simulator world{options};
    IoProbe probe(world);
    SimulatedSocket client = probe.connect();
    if (probe.accepted.empty()) continue;
    for (std::size_t i = 0; i < sent.size(); i += 50) {
      client.send(std::string_view(sent).substr(i, 50));
      world.run_for(20us);  // less than the reset's way to the client
    }
    probe.receive(probe.accepted.back());
    probe.run();
    ASSERT_TRUE(sent.starts_with(probe.received)) << "seed " << seed;
    cut += probe.received.size() < sent.size();
  }
  EXPECT_GT(cut, 0u) << "the fault never struck";
}

TEST(SimIo, AConnectionThatWasResetInTheBacklogCanBeAccepted) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = world.connect_raw(probe.address);
  world.run_until_idle();  // established, not accepted: nobody polls
  client.abort();
  probe.run();
  ASSERT_EQ(probe.accepted.size(), 1u);
  probe.receive(probe.accepted.back());
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", ended(ECONNRESET)));
}

TEST(SimIo, AFullBacklogMakesClientsTryAgainASecondLater) {
  Simulator world;
  IoProbe probe(world, 0, {}, 1);
  const io::Time start = world.now();
  probe.io->pause_accept(probe.listener);
  SimulatedSocket first = world.connect_raw(probe.address);
  world.run_for(10ms);
  SimulatedSocket second = world.connect_raw(probe.address);
  world.run_for(10ms);
  EXPECT_TRUE(first.is_connected());
  EXPECT_FALSE(second.is_connected());
  probe.io->resume_accept(probe.listener);
  probe.run();
  EXPECT_TRUE(second.is_connected());
  EXPECT_EQ(probe.accepted.size(), 2u);
  EXPECT_GE(world.now() - start, 1s);
}

TEST(SimIo, ConnectingWhereNobodyListensIsRefused) {
  Simulator world;
  SimulatedSocket client = world.connect_raw(*io::Address::parse("127.0.0.1:9"));
  world.run_until_idle();
  EXPECT_EQ(client.connect_error(), ECONNREFUSED);
  EXPECT_EQ(world.connection_count(), 0u);
}

TEST(SimIo, ClosingAListenerResetsItsBacklogAndRefusesWhoComesLater) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket waiting = world.connect_raw(probe.address);
  world.run_until_idle();
  probe.io->close_listener(probe.listener);
  SimulatedSocket late = world.connect_raw(probe.address);
  probe.run();
  EXPECT_TRUE(waiting.received_rst());
  EXPECT_EQ(late.connect_error(), ECONNREFUSED);
  EXPECT_TRUE(probe.accepted.empty());
  EXPECT_EQ(probe.io->operations_in_flight(), 0u);
}

TEST(SimIo, APausedListenerLetsConnectionsWait) {
  Simulator world;
  IoProbe probe(world);
  probe.io->pause_accept(probe.listener);
  SimulatedSocket client = probe.connect();
  EXPECT_TRUE(client.is_connected());
  EXPECT_TRUE(probe.accepted.empty());
  EXPECT_EQ(probe.io->operations_in_flight(), 0u);
  probe.io->resume_accept(probe.listener);
  probe.run();
  EXPECT_EQ(probe.accepted.size(), 1u);
}

TEST(SimIo, AFullSocketTableFailsAcceptsWithEnfileAndPausesTheListener) {
  Simulator world;
  io::IoOptions options;
  options.max_sockets = 1;
  IoProbe probe(world, 0, options);
  probe.connect();
  SimulatedSocket second = probe.connect();
  EXPECT_THAT(probe.log, ElementsAre("accepted", "accept failed " + std::to_string(ENFILE)));
  EXPECT_TRUE(probe.io->refuse_one(probe.listener));
  EXPECT_FALSE(probe.io->refuse_one(probe.listener));
  probe.run();
  EXPECT_TRUE(second.received_fin());
  probe.close(probe.accepted.back());
  probe.io->resume_accept(probe.listener);
  probe.connect();
  EXPECT_EQ(probe.accepted.size(), 2u);
}

TEST(SimIo, ASendWithoutRoomWaitsForTheReader) {
  Simulator world{small_window()};
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  client.pause_reading();
  const std::string bytes(kWindow + 100, 'x');
  EXPECT_EQ(probe.send(socket, bytes), static_cast<std::int32_t>(kWindow));
  const std::string_view rest = std::string_view(bytes).substr(kWindow);
  EXPECT_EQ(probe.send(socket, rest), io::Io::kPending);
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted"));
  client.resume_reading();
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", "sent 100"));
  EXPECT_EQ(client.received(), bytes);
}

TEST(SimIo, AWriterThatIsNotReadIsHeldByTheWindow) {
  Simulator world{small_window()};
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  client.send(std::string(kWindow + 5, 'x'));
  probe.run();
  EXPECT_EQ(client.unsent_size(), 5u);
  probe.receive(probe.accepted.back());
  probe.run();
  EXPECT_EQ(client.unsent_size(), 0u);
  EXPECT_EQ(probe.received.size(), kWindow + 5);
}

TEST(SimIo, CancelEndsReceiveAndSendWithEcanceled) {
  Simulator world{small_window()};
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  client.pause_reading();
  const std::string bytes(kWindow, 'x');
  ASSERT_EQ(probe.send(socket, bytes), static_cast<std::int32_t>(kWindow));
  ASSERT_EQ(probe.send(socket, bytes), io::Io::kPending);
  probe.receive(socket);
  probe.io->cancel(socket, IoProbe::kToken);
  EXPECT_EQ(probe.log.size(), 1u) << "events come inside poll() only";
  probe.run();
  EXPECT_THAT(probe.log, Contains(ended(ECANCELED)));
  EXPECT_THAT(probe.log, Contains("sent " + std::to_string(-ECANCELED)));
  probe.close(socket, true);
  probe.run();
  EXPECT_TRUE(client.received_rst() || client.received().empty());
}

TEST(SimIo, AStoppedReceiveLeavesTheBytesForTheNextOne) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  probe.io->stop_receive(socket, IoProbe::kToken);
  client.send("for later");
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", ended(ECANCELED)));
  probe.receive(socket);
  probe.run();
  EXPECT_EQ(probe.received, "for later");
}

TEST(SimIo, APendingSendGetsEpipeWhenItsSocketIsShutDown) {
  Simulator world{small_window()};
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  client.pause_reading();
  const std::string bytes(kWindow, 'x');
  ASSERT_EQ(probe.send(socket, bytes), static_cast<std::int32_t>(kWindow));
  ASSERT_EQ(probe.send(socket, bytes), io::Io::kPending);
  probe.io->shutdown_write(socket);
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted", "sent " + std::to_string(-EPIPE)));
}

TEST(SimIo, AnotherCoreAnnouncesASocketThatWasHandedOver) {
  Simulator world;
  IoProbe probe(world, 0);
  IoProbe other(world, 1);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  client.send("hello");
  world.run_until_idle();
  probe.forget(socket);
  probe.io->hand_over(socket, probe.listener, client.address(), *other.io);
  other.run();
  ASSERT_EQ(other.accepted.size(), 1u);
  other.receive(other.accepted.back());
  other.run();
  EXPECT_EQ(other.received, "hello");
}

TEST(SimIo, ACutCableIsToldToNobody) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  const io::SocketId socket = probe.accepted.back();
  probe.receive(socket);
  client.vanish();
  client.send("lost");
  EXPECT_EQ(probe.send(socket, "lost"), 4);
  probe.run();
  world.run_for(1h);
  probe.run();
  EXPECT_THAT(probe.log, ElementsAre("accepted"));
  EXPECT_EQ(client.received(), "");
}

TEST(SimIo, PiecesArriveApartWhereTheClientAsksForIt) {
  Simulator world;
  IoProbe probe(world);
  SimulatedSocket client = probe.connect();
  probe.receive(probe.accepted.back());
  client.send_split("abcdef", {1, 3}, 5ms);
  const io::Time start = world.now();
  while (probe.received.size() < 6) {
    world.run_for(1ms);
    probe.poll();
  }
  EXPECT_EQ(probe.log.size(), 4u);  // accepted and three pieces
  EXPECT_GE(world.now() - start, 10ms);
}

TEST(SimListeners, OneFreePortServesAllListenersAndAPortInUseIsRefused) {
  Simulator world;
  const auto listeners = world.open_listeners(*io::Address::parse("127.0.0.1:0"), 3, {});
  ASSERT_TRUE(listeners);
  const io::Address address = world.local_address(listeners->front());
  EXPECT_NE(address.port, 0);
  for (const io::ListenerHandle listener : *listeners) EXPECT_EQ(world.local_address(listener), address);

  const auto again = world.open_listeners(address, 1, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, SystemError::Kind::address_in_use);
  io::Address any = *io::Address::parse(":0");
  any.port = address.port;
  EXPECT_FALSE(world.open_listeners(any, 1, {}));

  for (const io::ListenerHandle listener : *listeners) world.close_listener(listener);
  EXPECT_TRUE(world.open_listeners(address, 1, {}));
}

TEST(SimListeners, ConnectionsAreSpreadOverTheListenersOfAnAddress) {
  Simulator world;
  const auto listeners = world.open_listeners(*io::Address::parse(":0"), 2, {});
  io::Address address = *io::Address::parse("127.0.0.1:1");
  address.port = world.local_address(listeners->front()).port;
  for (int i = 0; i < 64; ++i) world.connect_raw(address);
  world.run_until_idle();
  EXPECT_EQ(world.connection_count(), 64u);
  world.close_listener(listeners->front());  // takes those that waited there with it
  world.run_until_idle();
  EXPECT_GT(world.connection_count(), 10u);
  EXPECT_LT(world.connection_count(), 54u);
}

}  // namespace
}  // namespace brume::test

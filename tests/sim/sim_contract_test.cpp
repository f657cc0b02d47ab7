// A layer above Io that breaks its half of the contract is stopped with a message, not tolerated.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/tests/sim/io_probe.h>

#if defined(__SANITIZE_ADDRESS__)
#define BRUME_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BRUME_ASAN 1
#endif
#endif

namespace brume::test {
namespace {

class SimContractDeathTest : public testing::Test {
 protected:
  SimContractDeathTest() : world_(small()), probe_(world_), client_(probe_.connect()) {
    socket_ = probe_.accepted.back();
  }
  static SimulatorOptions small() {
    SimulatorOptions options;
    options.seed = 4711;
    options.window_size = 1000;
    return options;
  }
  // A send that cannot end before the client reads.
  void send_more_than_fits() {
    client_.pause_reading();
    bytes_.assign(1001, 'x');
    ASSERT_EQ(probe_.send(socket_, bytes_), 1000);
    ASSERT_EQ(probe_.send(socket_, bytes_), io::Io::kPending);
  }

  Simulator world_;
  std::string bytes_;
  IoProbe probe_;
  SimulatedSocket client_;
  io::SocketId socket_ = io::kNoSocket;
};

TEST_F(SimContractDeathTest, TheMessageNamesTheSeed) {
  EXPECT_DEATH(probe_.io->close(4, false), "seed 4711");
}

TEST_F(SimContractDeathTest, TwoReceivesOfOneSocket) {
  probe_.receive(socket_);
  EXPECT_DEATH(probe_.receive(socket_), "receive\\(\\).*a receive is under way");
}

TEST_F(SimContractDeathTest, TwoSendsInFlight) {
  send_more_than_fits();
  EXPECT_DEATH(probe_.send(socket_, "more"), "send\\(\\).*a send is under way");
}

TEST_F(SimContractDeathTest, AnEmptySegment) {
  EXPECT_DEATH(probe_.send(socket_, ""), "no segment may be empty");
}

TEST_F(SimContractDeathTest, NoSegmentOrTooManyOfThem) {
  EXPECT_DEATH(probe_.io->send(socket_, IoProbe::kToken, {}), "1 to kMaxSegments segments");
  char byte = 'x';
  const std::vector<iovec> segments(io::Io::kMaxSegments + 1, iovec{&byte, 1});
  EXPECT_DEATH(probe_.io->send(socket_, IoProbe::kToken, segments), "1 to kMaxSegments segments");
}

TEST_F(SimContractDeathTest, CloseWithAReceiveInFlight) {
  probe_.receive(socket_);
  EXPECT_DEATH(probe_.close(socket_), "close\\(\\).*a receive is under way");
}

TEST_F(SimContractDeathTest, CloseWithASendInFlight) {
  send_more_than_fits();
  EXPECT_DEATH(probe_.close(socket_), "close\\(\\).*a send is under way");
}

TEST_F(SimContractDeathTest, ACancelledOperationIsInFlightUntilItsEndWasTold) {
  probe_.receive(socket_);
  probe_.io->cancel(socket_, IoProbe::kToken);
  EXPECT_DEATH(probe_.close(socket_), "close\\(\\).*a receive is under way");
}

TEST_F(SimContractDeathTest, AClosedSocketIsUsed) {
  probe_.close(socket_);
  EXPECT_DEATH(probe_.receive(socket_), "receive\\(\\).*not an open socket");
  EXPECT_DEATH(probe_.send(socket_, "x"), "send\\(\\).*not an open socket");
  EXPECT_DEATH(probe_.close(socket_), "close\\(\\).*not an open socket");
}

TEST_F(SimContractDeathTest, AnotherOwnersOperationIsCancelled) {
  probe_.receive(socket_);
  EXPECT_DEATH(probe_.io->cancel(socket_, {7, 10}), "another token");
  EXPECT_DEATH(probe_.io->stop_receive(socket_, {8, 9}), "another token");
}

TEST_F(SimContractDeathTest, ASocketSendsWithAnotherTokenThanItReceivesWith) {
  probe_.receive(socket_);
  const iovec segment{bytes_.data(), 1};
  EXPECT_DEATH(probe_.io->send(socket_, {8, 9}, {&segment, 1}), "another token");
}

TEST_F(SimContractDeathTest, BytesThatChangeWhileTheyAreBeingSent) {
  send_more_than_fits();
  bytes_[500] = 'y';
  client_.resume_reading();
  EXPECT_DEATH(probe_.run(), "bytes were changed before on_sent");
  bytes_[500] = 'x';
}

TEST_F(SimContractDeathTest, ASocketThatIsNoLongerFreshIsHandedOver) {
  IoProbe other(world_, 1);
  probe_.receive(socket_);
  EXPECT_DEATH(probe_.io->hand_over(socket_, probe_.listener, {}, *other.io), "only a fresh socket");
}

TEST_F(SimContractDeathTest, AnIoEndsWithOperationsOrSocketsLeft) {
  EXPECT_DEATH(probe_.io.reset(), "no operation may be in flight");
  probe_.io->close_listener(probe_.listener);
  probe_.run();
  EXPECT_DEATH(probe_.io.reset(), "every socket has to be closed");
}

TEST_F(SimContractDeathTest, AListenerIsAddedTwice) {
  EXPECT_DEATH(probe_.io->add_listener(probe_.listener), "added before");
}

TEST(SimulatorDeathTest, TheSimulationEndsBeforeAnIoItMade) {
  EXPECT_DEATH(
      {
        auto world = std::make_unique<Simulator>();
        const auto io = std::move(world->make_io(0, {})->io);
        world.reset();
      },
      "an Io outlives the simulation");
}

#ifdef BRUME_ASAN
TEST_F(SimContractDeathTest, ReceivedBytesThatAreKeptAreFoundOut) {
  probe_.receive(socket_);
  client_.send("view");
  probe_.run();
  ASSERT_EQ(probe_.received, "view");
  EXPECT_DEATH(probe_.received.assign(1, static_cast<char>(probe_.last_view[0])), "heap-use-after-free");
}
#endif

}  // namespace
}  // namespace brume::test

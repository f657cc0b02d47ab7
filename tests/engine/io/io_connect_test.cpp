// Connecting by each backend: what comes of it, how it is cancelled, and that a connected socket is like an accepted
// one.
#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoConnect : public IoTest {
 protected:
  // A listener whose other half is plain sockets.
  struct Peer {
    OwnedDescriptor listener;
    Address address;
  };
  static Peer listen_plainly() {
    Peer peer;
    peer.listener = OwnedDescriptor(open_tcp_listeners(*Address::parse("127.0.0.1:0"), 1, {})->front());
    peer.address = bound_address(peer.listener.get());
    return peer;
  }
  static OwnedDescriptor accept_from(Core& core, const Peer& peer) {
    OwnedDescriptor accepted;
    EXPECT_TRUE(core.run_until([&] {
      accepted = OwnedDescriptor(accept4(peer.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      return static_cast<bool>(accepted);
    }));
    return accepted;
  }
  // A port of this machine where nobody listens.
  static Address nobody() {
    const Peer peer = listen_plainly();
    return peer.address;
  }
  static void wait_for_connects(Core& core, std::size_t count) {
    ASSERT_TRUE(core.run_until([&] { return core.connected.size() == count; }));
  }
};
BRUME_EVERY_BACKEND(IoConnect);

TEST_P(IoConnect, AConnectedSocketSendsAndReceives) {
  BRUME_CORE_OR_SKIP(core);
  const Peer peer = listen_plainly();
  core.io->connect(peer.address, {1, 1}, {});
  EXPECT_TRUE(core.connected.empty());
  EXPECT_EQ(core.io->operations_in_flight(), 1u);
  wait_for_connects(core, 1);
  EXPECT_EQ(core.connected[0].error, 0);
  EXPECT_EQ(core.connected[0].token, (Token{1, 1}));
  EXPECT_EQ(core.connected[0].peer, peer.address);
  const OwnedDescriptor other = accept_from(core, peer);
  const Token token{core.connected[0].socket, 7};
  core.io->receive(token.slot, token);
  EXPECT_EQ(send_and_wait(core, token, "question"), 8);
  EXPECT_TRUE(core.run_until([&] { return read_some(other).bytes == "question"; }));
  write_some(other, "answer");
  EXPECT_TRUE(core.run_until([&] { return core.story_of(token).bytes == "answer"; }));
  finish(core, token, true);
  EXPECT_TRUE(core.run_until([&] { return read_some(other).end == ClientEnd::fin; }));
  expect_clean_end(core);
}

TEST_P(IoConnect, WhatThePeerSaidBeforeTheReceiveIsNotLost) {
  BRUME_CORE_OR_SKIP(core);
  const Peer peer = listen_plainly();
  core.io->connect(peer.address, {1, 1}, {});
  const OwnedDescriptor other = accept_from(core, peer);
  write_some(other, "hello");
  shutdown(other.get(), SHUT_WR);
  wait_for_connects(core, 1);
  core.run_a_while();
  const Token token{core.connected[0].socket, 7};
  core.io->receive(token.slot, token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(token).bytes, "hello");
  core.io->close(token.slot, false);
  expect_clean_end(core);
}

TEST_P(IoConnect, ARefusedConnectSaysSoAndHoldsNothing) {
  BRUME_CORE_OR_SKIP(core);
  const Address address = nobody();
  for (std::uint32_t i = 0; i < 100; i++) core.io->connect(address, {i, 1}, {});
  wait_for_connects(core, 100);
  for (const Connected& c : core.connected) {
    EXPECT_EQ(c.error, ECONNREFUSED);
    EXPECT_EQ(c.socket, kNoSocket);
  }
  expect_clean_end(core);
}

TEST_P(IoConnect, ACancelledConnectEndsOnceWithEcanceledOrWhatItHadComeTo) {
  BRUME_CORE_OR_SKIP(core);
  // A backlog that is full answers nobody: these connects wait.
  const Peer peer = listen_plainly();
  ASSERT_EQ(listen(peer.listener.get(), 0), 0);
  constexpr std::uint32_t kCount = 8;
  for (std::uint32_t i = 0; i < kCount; i++) core.io->connect(peer.address, {i, 1}, {});
  core.run_a_while(5);
  for (std::uint32_t i = 0; i < kCount; i++) core.io->cancel_connect({i, 1});
  core.io->cancel_connect({kCount, 1});  // one that never was
  wait_for_connects(core, kCount);
  std::size_t cancelled = 0;
  for (const Connected& c : core.connected) {
    EXPECT_TRUE(c.error == 0 || c.error == ECANCELED) << c.error;
    cancelled += c.error == ECANCELED;
    if (c.error == 0) core.io->close(c.socket, true);
  }
  EXPECT_GE(cancelled, kCount - 3);
  core.run_a_while(5);
  EXPECT_EQ(core.connected.size(), kCount);
  expect_clean_end(core);
}

TEST_P(IoConnect, ACancelRightAfterTheConnectIsAnswered) {
  BRUME_CORE_OR_SKIP(core);
  const Peer peer = listen_plainly();
  core.io->connect(peer.address, {1, 1}, {});
  core.io->cancel_connect({1, 1});
  core.io->cancel_connect({1, 1});
  wait_for_connects(core, 1);
  if (core.connected[0].error == 0) core.io->close(core.connected[0].socket, true);
  core.run_a_while();
  EXPECT_EQ(core.connected.size(), 1u);
  expect_clean_end(core);
}

TEST_P(IoConnect, AHandlerMayConnectAgain) {
  BRUME_CORE_OR_SKIP(core);
  const Peer peer = listen_plainly();
  const Address refused = nobody();
  std::uint32_t left = 20;
  core.connect_hook = [&](const Connected&) {
    if (left-- != 0) core.io->connect(left % 2 == 0 ? peer.address : refused, {left + 100, 1}, {});
  };
  core.io->connect(refused, {1, 1}, {});
  wait_for_connects(core, 21);
  for (const Connected& c : core.connected)
    if (c.error == 0) core.io->close(c.socket, false);
  expect_clean_end(core);
}

TEST_P(IoConnect, Ipv6ConnectsToo) {
  BRUME_CORE_OR_SKIP(core);
  auto listeners = open_tcp_listeners(*Address::parse("[::1]:0"), 1, {});
  if (!listeners) GTEST_SKIP() << "no IPv6 here: " << listeners.error().text;
  const OwnedDescriptor listener(listeners->front());
  core.io->connect(bound_address(listener.get()), {1, 1}, {.user_timeout = std::chrono::seconds(1)});
  wait_for_connects(core, 1);
  ASSERT_EQ(core.connected[0].error, 0);
  core.io->close(core.connected[0].socket, false);
  expect_clean_end(core);
}

TEST_P(IoConnect, AnIoMayEndWithConnectsUnderWay) {
  BRUME_CORE_OR_SKIP(core);
  const Peer peer = listen_plainly();
  ASSERT_EQ(listen(peer.listener.get(), 0), 0);
  for (std::uint32_t i = 0; i < 5; i++) core.io->connect(peer.address, {i, 1}, {});
  core.io->poll(core, Time::zero());
}

}  // namespace
}  // namespace brume::io::testing

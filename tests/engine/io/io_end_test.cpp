// How connections end: FIN and RST from the peer in each state, cancel, shutdown, close, and slots used again.
#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoEnd : public IoTest {};
BRUME_EVERY_BACKEND(IoEnd);

TEST_P(IoEnd, APeersFinEndsTheReceiveAfterItsLastByte) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  const std::string last = pattern(100'000);
  for (std::string_view rest = last; !rest.empty();) {
    rest.remove_prefix(write_some(pair.client, rest));
    core.run_a_while(1);
  }
  shutdown(pair.client.get(), SHUT_WR);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_TRUE(core.story_of(pair.token).bytes == last);
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{0});
  // Its half is closed, ours is not.
  EXPECT_EQ(send_and_wait(core, pair.token, "still here"), 10);
  EXPECT_TRUE(core.run_until([&] { return read_some(pair.client).bytes == "still here"; }));
  core.run_a_while();
  EXPECT_EQ(core.story_of(pair.token).receive_ends.size(), 1u);
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AFinThatCameBeforeReceiveIsTold) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false);
  write_some(pair.client, "bye");
  shutdown(pair.client.get(), SHUT_WR);
  core.run_a_while();
  core.io->receive(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(pair.token).bytes, "bye");
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{0});
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AFinThatCameWhileStoppedIsToldByTheNextReceive) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  core.io->stop_receive(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  shutdown(pair.client.get(), SHUT_WR);
  core.run_a_while();
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECANCELED});
  core.io->receive(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return core.story_of(pair.token).receive_ends.size() == 2; }));
  EXPECT_EQ(core.story_of(pair.token).receive_ends.back(), 0);
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AResetEndsTheReceiveWithAnError) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  core.run_a_while();
  reset(pair.client);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECONNRESET});
  const std::int32_t sent = send_and_wait(core, pair.token, "into the void");
  EXPECT_TRUE(sent == -EPIPE || sent == -ECONNRESET) << sent;  // and no SIGPIPE
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AResetBeforeReceiveIsToldOnce) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false);
  reset(pair.client);
  core.run_a_while();
  core.io->receive(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECONNRESET});
  core.run_a_while();
  EXPECT_EQ(core.story_of(pair.token).receive_ends.size(), 1u);
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AResetEndsASendThatWaitsAndTheReceiveBesideIt) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, true, {.receive_buffer = 4096});
  const std::string block = pattern(kBlock);
  block_a_send(core, pair.token, block);
  const std::size_t sends = core.story_of(pair.token).sends.size();
  reset(pair.client);
  const Story& story = core.story_of(pair.token);
  ASSERT_TRUE(core.run_until([&] { return !story.receive_ends.empty() && story.sends.size() > sends; }));
  core.run_a_while();
  EXPECT_EQ(story.receive_ends.size(), 1u);
  EXPECT_EQ(story.sends.size(), sends + 1);
  // One of the two learns of the reset, the other may see an ordinary end after it.
  EXPECT_LT(story.sends.back(), 0);
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, AResetEndsASendThatWaitsWithoutAReceive) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false, {.receive_buffer = 4096});
  const std::string block = pattern(kBlock);
  block_a_send(core, pair.token, block);
  const std::size_t sends = core.story_of(pair.token).sends.size();
  reset(pair.client);
  ASSERT_TRUE(core.run_until([&] { return core.story_of(pair.token).sends.size() > sends; }));
  EXPECT_LT(core.story_of(pair.token).sends.back(), 0);
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, CancelEndsReceiveAndSendExactlyOnceEach) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, true, {.receive_buffer = 4096});
  const std::string block = pattern(kBlock);
  block_a_send(core, pair.token, block);
  const std::size_t sends = core.story_of(pair.token).sends.size();
  core.io->cancel(pair.socket(), pair.token);
  core.io->cancel(pair.socket(), pair.token);
  EXPECT_TRUE(core.story_of(pair.token).receive_ends.empty()) << "told within the submitting call";
  const Story& story = core.story_of(pair.token);
  ASSERT_TRUE(core.run_until([&] { return !story.receive_ends.empty() && story.sends.size() > sends; }));
  core.run_a_while();
  EXPECT_EQ(story.receive_ends, std::vector<int>{ECANCELED});
  EXPECT_EQ(story.sends.size(), sends + 1);
  EXPECT_TRUE(story.sends.back() == -ECANCELED || story.sends.back() > 0) << story.sends.back();
  core.io->close(pair.socket(), true);
  expect_clean_end(core);
}

TEST_P(IoEnd, CancelWithinADeliveryEndsTheReceiveOnce) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  core.receive_hook = [&](Token token) { core.io->cancel(token.slot, token); };
  core.end_hook = [&](Token token) { core.io->close(token.slot, false); };
  write_some(pair.client, "enough");
  EXPECT_TRUE(core.run_until([&] { return read_some(pair.client).end == ClientEnd::fin; }));
  EXPECT_EQ(core.story_of(pair.token).bytes, "enough");
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECANCELED});
  expect_clean_end(core);
}

TEST_P(IoEnd, CancelRightAfterReceiveEndsIt) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false);
  core.io->receive(pair.socket(), pair.token);
  core.io->cancel(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECANCELED});
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, CancelWithNothingUnderWayTellsNothing) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false);
  core.io->cancel(pair.socket(), pair.token);
  core.io->stop_receive(pair.socket(), pair.token);
  core.run_a_while();
  EXPECT_TRUE(core.stories.empty());
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, ThePeerSeesFinAfterShutdownAndCanStillTalk) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  ASSERT_EQ(send_and_wait(core, pair.token, "last words"), 10);
  core.io->shutdown_write(pair.socket());
  std::string got;
  ClientEnd end = ClientEnd::none;
  EXPECT_TRUE(core.run_until([&] {
    const ClientRead read = read_some(pair.client);
    got += read.bytes;
    end = read.end;
    return end != ClientEnd::none;
  }));
  EXPECT_EQ(got, "last words");
  EXPECT_EQ(end, ClientEnd::fin);
  write_some(pair.client, "answer");
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes == "answer"; }));
  pair.client.reset();
  EXPECT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{0});
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoEnd, ShutdownAndCloseAtOnceEndInAFin) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  constexpr std::size_t kClients = 40;
  std::vector<OwnedDescriptor> clients;
  for (std::size_t round = 0; round < kClients; round++) {
    auto pair = connect_pair(core, false);
    core.io->shutdown_write(pair.socket());
    core.io->close(pair.socket(), false);
    // Taken up at once by the next connection, which the shutdown must not hit.
    auto next = connect_pair(core);
    EXPECT_TRUE(core.run_until([&] { return read_some(pair.client).end == ClientEnd::fin; }));
    EXPECT_EQ(send_and_wait(core, next.token, "fine"), 4);
    EXPECT_TRUE(core.run_until([&] { return read_some(next.client).bytes == "fine"; }));
    EXPECT_EQ(read_some(next.client).end, ClientEnd::none);
    finish(core, next.token, true);
  }
  expect_clean_end(core);
}

TEST_P(IoEnd, CloseWithAbortResetsThePeer) {
  BRUME_CORE_OR_SKIP(core);
  if (is_uring(GetParam()) && !uring_here()->set_option)
    GTEST_SKIP() << "this kernel sets no options of direct descriptors: an abort is an ordinary close";
  core.listen();
  auto pair = connect_pair(core);
  finish(core, pair.token, true, true);
  ClientEnd end = ClientEnd::none;
  EXPECT_TRUE(core.run_until([&] { return (end = read_some(pair.client).end) != ClientEnd::none; }));
  EXPECT_EQ(end, ClientEnd::reset);
  expect_clean_end(core);
}

TEST_P(IoEnd, CloseWithoutAbortEndsInAFin) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  ASSERT_EQ(send_and_wait(core, pair.token, "bye"), 3);
  finish(core, pair.token, true);
  std::string got;
  ClientEnd end = ClientEnd::none;
  EXPECT_TRUE(core.run_until([&] {
    const ClientRead read = read_some(pair.client);
    got += read.bytes;
    return (end = read.end) != ClientEnd::none;
  }));
  EXPECT_EQ(got, "bye");
  EXPECT_EQ(end, ClientEnd::fin);
  expect_clean_end(core);
}

TEST_P(IoEnd, ClosingWhileThePeerStillSendsHarmsNobody) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto other = connect_pair(core);
  for (int round = 0; round < 20; round++) {
    auto pair = connect_pair(core);
    const std::string block = pattern(200'000);
    write_some(pair.client, block);
    core.io->poll(core, Time::zero());
    write_some(pair.client, block);
    finish(core, pair.token, true, round % 2 == 0);
    for (int i = 0; i < 5; i++) {
      write_some(pair.client, block);
      core.run_a_while(1);
    }
  }
  write_some(other.client, "unharmed");
  EXPECT_TRUE(core.run_until([&] { return core.story_of(other.token).bytes == "unharmed"; }));
  finish(core, other.token, true);
  expect_clean_end(core);
}

// Each connection ends with everything still in motion, and its slot goes to the next one at once: whatever is told
// under an old token after its close, or twice, or to the wrong one, shows up here.
TEST_P(IoEnd, ASlotUsedAgainHearsNothingOfTheOneBefore) {
  UringOptions options;
  options.max_sockets = 1;
  BRUME_CORE_OR_SKIP(core, options);
  core.listen();
  constexpr std::size_t kRounds = 300;  // several times around the table of direct descriptors
  std::map<std::pair<std::uint32_t, std::uint32_t>, bool> closed;
  std::size_t late = 0;
  const auto check = [&](Token token) { late += std::size_t{closed.contains({token.slot, token.generation})}; };
  core.receive_hook = check;
  core.end_hook = check;
  core.sent_hook = [&](Token token, std::int32_t) { check(token); };
  std::map<SocketId, int> uses;
  const std::string block = pattern(300'000);
  const iovec segment{const_cast<char*>(block.data()), block.size()};
  for (std::size_t round = 0; round < kRounds; round++) {
    auto pair = connect_pair(core);
    uses[pair.socket()]++;
    const std::string name = "round " + std::to_string(round);
    write_some(pair.client, name);
    const bool pending = core.io->send(pair.socket(), pair.token, {&segment, 1}) == Io::kPending;
    if (round % 3 == 0) core.io->poll(core, Time::zero());
    write_some(pair.client, name);
    const Story& story = core.story_of(pair.token);
    core.io->cancel(pair.socket(), pair.token);
    if (round % 5 == 0) reset(pair.client);
    ASSERT_TRUE(
        core.run_until([&] { return !story.receive_ends.empty() && story.sends.size() == std::size_t{pending}; }));
    EXPECT_EQ(story.receive_ends.size(), 1u);
    EXPECT_TRUE((name + name).starts_with(story.bytes)) << story.bytes;
    closed[{pair.token.slot, pair.token.generation}] = true;
    core.io->close(pair.socket(), round % 2 == 0);
  }
  core.run_a_while();
  EXPECT_EQ(late, 0u);
  EXPECT_LT(uses.size(), kRounds) << "no slot was ever used again";
  expect_clean_end(core);
}

TEST_P(IoEnd, TokensComeBackAsGivenForReceiveAndSendAlike) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false, {.receive_buffer = 4096});
  const Token first{0xFFFFFFFF, 0x80000001};
  const Token second{0, 0xFFFFFFFF};
  core.io->receive(pair.socket(), first);
  const std::string block = pattern(kBlock);
  const iovec segment{const_cast<char*>(block.data()), block.size()};
  for (int i = 0; i < 50 && core.story_of(first).sends.empty(); i++) {
    if (core.io->send(pair.socket(), first, {&segment, 1}) != Io::kPending) continue;
    core.io->cancel(pair.socket(), first);
    ASSERT_TRUE(core.run_until([&] { return !core.story_of(first).sends.empty(); }));
  }
  EXPECT_FALSE(core.story_of(first).sends.empty());
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(first).receive_ends.empty(); }));
  // What is under way at the same time shares a token; later operations may have another.
  core.io->receive(pair.socket(), second);
  core.io->cancel(pair.socket(), second);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(second).receive_ends.empty(); }));
  EXPECT_EQ(core.stories.size(), 2u);
  core.io->close(pair.socket(), true);
  expect_clean_end(core);
}

TEST_P(IoEnd, AnIoDestroyedWithEverythingUnderWayEndsItsConnections) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto receiving = connect_pair(core);
  auto sending = connect_pair(core, true, {.receive_buffer = 4096});
  const std::string block = pattern(kBlock);
  block_a_send(core, sending.token, block);
  core.io->shutdown_write(receiving.socket());
  core.io.reset();
  ClientEnd end = ClientEnd::none;
  for (int i = 0; i < 1000 && end == ClientEnd::none; i++) {
    pollfd wait{.fd = receiving.client.get(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 10);
    end = read_some(receiving.client).end;
  }
  EXPECT_NE(end, ClientEnd::none);
}

}  // namespace
}  // namespace brume::io::testing

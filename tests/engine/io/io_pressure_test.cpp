// Pools, queues and tables made too small on purpose: slower, but nothing is lost.
#include <random>
#include <sys/resource.h>

#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoPressure : public IoTest {
 protected:
  // `count` connections at once, each echoed `bytes_each` in full by the core.
  void expect_echo_on_many(Core& core, std::size_t count, std::size_t bytes_each) {
    struct Peer {
      Pair pair;
      std::string sent, got, out;
      std::size_t written = 0, out_from = 0;
      bool sending = false;
    };
    std::vector<Peer> peers(count);
    std::map<SocketId, Peer*> by_socket;
    std::map<std::uint16_t, Peer*> by_port;
    const std::size_t before = core.accepted.size();
    for (std::size_t i = 0; i < count; i++) {
      peers[i].pair.client = connect_to(core.port);
      peers[i].sent = pattern(bytes_each, i);
      by_port[name_of(peers[i].pair.client).port] = &peers[i];
    }
    ASSERT_TRUE(core.run_until([&] { return core.accepted.size() == before + count; }));
    for (std::size_t i = before; i < core.accepted.size(); i++) {
      const Accepted& accepted = core.accepted[i];
      Peer& peer = *by_port.at(accepted.peer.port);
      peer.pair.token = {accepted.socket, accepted.peer.port};
      by_socket[accepted.socket] = &peer;
      core.io->receive(accepted.socket, peer.pair.token);
    }
    const auto flush = [&](Peer& peer) {
      while (!peer.sending && peer.out_from < peer.out.size()) {
        const iovec rest{peer.out.data() + peer.out_from, peer.out.size() - peer.out_from};
        const std::int32_t result = core.io->send(peer.pair.socket(), peer.pair.token, {&rest, 1});
        peer.sending = result == Io::kPending;
        if (!peer.sending) peer.out_from += static_cast<std::size_t>(std::max(result, 0));
      }
    };
    core.sent_hook = [&](Token token, std::int32_t result) {
      Peer& peer = *by_socket.at(token.slot);
      peer.sending = false;
      peer.out_from += static_cast<std::size_t>(std::max(result, 0));
      flush(peer);
    };
    core.receive_hook = [&](Token token) {
      Peer& peer = *by_socket.at(token.slot);
      // The whole echo fits: what a send in flight reads must not move.
      peer.out.reserve(bytes_each);
      peer.out += core.story_of(token).bytes;
      core.story_of(token).bytes.clear();
      flush(peer);
    };
    EXPECT_TRUE(core.step_until([&] {
      std::size_t done = 0;
      for (Peer& peer : peers) {
        peer.written += write_some(peer.pair.client, std::string_view(peer.sent).substr(peer.written));
        if (peer.got.size() < bytes_each)
          peer.got += read_some(peer.pair.client, std::min<std::size_t>(bytes_each, 16 << 10)).bytes;
        done += std::size_t{peer.got.size() >= bytes_each};
      }
      return done == count;
    }));
    std::size_t wrong = 0, ended = 0;
    core.end_hook = [&](Token token) {
      ended++;
      core.io->close(token.slot, false);
    };
    for (Peer& peer : peers) {
      wrong += std::size_t{peer.got != peer.sent};
      EXPECT_TRUE(core.story_of(peer.pair.token).receive_ends.empty());
      core.io->cancel(peer.pair.socket(), peer.pair.token);
    }
    EXPECT_TRUE(core.run_until([&] { return ended == count; }));
    EXPECT_EQ(wrong, 0u);
    core.sent_hook = nullptr;
    core.receive_hook = nullptr;
    core.end_hook = nullptr;
  }
};
BRUME_EVERY_BACKEND(IoPressure);

class UringPressure : public IoPressure {};
BRUME_EVERY_URING(UringPressure);

TEST_P(IoPressure, APoolOfAFewHundredBytesServesManySocketsAndLosesNothing) {
  UringOptions options;
  options.receive_pool_size = ReceivePool::kMinBytes;
  BRUME_CORE_OR_SKIP(core, options);
  core.listen();
  expect_echo_on_many(core, 30, 3'000);
  if (is_uring(GetParam())) {
    EXPECT_GT(static_cast<UringIo&>(*core.io).pool_dry_count(), 0u) << "the pool never ran dry";
  }
  expect_clean_end(core);
}

TEST_P(IoPressure, BuffersThatMessagesFillExactlyOrMissByOneKeepTheirBytes) {
  UringOptions options;
  options.receive_pool_size = 4096;  // four buffers of 1024, or one of 4096
  for (const std::size_t message : {1u, 1023u, 1024u, 1025u, 4095u, 4096u, 4097u}) {
    BRUME_CORE_OR_SKIP(core, options);
    core.listen();
    auto first = connect_pair(core);
    auto second = connect_pair(core);
    std::string sent;
    for (int i = 0; i < 40; i++) {
      const std::string bytes = pattern(message, static_cast<std::uint64_t>(i));
      sent += bytes;
      ASSERT_EQ(write_some(first.client, bytes), message);
      ASSERT_EQ(write_some(second.client, bytes), message);
      if (i % 3 == 0) continue;  // sometimes two at once
      ASSERT_TRUE(core.run_until([&] {
        return core.story_of(first.token).bytes.size() == sent.size() &&
               core.story_of(second.token).bytes.size() == sent.size();
      }));
    }
    ASSERT_TRUE(core.run_until([&] {
      return core.story_of(first.token).bytes.size() == sent.size() &&
             core.story_of(second.token).bytes.size() == sent.size();
    }));
    EXPECT_TRUE(core.story_of(first.token).bytes == sent) << message;
    EXPECT_TRUE(core.story_of(second.token).bytes == sent) << message;
    finish(core, first.token, true);
    finish(core, second.token, true);
    expect_clean_end(core);
  }
}

TEST_P(IoPressure, QueuesOfAFewEntriesHoldUpNothing) {
  UringOptions options;
  options.entries = 2;
  options.completions = 4;
  BRUME_CORE_OR_SKIP(core, options);
  core.listen();
  expect_echo_on_many(core, 60, 20'000);
  if (is_uring(GetParam())) {
    EXPECT_GT(static_cast<UringIo&>(*core.io).completion_overflow_count(), 0u) << "the queue never overflowed";
  }
  expect_clean_end(core);
}

TEST_P(IoPressure, StoppingSocketsThatFoundThePoolDryEndsThemOnce) {
  UringOptions options;
  options.receive_pool_size = ReceivePool::kMinBytes;
  BRUME_CORE_OR_SKIP(core, options);
  core.listen();
  std::vector<Pair> pairs;
  for (int i = 0; i < 30; i++) pairs.push_back(connect_pair(core));
  const std::string bytes = pattern(20'000);
  for (const Pair& pair : pairs) write_some(pair.client, bytes);
  // Whoever is heard first stops everybody, in the very poll in which the others found no buffer.
  std::size_t ended = 0;
  bool stopped = false;
  core.receive_hook = [&](Token) {
    if (std::exchange(stopped, true)) return;
    for (const Pair& pair : pairs) core.io->stop_receive(pair.socket(), pair.token);
  };
  core.end_hook = [&](Token) { ended++; };
  EXPECT_TRUE(core.run_until([&] { return ended == pairs.size(); }));
  core.run_a_while();
  EXPECT_EQ(ended, pairs.size());
  core.receive_hook = nullptr;
  // And all of it is still there to be read.
  for (const Pair& pair : pairs) core.io->receive(pair.socket(), pair.token);
  EXPECT_TRUE(core.step_until([&] {
    return std::ranges::all_of(pairs,
                               [&](const Pair& p) { return core.story_of(p.token).bytes.size() == bytes.size(); });
  }));
  for (const Pair& pair : pairs) {
    EXPECT_TRUE(core.story_of(pair.token).bytes == bytes);
    finish(core, pair.token, true);
  }
  expect_clean_end(core);
}

TEST_P(IoPressure, TwelveHundredConnectionsAreServedAtOnce) {
  constexpr std::size_t kConnections = 1200;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2 * kConnections + 100) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * kConnections + 100);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  expect_echo_on_many(core, kConnections, 300);
  expect_clean_end(core);
}

TEST_P(UringPressure, AFullTableRefusesTheNewestAndServesTheOthers) {
  UringOptions options;
  options.max_sockets = 1;
  BRUME_CORE_OR_SKIP(core, options);
  const ListenerHandle listener = core.listen();
  constexpr std::size_t kSlots = 1 + UringIo::kTableMargin;
  std::vector<Pair> pairs;
  while (pairs.size() < kSlots) pairs.push_back(connect_pair(core));
  EXPECT_TRUE(core.accept_failures.empty());
  auto refused = connect_to(core.port);
  ASSERT_TRUE(core.run_until([&] { return !core.accept_failures.empty(); }));
  EXPECT_EQ(core.accept_failures, std::vector<int>{ENFILE});
  EXPECT_TRUE(core.run_until([&] { return read_some(refused).end != ClientEnd::none; }));
  for (const Pair& pair : pairs) write_some(pair.client, "on");
  EXPECT_TRUE(core.run_until(
      [&] { return std::ranges::all_of(pairs, [&](const Pair& p) { return core.story_of(p.token).bytes == "on"; }); }));
  // A slot is free again as soon as its close has gone through.
  finish(core, pairs.back().token, true);
  pairs.pop_back();
  core.run_a_while();
  core.io->resume_accept(listener);
  pairs.push_back(connect_pair(core));
  for (const Pair& pair : pairs) finish(core, pair.token, true);
  expect_clean_end(core);
}

TEST_P(UringPressure, LostCompletionsEndEverythingOnceAndAcceptingGoesOn) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  std::vector<Pair> pairs;
  for (int i = 0; i < 10; i++) pairs.push_back(connect_pair(core, true, {.receive_buffer = 4096}));
  const std::string block = pattern(kBlock);
  block_a_send(core, pairs[0].token, block);
  core.io->shutdown_write(pairs[1].socket());
  core.end_hook = [&](Token token) {
    if (token != pairs[0].token) core.io->close(token.slot, true);
  };
  static_cast<UringIo&>(*core.io).recover_lost_completions(core);
  core.run_a_while();
  core.io->check_invariants();
  for (const Pair& pair : pairs) EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECANCELED});
  EXPECT_EQ(core.story_of(pairs[0].token).sends.back(), -ECANCELED);
  core.io->close(pairs[0].socket(), true);
  core.end_hook = nullptr;
  auto fresh = connect_pair(core);
  write_some(fresh.client, "hello");
  EXPECT_TRUE(core.run_until([&] { return core.story_of(fresh.token).bytes == "hello"; }));
  finish(core, fresh.token, true);
  expect_clean_end(core);
}

#if defined(__SANITIZE_ADDRESS__)
TEST_P(IoPressure, AViewKeptAfterItsCallIsCaught) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  struct Keeper final : Events {
    void on_accepted(ListenerHandle, SocketId, const Address&) override {}
    void on_accept_failed(ListenerHandle, int) override {}
    void on_received(Token, std::span<std::byte> bytes) override { kept = bytes; }
    void on_receive_ended(Token, int) override {}
    void on_sent(Token, std::int32_t) override {}
    std::span<std::byte> kept;
  } keeper;
  write_some(pair.client, "a view of this lives for one call only");
  for (int i = 0; i < 1000 && keeper.kept.empty(); i++) core.io->poll(keeper, Core::kWait);
  ASSERT_FALSE(keeper.kept.empty());
  EXPECT_DEATH({ std::fprintf(stderr, "%d", static_cast<int>(keeper.kept[8])); }, "use-after-poison");
  finish(core, pair.token, true);
  expect_clean_end(core);
}
#endif

}  // namespace
}  // namespace brume::io::testing

#include <sys/resource.h>

#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoAccept : public IoTest {};
BRUME_EVERY_BACKEND(IoAccept);

TEST_P(IoAccept, TellsEachConnectionWithItsOwnPeerAddress) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  constexpr std::size_t kClients = 300;  // many times the accepts that are in flight
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < kClients; i++) clients.push_back(connect_to(core.port));
  ASSERT_TRUE(core.run_until([&] { return core.accepted.size() == kClients; }));

  std::vector<std::uint16_t> expected, seen;
  std::vector<SocketId> sockets;
  for (const OwnedDescriptor& client : clients) expected.push_back(name_of(client).port);
  for (const Accepted& accepted : core.accepted) {
    EXPECT_EQ(accepted.listener, listener);
    EXPECT_EQ(accepted.peer.host(), "127.0.0.1");
    seen.push_back(accepted.peer.port);
    sockets.push_back(accepted.socket);
  }
  // And the address belongs to that very socket: its own port comes in over it.
  for (const Accepted& accepted : core.accepted) core.io->receive(accepted.socket, {accepted.socket, 0});
  for (const OwnedDescriptor& client : clients) write_some(client, std::to_string(name_of(client).port));
  ASSERT_TRUE(core.run_until([&] { return core.stories.size() == kClients; }));
  for (const Accepted& accepted : core.accepted)
    EXPECT_EQ(core.story_of({accepted.socket, 0}).bytes, std::to_string(accepted.peer.port));
  std::ranges::sort(expected);
  std::ranges::sort(seen);
  EXPECT_EQ(seen, expected);
  std::ranges::sort(sockets);
  EXPECT_EQ(std::ranges::adjacent_find(sockets), sockets.end());
  for (const Accepted& accepted : core.accepted) finish(core, {accepted.socket, 0}, true);
  expect_clean_end(core);
}

TEST_P(IoAccept, ReadsNothingBeforeReceive) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, false);
  EXPECT_EQ(write_some(pair.client, "early"), 5u);
  core.run_a_while();
  EXPECT_TRUE(core.stories.empty());
  core.io->receive(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes == "early"; }));
  finish(core, pair.token, true);
  expect_clean_end(core);
}

TEST_P(IoAccept, PausedListenerTakesNobodyUntilItResumes) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  auto first = connect_pair(core, false);
  core.io->pause_accept(listener);
  core.io->pause_accept(listener);
  core.run_a_while();
  std::vector<OwnedDescriptor> waiting;
  for (int i = 0; i < 5; i++) waiting.push_back(connect_to(core.port));
  core.run_a_while();
  EXPECT_EQ(core.accepted.size(), 1u);
  core.io->resume_accept(listener);
  EXPECT_TRUE(core.run_until([&] { return core.accepted.size() == 6; }));
  core.run_a_while();
  EXPECT_EQ(core.accepted.size(), 6u);
  for (const Accepted& accepted : core.accepted) core.io->close(accepted.socket, false);
  expect_clean_end(core);
}

TEST_P(IoAccept, PauseAndResumeWithoutAPollBetweenLosesNoConnection) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  std::vector<OwnedDescriptor> clients;
  for (int round = 0; round < 20; round++) {
    clients.push_back(connect_to(core.port));
    core.io->pause_accept(listener);
    core.io->resume_accept(listener);
    clients.push_back(connect_to(core.port));
    core.io->poll(core, Time::zero());
  }
  EXPECT_TRUE(core.run_until([&] { return core.accepted.size() == clients.size(); }));
  for (const Accepted& accepted : core.accepted) core.io->close(accepted.socket, false);
  expect_clean_end(core);
}

TEST_P(IoAccept, ClosedListenerAnnouncesNobodyAndFreesItsPort) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  core.run_a_while();
  auto waiting = connect_to(core.port);
  core.io->close_listener(listener);
  core.listeners.clear();
  EXPECT_TRUE(core.run_until([&] { return core.io->operations_in_flight() == 0; }));
  EXPECT_TRUE(core.accepted.empty());
  EXPECT_TRUE(core.run_until([&] { return read_some(waiting).end != ClientEnd::none; }));

  Address again = *Address::parse("127.0.0.1:0");
  again.port = core.port;
  auto reopened = open_tcp_listeners(again, 1, {});
  ASSERT_TRUE(reopened.has_value()) << reopened.error().text;
  ::close(reopened->front());
}

TEST_P(IoAccept, ListenerMayBeClosedFromWithinItsOwnEvent) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  core.accept_hook = [&](const Accepted& accepted) {
    core.io->close_listener(accepted.listener);
    core.io->close(accepted.socket, true);
  };
  std::vector<OwnedDescriptor> clients;
  for (int i = 0; i < 10; i++) clients.push_back(connect_to(core.port));
  EXPECT_TRUE(core.run_until([&] { return !core.accepted.empty(); }));
  EXPECT_TRUE(core.run_until([&] { return core.io->operations_in_flight() == 0; }));
  EXPECT_EQ(core.accepted.size(), 1u);
  for (const OwnedDescriptor& client : clients)
    EXPECT_TRUE(core.run_until([&] { return read_some(client).end != ClientEnd::none; }));
}

TEST_P(IoAccept, TwoListenersOfOneIoAreToldApart) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle first = core.listen();
  const std::uint16_t first_port = core.port;
  const ListenerHandle second = core.listen();
  auto to_second = connect_to(core.port);
  ASSERT_TRUE(core.run_until([&] { return core.accepted.size() == 1; }));
  auto to_first = connect_to(first_port);
  ASSERT_TRUE(core.run_until([&] { return core.accepted.size() == 2; }));
  EXPECT_EQ(core.accepted[0].listener, second);
  EXPECT_EQ(core.accepted[1].listener, first);
  for (const Accepted& accepted : core.accepted) core.io->close(accepted.socket, false);
  expect_clean_end(core);
}

// The process's descriptors, lowered to what is open now and `spare` more, and back.
class FewDescriptors {
 public:
  explicit FewDescriptors(int spare) {
    getrlimit(RLIMIT_NOFILE, &saved_);
    // The limit is on the number a descriptor may have, so the gaps below the highest are filled first.
    std::vector<OwnedDescriptor> probes;
    for (int i = 0; i < spare; i++) probes.emplace_back(dup(STDERR_FILENO));
    int highest = 0;
    for (const OwnedDescriptor& probe : probes) highest = std::max(highest, probe.get());
    for (;;) {
      fillers_.emplace_back(dup(STDERR_FILENO));
      if (fillers_.back().get() > highest) break;
    }
    highest = fillers_.back().get();
    fillers_.pop_back();
    rlimit low = saved_;
    low.rlim_cur = static_cast<rlim_t>(highest);
    setrlimit(RLIMIT_NOFILE, &low);
  }
  ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &saved_); }

 private:
  rlimit saved_{};
  std::vector<OwnedDescriptor> fillers_;
};

TEST_P(IoAccept, PausesWhenDescriptorsRunOutRefusesByItsReserveAndResumes) {
  // For io_uring the table of direct descriptors is what runs out.
  UringOptions options;
  constexpr std::size_t kRoom = 4;
  options.max_sockets = 1;
  BRUME_CORE_OR_SKIP(core, options);
  const ListenerHandle listener = core.listen();
  std::vector<OwnedDescriptor> clients;
  // A full table swallows as many as there are accepts in flight; even then some still wait.
  const std::size_t more_than_fit = UringIo::kTableMargin + kRoom + 2 * UringIo::kAcceptsInFlight;
  for (std::size_t i = 0; i < more_than_fit; i++) clients.push_back(connect_to(core.port));
  {
    const FewDescriptors few(kRoom);
    ASSERT_TRUE(core.run_until([&] { return !core.accept_failures.empty(); }));
    EXPECT_EQ(core.accept_failures.front(), is_uring(GetParam()) ? ENFILE : EMFILE);
    const std::size_t taken = core.accepted.size();
    core.run_a_while();
    EXPECT_EQ(core.accept_failures.size(), 1u) << "told more than once before resume_accept()";
    EXPECT_EQ(core.accepted.size(), taken);
    EXPECT_LT(taken, more_than_fit);
    if (!is_uring(GetParam())) {
      EXPECT_TRUE(core.io->refuse_one(listener));
      EXPECT_TRUE(core.io->refuse_one(listener)) << "the reserve was not taken back";
    }
    // Those that got in are served.
    for (const Accepted& accepted : core.accepted) core.io->receive(accepted.socket, {accepted.socket, 7});
    for (const OwnedDescriptor& client : clients) write_some(client, "x");
    EXPECT_TRUE(core.run_until([&] {
      return std::ranges::count_if(core.stories, [](const auto& s) { return s.second.bytes == "x"; }) ==
             static_cast<std::ptrdiff_t>(taken);
    }));
    core.io->resume_accept(listener);
    EXPECT_TRUE(core.run_until([&] { return core.accept_failures.size() == 2; }));
  }
  // Room again: what waits is taken without being asked twice.
  for (const Accepted& accepted : core.accepted) finish(core, {accepted.socket, 7}, true);
  const std::size_t before = core.accepted.size();
  core.run_a_while();
  core.io->resume_accept(listener);
  auto late = connect_to(core.port);
  EXPECT_TRUE(core.run_until([&] { return core.accepted.size() > before; }));
  core.run_a_while();
  for (std::size_t i = before; i < core.accepted.size(); i++) core.io->close(core.accepted[i].socket, false);
  expect_clean_end(core);
}

TEST_P(IoAccept, RefuseOneIsFalseWhereNobodyWaits) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  core.run_a_while();
  core.io->pause_accept(listener);
  core.run_a_while();
  EXPECT_FALSE(core.io->refuse_one(listener));
  auto client = connect_to(core.port);
  EXPECT_TRUE(core.io->refuse_one(listener));
  EXPECT_TRUE(core.run_until([&] { return read_some(client).end != ClientEnd::none; }));
  EXPECT_TRUE(core.accepted.empty());
  expect_clean_end(core);
}

TEST_P(IoAccept, ServesAConnectionThatWasResetBeforeItWasAccepted) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto gone = connect_to(core.port);
  reset(gone);
  auto pair = connect_pair(core, false);
  core.run_a_while();
  for (const Accepted& accepted : core.accepted) {
    core.io->receive(accepted.socket, {accepted.socket, 9});
  }
  write_some(pair.client, "here");
  EXPECT_TRUE(core.run_until(
      [&] { return std::ranges::any_of(core.stories, [](const auto& s) { return s.second.bytes == "here"; }); }));
  for (const Accepted& accepted : core.accepted)
    finish(core, {accepted.socket, 9}, core.story_of({accepted.socket, 9}).receive_ends.empty());
  expect_clean_end(core);
}

TEST_P(IoAccept, EndsCleanlyWithoutEverHavingPolled) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
}

}  // namespace
}  // namespace brume::io::testing

// The wait: time-outs, wakes from other threads and cores, and sockets handed from core to core.
#include <atomic>
#include <thread>

#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoWake : public IoTest {};
BRUME_EVERY_BACKEND(IoWake);

class UringWake : public IoTest {};
BRUME_EVERY_URING(UringWake);

TEST_P(IoWake, PollReturnsWhenItsTimeIsOver) {
  BRUME_CORE_OR_SKIP(core);
  using namespace std::chrono_literals;
  for (const Time timeout : {Time(0ns), Time(1ns), Time(10us), Time(1ms), Time(1500us), Time(20ms)})
    EXPECT_EQ(core.io->poll(core, timeout), 0u);
}

TEST_P(IoWake, AWakeBeforeThePollIsNotLost) {
  BRUME_CORE_OR_SKIP(core);
  for (int i = 0; i < 100; i++) {
    core.io->wake();
    if (i % 2 == 0) core.io->wake();                    // not counted
    core.io->poll(core, Time(-1));                      // would wait for ever
    core.io->poll(core, std::chrono::microseconds(1));  // and one more wake is not left behind to hide a lost one
  }
}

TEST_P(IoWake, AWakeFromAnotherThreadEndsASleep) {
  BRUME_CORE_OR_SKIP(core);
  constexpr int kRounds = 2000;
  std::atomic<int> asked{0};
  std::atomic<int> answered{0};
  std::thread waker([&] {
    for (int i = 1; i <= kRounds; i++) {
      asked.store(i);
      core.io->wake();
      while (answered.load() < i) std::this_thread::yield();
    }
  });
  // Each sleep is without limit: a wake that gets lost hangs here, and the runner says so.
  for (int seen = 0; seen < kRounds;) {
    core.io->poll(core, Time(-1));
    seen = asked.load();
    answered.store(seen);
  }
  waker.join();
}

TEST_P(IoWake, ManyThreadsMayWakeAtOnce) {
  BRUME_CORE_OR_SKIP(core);
  constexpr int kThreads = 4, kEach = 3000;
  std::atomic<int> left{kThreads * kEach};
  std::vector<std::thread> wakers;
  for (int t = 0; t < kThreads; t++) {
    wakers.emplace_back([&] {
      for (int i = 0; i < kEach; i++) {
        left.fetch_sub(1);
        core.io->wake();
      }
    });
  }
  while (left.load() != 0) core.io->poll(core, Time(-1));
  for (std::thread& waker : wakers) waker.join();
}

TEST_P(IoWake, AWakeBesideTrafficIsNotLost) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  for (int i = 0; i < 200; i++) {
    write_some(pair.client, "x");
    core.io->wake();
    const std::size_t expected = static_cast<std::size_t>(i) + 1;
    for (int polls = 0; polls < 3 && core.story_of(pair.token).bytes.size() < expected; polls++)
      core.io->poll(core, Core::kWait);
    ASSERT_EQ(core.story_of(pair.token).bytes.size(), expected);
  }
  finish(core, pair.token, true);
  expect_clean_end(core);
}

// A second core of the same kind, on a thread of its own.
class OtherCore {
 public:
  explicit OtherCore(Kind kind) : core_(make_io(kind)) {}
  Io& io() { return *core_.io; }
  Core& core() { return core_; }
  void run() {
    thread_ = std::thread([this] {
      while (!stop_.load()) {
        core_.io->poll(core_, Time(-1));
        turns_.fetch_add(1);
      }
      if (at_end) at_end(core_);
    });
  }
  void stop() {
    stop_.store(true);
    core_.io->wake();
    thread_.join();
  }
  int turns() const { return turns_.load(); }

  std::function<void(Core&)> at_end;

 private:
  Core core_;
  std::atomic<bool> stop_{false};
  std::atomic<int> turns_{0};
  std::thread thread_;
};

TEST_P(IoWake, APeerIsWokenFromItsSleep) {
  BRUME_CORE_OR_SKIP(core);
  OtherCore other(GetParam());
  other.run();
  for (int i = 0; i < 500; i++) {
    const int before = other.turns();
    core.io->wake_peer(other.io());
    core.io->poll(core, Time::zero());
    for (int wait = 0; other.turns() == before; wait++) {
      ASSERT_LT(wait, 10'000'000) << "the peer slept on";
      std::this_thread::yield();
    }
  }
  other.stop();
}

TEST_P(IoWake, APeerThatHasNotStartedYetFindsTheWakeWhenItDoes) {
  BRUME_CORE_OR_SKIP(core);
  auto other = make_core();
  core.io->wake_peer(*other->io);
  core.run_a_while(3);
  other->io->poll(*other, Time(-1));  // would wait for ever
}

TEST_P(IoWake, AnIoMadeOnOneThreadRunsOnAnother) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  std::thread owner([&] {
    auto pair = connect_pair(core);
    write_some(pair.client, "over there");
    EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes == "over there"; }));
    finish(core, pair.token, true);
    expect_clean_end(core);
  });
  owner.join();
}

TEST_P(IoWake, AnIoWhoseThreadEndedWithOperationsUnderWayMayStillBeDestroyed) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  OwnedDescriptor client;
  std::thread owner([&] { client = connect_pair(core).client; });
  owner.join();
  EXPECT_GT(core.io->operations_in_flight(), 0u);
  core.io.reset();
  ClientEnd end = ClientEnd::none;
  for (int i = 0; i < 1000 && end == ClientEnd::none; i++) {
    pollfd wait{.fd = client.get(), .events = POLLIN, .revents = 0};
    ::poll(&wait, 1, 10);
    end = read_some(client).end;
  }
  EXPECT_NE(end, ClientEnd::none);
}

TEST_P(IoWake, AHandedOverSocketKeepsItsPeerAddressAndTheBytesSentBefore) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  OtherCore other(GetParam());
  std::atomic<std::size_t> arrived{0};
  other.core().accept_hook = [&](const Accepted& accepted) {
    other.io().receive(accepted.socket, {accepted.socket, accepted.peer.port});
  };
  other.core().receive_hook = [&](Token) { arrived.fetch_add(1); };
  std::size_t ends = 0;
  other.at_end = [&](Core& there) {
    for (const Accepted& accepted : there.accepted) finish(there, {accepted.socket, accepted.peer.port}, true);
    EXPECT_TRUE(there.run_until([&] { return there.io->operations_in_flight() == 0; }));
    ends = there.accepted.size();
  };
  other.run();

  constexpr std::size_t kSockets = 100;
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < kSockets; i++) {
    auto pair = connect_pair(core, false);
    write_some(pair.client, "sent before " + std::to_string(i));
    core.io->hand_over(pair.socket(), listener, name_of(pair.client), other.io());
    clients.push_back(std::move(pair.client));
    // Its old number is free for others at once.
    core.io->poll(core, Time::zero());
  }
  EXPECT_TRUE(core.run_until([&] { return arrived.load() >= kSockets; }));
  expect_clean_end(core);
  other.stop();
  EXPECT_EQ(ends, kSockets);
  std::map<std::uint16_t, std::string> heard;
  for (const Accepted& accepted : other.core().accepted) {
    EXPECT_EQ(accepted.listener, listener);
    heard[accepted.peer.port] = other.core().story_of({accepted.socket, accepted.peer.port}).bytes;
  }
  for (std::size_t i = 0; i < kSockets; i++)
    EXPECT_EQ(heard[name_of(clients[i]).port], "sent before " + std::to_string(i));
}

TEST_P(IoWake, HandedOverToACoreThatHasNotStartedYetTheyWaitForIt) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  auto other = make_core();
  constexpr std::size_t kSockets = HandOverInbox::kSlots + 20;
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < kSockets; i++) {
    auto pair = connect_pair(core, false);
    core.io->hand_over(pair.socket(), listener, name_of(pair.client), *other->io);
    clients.push_back(std::move(pair.client));
  }
  core.run_a_while();
  for (const OwnedDescriptor& client : clients) EXPECT_EQ(read_some(client).end, ClientEnd::none);
  EXPECT_GT(core.io->operations_in_flight(), 0u);
  // More than the inbox holds: the rest follows without being asked.
  for (int i = 0; i < 100 && other->accepted.size() < kSockets; i++) {
    core.io->poll(core, i == 0 ? Time(-1) : Time::zero());  // while some wait it does not sleep for long
    other->run_a_while(1);
  }
  EXPECT_EQ(other->accepted.size(), kSockets);
  expect_clean_end(core);
  for (const OwnedDescriptor& client : clients) EXPECT_EQ(read_some(client).end, ClientEnd::none);
  for (const Accepted& accepted : other->accepted) other->io->close(accepted.socket, false);
  expect_clean_end(*other);
}

TEST_P(UringWake, HandedOverToACoreWithoutRoomTheConnectionIsClosed) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  UringOptions small;
  small.max_sockets = 1;
  auto other = make_core(small);
  other->io->poll(*other, Time::zero());
  constexpr std::size_t kRoom = 1 + UringIo::kTableMargin;
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < kRoom + 5; i++) {
    auto pair = connect_pair(core, false);
    core.io->hand_over(pair.socket(), listener, name_of(pair.client), *other->io);
    clients.push_back(std::move(pair.client));
    core.io->poll(core, Time::zero());
    other->io->poll(*other, Time::zero());
  }
  for (int i = 0; i < 20; i++) {
    core.run_a_while(1);
    other->run_a_while(1);
  }
  expect_clean_end(core);
  std::size_t closed = 0;
  for (const OwnedDescriptor& client : clients) closed += std::size_t{read_some(client).end != ClientEnd::none};
  EXPECT_EQ(other->accepted.size(), kRoom);
  EXPECT_EQ(closed, 5u);
  for (const Accepted& accepted : other->accepted) other->io->close(accepted.socket, false);
  expect_clean_end(*other);
}

TEST_P(IoWake, SocketsThatWaitForAnIoThatEndsAreClosed) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  auto other = make_core();
  std::vector<OwnedDescriptor> clients;
  for (std::size_t i = 0; i < HandOverInbox::kSlots + 5; i++) {
    auto pair = connect_pair(core, false);
    core.io->hand_over(pair.socket(), listener, name_of(pair.client), *other->io);
    clients.push_back(std::move(pair.client));
  }
  other.reset();
  for (const OwnedDescriptor& client : clients)
    EXPECT_TRUE(core.run_until([&] { return read_some(client).end != ClientEnd::none; }));
  expect_clean_end(core);
}

TEST_P(IoWake, SocketsOnTheirWayToAnIoThatEndsAreClosed) {
  BRUME_CORE_OR_SKIP(core);
  const ListenerHandle listener = core.listen();
  auto other = make_core();
  other->io->poll(*other, Time::zero());
  auto pair = connect_pair(core, false);
  core.io->hand_over(pair.socket(), listener, name_of(pair.client), *other->io);
  core.io->poll(core, Time::zero());
  other.reset();
  ClientEnd end = ClientEnd::none;
  EXPECT_TRUE(core.run_until([&] { return (end = read_some(pair.client).end) != ClientEnd::none; }));
  expect_clean_end(core);
}

TEST_P(IoWake, DescribesItself) {
  BRUME_CORE_OR_SKIP(core);
  EXPECT_TRUE(core.io->describe().starts_with(core.io->name()));
  EXPECT_EQ(core.io->describe().find('\n'), std::string::npos);
}

}  // namespace
}  // namespace brume::io::testing

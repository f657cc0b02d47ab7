#include <atomic>
#include <cstddef>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <set>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <brume/engine/io/machine.h>
#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

using ErrorKind = SystemError::Kind;

Address loopback(std::uint16_t port = 0) {
  Address address = *Address::parse("127.0.0.1:0");
  address.port = port;
  return address;
}

TEST(MachineListeners, PortZeroIsOneFreePortForAll) {
  Machine machine;
  const auto listeners = machine.open_listeners(loopback(), 4, {});
  ASSERT_TRUE(listeners.has_value()) << listeners.error().text;
  ASSERT_EQ(listeners->size(), 4u);
  const Address bound = machine.local_address(listeners->front());
  EXPECT_NE(bound.port, 0);
  EXPECT_EQ(bound.host(), "127.0.0.1");
  for (const ListenerHandle listener : *listeners) {
    EXPECT_EQ(machine.local_address(listener), bound);
    machine.close_listener(listener);
  }
}

TEST(MachineListeners, SpreadConnectionsOverAllOfThem) {
  Machine machine;
  const auto listeners = machine.open_listeners(loopback(), 2, {});
  ASSERT_TRUE(listeners.has_value());
  constexpr int kClients = 64;
  std::vector<OwnedDescriptor> clients;
  for (int i = 0; i < kClients; i++) clients.push_back(connect_to(machine.local_address(listeners->front()).port));
  std::vector<int> taken;
  for (const ListenerHandle listener : *listeners) {
    int count = 0;
    while (OwnedDescriptor(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC))) count++;
    taken.push_back(count);
    machine.close_listener(listener);
  }
  EXPECT_EQ(taken[0] + taken[1], kClients);
  EXPECT_GT(taken[0], 0);
  EXPECT_GT(taken[1], 0);
}

TEST(MachineListeners, APortInUseIsRefusedHoweverManyWouldShareIt) {
  Machine first, second;
  for (const std::size_t holders : {1u, 3u}) {
    const auto held = first.open_listeners(loopback(), holders, {});
    ASSERT_TRUE(held.has_value());
    const std::uint16_t port = first.local_address(held->front()).port;
    for (const std::size_t wanted : {1u, 3u}) {
      const auto refused = second.open_listeners(loopback(port), wanted, {});
      ASSERT_FALSE(refused.has_value()) << holders << " holders shared with " << wanted;
      EXPECT_EQ(refused.error().kind, ErrorKind::address_in_use);
      EXPECT_EQ(refused.error().code, EADDRINUSE);
      EXPECT_NE(refused.error().text.find(std::to_string(port)), std::string::npos) << refused.error().text;
    }
    for (const ListenerHandle listener : *held) first.close_listener(listener);
    const auto free = second.open_listeners(loopback(port), 2, {});
    ASSERT_TRUE(free.has_value()) << "refused after its holders had gone: " << free.error().text;
    for (const ListenerHandle listener : *free) second.close_listener(listener);
  }
}

TEST(MachineListeners, APortWithConnectionsInTimeWaitIsFree) {
  Machine machine;
  auto held = machine.open_listeners(loopback(), 1, {});
  ASSERT_TRUE(held.has_value());
  const std::uint16_t port = machine.local_address(held->front()).port;
  auto client = connect_to(port);
  OwnedDescriptor server(accept4(held->front(), nullptr, nullptr, SOCK_CLOEXEC));
  server.reset();  // closes first, and so is the side that waits
  client.reset();
  machine.close_listener(held->front());
  held = machine.open_listeners(loopback(port), 1, {});
  ASSERT_TRUE(held.has_value()) << held.error().text;
  machine.close_listener(held->front());
}

TEST(MachineListeners, BadAddressesAreToldAsSuch) {
  Machine machine;
  const auto none = machine.open_listeners(Address{}, 1, {});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().kind, ErrorKind::bad_address);
  // A documentation address (RFC 5737): no machine has it.
  const auto foreign = machine.open_listeners(*Address::parse("192.0.2.1:0"), 2, {});
  ASSERT_FALSE(foreign.has_value());
  EXPECT_EQ(foreign.error().kind, ErrorKind::address_unavailable);
  EXPECT_EQ(foreign.error().text.find('\n'), std::string::npos);
}

TEST(MachineListeners, AcceptedSocketsInheritNoDelayAndTheUserTimeout) {
  Machine machine;
  ListenOptions options;
  options.user_timeout = std::chrono::milliseconds(4321);
  const auto listeners = machine.open_listeners(loopback(), 1, options);
  ASSERT_TRUE(listeners.has_value());
  auto client = connect_to(machine.local_address(listeners->front()).port);
  const OwnedDescriptor accepted(accept4(listeners->front(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(accepted);
  int value = 0;
  socklen_t size = sizeof value;
  ASSERT_EQ(getsockopt(accepted.get(), IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
  EXPECT_NE(value, 0);
  ASSERT_EQ(getsockopt(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &value, &size), 0);
  EXPECT_EQ(value, 4321);
  machine.close_listener(listeners->front());
}

TEST(MachineListeners, AnUnspecifiedIpv6AddressTakesIpv4Too) {
  Machine machine;
  const auto listeners = machine.open_listeners(*Address::parse("[::]:0"), 2, {});
  if (!listeners) GTEST_SKIP() << "no IPv6 here: " << listeners.error().text;
  auto client = connect_to(machine.local_address(listeners->front()).port);
  Address peer;
  for (const ListenerHandle listener : *listeners) {
    SocketAddress from;
    from.size = sizeof from.storage;
    const OwnedDescriptor accepted(accept4(listener, from.get(), &from.size, SOCK_CLOEXEC));
    if (accepted) peer = from_socket_address(from.storage, from.size);
    machine.close_listener(listener);
  }
  EXPECT_EQ(peer, name_of(client));
}

TEST(MachineIo, GivesTheBackendAskedFor) {
  Machine machine;
  IoOptions options;
  options.backend = Backend::epoll;
  auto epoll = machine.make_io(0, options);
  ASSERT_TRUE(epoll.has_value()) << epoll.error().text;
  EXPECT_EQ(epoll->io->name(), "epoll");
  EXPECT_EQ(epoll->notice, "");
  if (!uring_here()) GTEST_SKIP() << "io_uring is refused here: " << uring_here().error().text;
  for (const Backend backend : {Backend::io_uring, Backend::automatic}) {
    options.backend = backend;
    auto uring = machine.make_io(0, options);
    ASSERT_TRUE(uring.has_value()) << uring.error().text;
    EXPECT_EQ(uring->io->name(), "io_uring");
    EXPECT_EQ(uring->notice, "");
  }
}

// Runs `body` in a process of its own; its answer is what the body returns.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Refuses io_uring_setup to this process from now on, as container profiles do.
bool forbid_io_uring(int error) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = sizeof filter / sizeof filter[0], .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum ChildAnswer {
  kAsExpected = 0,
  kNoFilter = 10,
  kNoIo,
  kWrongBackend,
  kWrongNotice,
  kNotRefused,
  kWrongError,
  kDeaf
};

int serve_under_filter(int error) {
  if (!forbid_io_uring(error)) return kNoFilter;
  Machine machine;
  auto made = machine.make_io(0, {});
  if (!made) return kNoIo;
  if (made->io->name() != "epoll") return kWrongBackend;
  const std::string expected =
      "io_uring is not available here (set-up: " + std::string(std::strerror(error)) + "); running on epoll";
  if (made->notice != expected) return kWrongNotice;

  IoOptions forced;
  forced.backend = Backend::io_uring;
  const auto refused = machine.make_io(0, forced);
  if (refused) return kNotRefused;
  if (refused.error().kind != ErrorKind::io_unavailable || refused.error().code != error) return kWrongError;

  Core core(std::move(made->io));
  core.listen();
  auto client = connect_to(core.port);
  write_some(client, "anybody?");
  core.accept_hook = [&](const Accepted& a) { core.io->receive(a.socket, {a.socket, 0}); };
  const bool heard =
      core.run_until([&] { return !core.stories.empty() && core.stories.begin()->second.bytes == "anybody?"; });
  return heard ? kAsExpected : kDeaf;
}

TEST(MachineIo, RunsOnEpollWithANoticeWhereIoUringIsForbidden) {
  for (const int error : {EPERM, ENOSYS}) {
    const int answer = in_child([&] { return serve_under_filter(error); });
    if (answer == kNoFilter) GTEST_SKIP() << "no seccomp filter could be installed here";
    EXPECT_EQ(answer, kAsExpected) << std::strerror(error);
  }
}

class CountDown final : public Driven {
 public:
  explicit CountDown(int turns) : left_(turns) {}
  bool turn(Time max_wait) override {
    waits_.insert(max_wait < Time::zero());
    CPU_ZERO(&processors_);
    sched_getaffinity(0, sizeof processors_, &processors_);
    return --left_ > 0;
  }
  Io& io() override { std::abort(); }  // never asked for by a Machine
  void check_invariants() const override {}

  int left() const { return left_; }
  bool waited_without_limit() const { return waits_ == std::set<bool>{true}; }
  int processor_count() const { return CPU_COUNT(&processors_); }

 private:
  int left_;
  std::set<bool> waits_;
  cpu_set_t processors_;
};

TEST(MachineThreads, DriveEachUntilItIsFinished) {
  Machine machine;
  CountDown first(1000), second(3);
  ASSERT_TRUE(machine.start(0, first, false).has_value());
  ASSERT_TRUE(machine.start(1, second, true).has_value());
  machine.join();
  EXPECT_EQ(first.left(), 0);
  EXPECT_EQ(second.left(), 0);
  EXPECT_TRUE(first.waited_without_limit());
  EXPECT_EQ(second.processor_count(), 1) << "not pinned";
  machine.join();  // nothing left to wait for
}

TEST(MachineThreads, MoreCoresThanProcessorsArePinnedAllTheSame) {
  Machine machine;
  CountDown far(1);
  ASSERT_TRUE(machine.start(1'000'003, far, true).has_value());
  machine.join();
  EXPECT_EQ(far.processor_count(), 1);
}

TEST(Machine, RandomNumbersDiffer) {
  Machine machine;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; i++) seen.insert(machine.random());
  EXPECT_EQ(seen.size(), 1000u);
}

}  // namespace
}  // namespace brume::io::testing

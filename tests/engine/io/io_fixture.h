// io_fixture.h: the real Io backends under one suite: an Events that writes down what it is told, plain client sockets,
// and bounded waiting.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <map>
#include <memory>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/io/epoll_io.h>
#include <brume/engine/io/listeners.h>
#include <brume/engine/io/machine.h>
#include <brume/engine/io/owned_descriptor.h>
#include <brume/engine/io/socket_address.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io::testing {

// A backend, or one with a feature of the kernel left out.
enum class Kind { io_uring, io_uring_whole_buffers, io_uring_undeferred, epoll };

inline std::string kind_name(const ::testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::io_uring:
      return "io_uring";
    case Kind::io_uring_whole_buffers:
      return "io_uring_whole_buffers";
    case Kind::io_uring_undeferred:
      return "io_uring_undeferred";
    case Kind::epoll:
      return "epoll";
  }
  return "unknown";
}

inline bool is_uring(Kind kind) {
  return kind != Kind::epoll;
}

#define BRUME_EVERY_BACKEND(Suite)                                                                             \
  INSTANTIATE_TEST_SUITE_P(                                                                                    \
      Backends, Suite,                                                                                         \
      ::testing::Values(Kind::io_uring, Kind::io_uring_whole_buffers, Kind::io_uring_undeferred, Kind::epoll), \
      kind_name)

#define BRUME_EVERY_URING(Suite)                                                                                       \
  INSTANTIATE_TEST_SUITE_P(Backends, Suite,                                                                            \
                           ::testing::Values(Kind::io_uring, Kind::io_uring_whole_buffers, Kind::io_uring_undeferred), \
                           kind_name)

// What the machine's io_uring can do, found out once a program.
inline const std::expected<UringFeatures, SystemError>& uring_here() {
  static const auto features = probe_uring();
  return features;
}

// Null only where the backend is refused here.
inline std::unique_ptr<Io> make_io(Kind kind, const UringOptions& options = {}) {
  if (!is_uring(kind)) {
    auto made = EpollIo::create(options.receive_pool_size);
    EXPECT_TRUE(made.has_value()) << made.error().text;
    return made ? std::move(*made) : nullptr;
  }
  if (!uring_here()) return nullptr;
  UringFeatures features = *uring_here();
  if (kind == Kind::io_uring_whole_buffers) features.incremental = false;
  if (kind == Kind::io_uring_undeferred) features.deferred = false;
  auto made = UringIo::create(options, features);
  EXPECT_TRUE(made.has_value()) << made.error().text;
  return made ? std::move(*made) : nullptr;
}

struct Accepted {
  ListenerHandle listener;
  SocketId socket;
  Address peer;
};

struct Connected {
  Token token;
  SocketId socket;
  Address peer;
  int error;
};

// All that became of one token.
struct Story {
  std::string bytes;
  std::size_t deliveries = 0;
  std::size_t largest_delivery = 0;
  std::vector<int> receive_ends;
  std::vector<std::int32_t> sends;
};

// One Io with its events on record. A connection's token has its socket as slot and a number of the test's choice as
// generation.
class Core final : public Events {
 public:
  explicit Core(std::unique_ptr<Io> made) : io(std::move(made)) {}

  void on_accepted(ListenerHandle listener, SocketId socket, const Address& peer) override {
    accepted.push_back({listener, socket, peer});
    if (accept_hook) accept_hook(accepted.back());
  }
  void on_accept_failed(ListenerHandle, int error) override { accept_failures.push_back(error); }
  void on_received(Token token, std::span<std::byte> bytes) override {
    Story& story = story_of(token);
    story.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    story.deliveries++;
    story.largest_delivery = std::max(story.largest_delivery, bytes.size());
    // They may be changed in place: whoever gets them a second time would notice.
    std::ranges::fill(bytes, std::byte{0xEE});
    if (receive_hook) receive_hook(token);
  }
  void on_receive_ended(Token token, int error) override {
    story_of(token).receive_ends.push_back(error);
    if (end_hook) end_hook(token);
  }
  void on_sent(Token token, std::int32_t result) override {
    story_of(token).sends.push_back(result);
    if (sent_hook) sent_hook(token, result);
  }

  void on_connected(Token token, SocketId socket, const Address& peer, int error) override {
    connected.push_back({token, socket, peer, error});
    if (connect_hook) connect_hook(connected.back());
  }

  Story& story_of(Token token) { return stories[{token.slot, token.generation}]; }

  // Polls until `done` holds, at most kPatience polls of kWait each; then false.
  template <class Done>
  bool run_until(Done&& done, int patience = kPatience, Time wait = kWait) {
    for (int i = 0; i < patience; i++) {
      if (done()) return true;
      io->poll(*this, wait);
      if (i % 8 == 0) io->check_invariants();  // walks the whole table
    }
    return done();
  }
  // The same where `done` does work of its own each time and many small steps are needed.
  template <class Done>
  bool step_until(Done&& done) {
    return run_until(done, kPatience * 100, std::chrono::microseconds(100));
  }
  // For what must not happen: polls until what was submitted up to now has surely been looked at.
  void run_a_while(int polls = 20) {
    for (int i = 0; i < polls; i++) io->poll(*this, std::chrono::milliseconds(1));
  }

  ListenerHandle listen(const ListenOptions& options = {}) {
    auto made = open_tcp_listeners(*Address::parse("127.0.0.1:0"), 1, options);
    EXPECT_TRUE(made.has_value()) << made.error().text;
    port = bound_address(made->front()).port;
    io->add_listener(made->front());
    listeners.push_back(made->front());
    return made->front();
  }

  static constexpr int kPatience = 2000;
  static constexpr Time kWait = std::chrono::milliseconds(10);

  std::unique_ptr<Io> io;
  std::uint16_t port = 0;
  std::vector<ListenerHandle> listeners;
  std::vector<Accepted> accepted;
  std::vector<int> accept_failures;
  std::vector<Connected> connected;
  std::function<void(const Connected&)> connect_hook;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Story> stories;
  std::function<void(const Accepted&)> accept_hook;
  std::function<void(Token)> receive_hook;
  std::function<void(Token)> end_hook;
  std::function<void(Token, std::int32_t)> sent_hook;
};

// ---- the other end: ordinary non-blocking sockets

struct ClientOptions {
  int receive_buffer = 0;
  int send_buffer = 0;
};

inline OwnedDescriptor connect_to(std::uint16_t port, const ClientOptions& options = {}) {
  OwnedDescriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(client) << std::strerror(errno);
  if (options.receive_buffer)
    setsockopt(client.get(), SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  if (options.send_buffer)
    setsockopt(client.get(), SOL_SOCKET, SO_SNDBUF, &options.send_buffer, sizeof options.send_buffer);
  Address address = *Address::parse("127.0.0.1:0");
  address.port = port;
  const SocketAddress to = to_socket_address(address);
  // Blocking: the kernel answers for the listener, no thread of ours is needed.
  EXPECT_EQ(connect(client.get(), to.get(), to.size), 0) << std::strerror(errno);
  fcntl(client.get(), F_SETFL, fcntl(client.get(), F_GETFL) | O_NONBLOCK);
  return client;
}

inline Address name_of(const OwnedDescriptor& client) {
  return bound_address(client.get());
}

// Writes what fits; returns the bytes taken.
inline std::size_t write_some(const OwnedDescriptor& client, std::string_view bytes) {
  const ssize_t count = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

enum class ClientEnd { none, fin, reset };

struct ClientRead {
  std::string bytes;
  ClientEnd end = ClientEnd::none;
};

// Reads what is there, at most `limit` bytes.
inline ClientRead read_some(const OwnedDescriptor& client, std::size_t limit = std::size_t{1} << 20) {
  ClientRead result;
  result.bytes.resize(limit);
  const ssize_t count = ::recv(client.get(), result.bytes.data(), limit, 0);
  result.bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count == 0) result.end = ClientEnd::fin;
  if (count < 0 && errno != EAGAIN) result.end = ClientEnd::reset;
  return result;
}

inline void reset(OwnedDescriptor& client) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.reset();
}

// Bytes that differ at every place within a long stretch, so that a lost, doubled or swapped one shows.
inline std::string pattern(std::size_t size, std::uint64_t seed = 1) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15u + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// ---- the suites

class IoTest : public ::testing::TestWithParam<Kind> {
 protected:
  // In every test's first line: the Io, or the reason why this instance is skipped.
  std::unique_ptr<Core> make_core(UringOptions options = {}) {
    if (options.max_sockets == 0) options.max_sockets = 2048;
    auto io = make_io(GetParam(), options);
    if (!io) return nullptr;
    EXPECT_EQ(io->name(), is_uring(GetParam()) ? "io_uring" : "epoll");
    return std::make_unique<Core>(std::move(io));
  }

  // A connection: the client's end and the core's, which receives where asked.
  struct Pair {
    OwnedDescriptor client;
    Token token{};
    SocketId socket() const { return token.slot; }
  };
  static Pair connect_pair(Core& core, bool receive = true, const ClientOptions& options = {}) {
    static std::uint32_t generation = 0;
    Pair pair;
    const std::size_t before = core.accepted.size();
    pair.client = connect_to(core.port, options);
    EXPECT_TRUE(core.run_until([&] { return core.accepted.size() > before; }));
    if (core.accepted.size() <= before) return pair;
    pair.token = {core.accepted.back().socket, ++generation};
    if (receive) core.io->receive(pair.token.slot, pair.token);
    return pair;
  }

  // Sends one segment and waits for its outcome, however it is told.
  static std::int32_t send_and_wait(Core& core, Token token, std::string_view bytes) {
    const iovec segment{const_cast<char*>(bytes.data()), bytes.size()};
    const std::size_t before = core.story_of(token).sends.size();
    const std::int32_t result = core.io->send(token.slot, token, {&segment, 1});
    if (result != Io::kPending) return result;
    EXPECT_TRUE(core.run_until([&] { return core.story_of(token).sends.size() > before; }));
    return core.story_of(token).sends.empty() ? 0 : core.story_of(token).sends.back();
  }

  // Sends until one send has to wait for the peer; its outcome is told by on_sent().
  static void block_a_send(Core& core, Token token, const std::string& block) {
    const iovec segment{const_cast<char*>(block.data()), block.size()};
    for (int i = 0; i < 200; i++) {
      const std::size_t before = core.story_of(token).sends.size();
      if (core.io->send(token.slot, token, {&segment, 1}) != Io::kPending) continue;
      core.run_a_while(kSettled);
      if (core.story_of(token).sends.size() == before) return;
    }
    FAIL() << "no send ever waited";
  }
  static constexpr std::size_t kBlock = std::size_t{4} << 20;
  // Polls of a millisecond: longer than the client's TCP puts off an acknowledgement, which would make room once more.
  static constexpr int kSettled = 60;

  // Ends what is under way on a socket and gives it back.
  static void finish(Core& core, Token token, bool receiving, bool abort = false) {
    if (receiving) {
      const std::size_t before = core.story_of(token).receive_ends.size();
      core.io->cancel(token.slot, token);
      EXPECT_TRUE(core.run_until([&] { return core.story_of(token).receive_ends.size() > before; }));
    }
    core.io->close(token.slot, abort);
  }

  // Closes the listeners and waits for the last operation: a clean end.
  static void expect_clean_end(Core& core) {
    for (const ListenerHandle listener : core.listeners) core.io->close_listener(listener);
    core.listeners.clear();
    EXPECT_TRUE(core.run_until([&] { return core.io->operations_in_flight() == 0; }))
        << core.io->operations_in_flight() << " operations left";
  }
};

#define BRUME_CORE_OR_SKIP(core, ...)                                                           \
  const auto core##_owner = make_core(__VA_ARGS__);                                             \
  if (!core##_owner) GTEST_SKIP() << "io_uring is refused here: " << uring_here().error().text; \
  Core& core = *core##_owner

}  // namespace brume::io::testing

// Posted broadcasts to rooms with members on two cores, on the real backends: once everything is warm they cost no
// allocation and no mapping of memory on any core.
//
// What is counted: every malloc and mmap made on a core's thread, from wherever.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/engine/core/pages.h>
#include <brume/engine/server.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/blocking_client.h>

namespace {
std::atomic<std::uint64_t> allocations{0};
constinit thread_local bool on_core = false;
[[maybe_unused]] void count() {
  if (on_core) allocations.fetch_add(1, std::memory_order_relaxed);
}
#if !defined(BRUME_ADDRESS_SANITIZER) && !defined(__SANITIZE_THREAD__) && defined(__GLIBC__)
#define BRUME_COUNTS_ALLOCATIONS 1
constexpr bool kCounts = true;
#else
constexpr bool kCounts = false;  // a sanitizer has the allocator
#endif
}  // namespace

#if defined(BRUME_COUNTS_ALLOCATIONS)
// In front of the C library's, which these call.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept {
  count();
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) noexcept {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  count();
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count();
  return __libc_memalign(alignment, size);
}
void* mmap(void* address, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  count();
  return reinterpret_cast<void*>(::syscall(SYS_mmap, address, size, protection, flags, file, offset));
}
}
#endif

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::BlockingClient;

constexpr std::size_t kRooms = 16;      // so many that not all have their home on one core
constexpr std::size_t kEach = 3;        // messages to each room in a round
constexpr std::size_t kPerCore = 2;     // members
constexpr std::size_t kRounds = 20;     // of a window
constexpr std::size_t kMaxWindows = 8;  // until one has to be without any allocation

std::string room_name(std::size_t number) {
  return "a room with a name that is not short, number " + std::to_string(number);
}

// The number of this core's thread, whose allocations count from now on.
int enter_core(std::atomic<int>& cores) {
  thread_local const int core = cores++;
  on_core = true;
  return core;
}

// Joins all rooms, says which core it is on, and passes on what it is sent: two bytes of the room's number, and text.
Task<> member(Hub& hub, Connection& connection, std::atomic<int>& cores) {
  const int core = enter_core(cores);
  auto me = co_await hub.register_connection(std::to_string(connection.id()), connection);
  if (!me) co_return;
  std::array<std::string, kRooms> rooms;
  for (std::size_t i = 0; i < kRooms; i++) {
    rooms[i] = room_name(i);
    if (!co_await me->join(rooms[i])) co_return;
  }
  (void)connection.send_text(std::to_string(core));
  while (auto message = co_await connection.receive()) {
    const auto room = static_cast<std::size_t>(std::to_integer<int>(message->data[0]) - 'a');
    if (!hub.broadcast_to_room(rooms[room], message->type, message->data)) break;
  }
}

class Allocations : public testing::TestWithParam<io::Backend> {};

INSTANTIATE_TEST_SUITE_P(Backends, Allocations, testing::Values(io::Backend::io_uring, io::Backend::epoll),
                         [](const auto& each) { return each.param == io::Backend::epoll ? "epoll" : "io_uring"; });

TEST_P(Allocations, APostedBroadcastToARoomAcrossCoresCostsNoneOnceWarm) {
  Config config;
  config.io = GetParam();
  config.cores = 2;
  config.slow_turn = 0ms;
  Server server{config};
  Hub hub(server);
  std::atomic<int> cores{0};
  server.get("/", websocket([&](Connection& connection) { return member(hub, connection, cores); }));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  if (const auto started = server.start(); !started) GTEST_SKIP() << started.error().text;

  // Clients until each core has its members; the rest go.
  std::array<std::vector<std::unique_ptr<BlockingClient>>, 2> members;
  for (int tries = 0; tries < 200 && (members[0].size() < kPerCore || members[1].size() < kPerCore); tries++) {
    auto client = std::make_unique<BlockingClient>(server.address().port, "/");
    const std::string core = client->receive();
    ASSERT_THAT(core, testing::AnyOf("0", "1"));
    auto& there = members[core == "1"];
    if (there.size() < kPerCore) there.push_back(std::move(client));
  }
  ASSERT_EQ(members[0].size(), kPerCore);
  ASSERT_EQ(members[1].size(), kPerCore);

  std::string burst;
  for (std::size_t i = 0; i < kEach * kRooms; i++)
    burst += test::masked_text(std::string(1, static_cast<char>('a' + i % kRooms)) +
                               " and a hundred bytes more: " + std::string(74, 'x'));
  const auto round = [&](BlockingClient& publisher) {
    EXPECT_TRUE(publisher.send_bytes(burst));
    for (const auto& there : members)
      for (const auto& client : there)
        for (std::size_t i = 0; i < kEach * kRooms; i++) EXPECT_EQ(client->receive().size(), 102u);
  };
  // How much is under way at once is the machine's: one window may still set a new high-water mark. An allocation that
  // a message costs is in every window.
  std::vector<std::uint64_t> counted;
  do {
    const std::uint64_t before = allocations.load();
    for (std::size_t i = 0; i < kRounds; i++) {
      round(*members[0].front());
      round(*members[1].front());
    }
    counted.push_back(allocations.load() - before);
  } while (counted.back() != 0 && counted.size() < kMaxWindows && !HasFailure());
  EXPECT_EQ(counted.back(), 0u) << testing::PrintToString(counted);
  EXPECT_EQ(counted.front() > 0, kCounts) << "what makes everything warm is not counted";
}

}  // namespace
}  // namespace brume

// What a room of one member costs, in resident memory of the process: the slope over 10,000 and 100,000 rooms with
// names of 16 bytes on one core; and that all of it goes back to the system once everyone has left.
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <malloc.h>
#include <string>
#include <unistd.h>

#include <gtest/gtest.h>

#include <brume/engine/core/pages.h>
#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>

namespace brume {
namespace {

#if defined(BRUME_ADDRESS_SANITIZER) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

constexpr std::size_t kFew = 10'000;
constexpr std::size_t kMany = 100'000;
constexpr std::size_t kMaxRoomBytes = 200;
// What may stay when all have left: one empty chunk of 64 KiB of rooms and one of memberships, and what lists of chunks
// grew to.
constexpr std::size_t kMaxLeftBytes = 256 * 1024;

std::size_t resident_bytes() {
  malloc_trim(0);  // what malloc keeps for itself is not the rooms'
  std::ifstream file("/proc/self/statm");
  std::size_t pages = 0;
  std::size_t resident = 0;
  file >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// 16 bytes.
std::string room_name(std::size_t number) {
  const std::string digits = std::to_string(number);
  return "room-" + std::string(11 - digits.size(), '0') + digits;
}

// One connection that is the one member of each of its rooms: joins until there are as many as it is told, or leaves
// until there are no more.
struct Lonely {
  std::size_t rooms = 0;
  std::size_t failures = 0;
  std::size_t counted = 0;  // rooms of the hub

  Task<> serve(Hub& hub, Connection& connection) {
    auto me = co_await hub.register_connection("lonely", connection);
    while (auto message = co_await connection.receive()) {
      const std::size_t wanted = std::stoul(std::string(message->text()));
      for (; rooms < wanted; rooms++) {
        auto joined = co_await me->join(room_name(rooms));
        if (!joined) failures++;
      }
      for (; rooms > wanted; rooms--) {
        auto left = co_await me->leave(room_name(rooms - 1));
        if (!left) failures++;
      }
      auto known = co_await hub.rooms();
      counted = known ? known->size() : 0;
    }
  }
};

TEST(RoomMemory, ARoomOfOneMemberCostsAtMost200BytesAndNothingOnceAllHaveLeft) {
  Simulator world{{.seed = 3, .cores = 1}};
  Server server{world};
  HubConfig config;
  config.max_rooms_per_connection = kMany;
  Hub hub(server, config);
  Lonely lonely;
  server.get("/", websocket([&](Connection& connection) { return lonely.serve(hub, connection); }));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto client = world.connect(server, "/");
  const auto resident_with = [&](std::size_t rooms) {
    client.send_text(std::to_string(rooms));
    world.run_until_idle();
    EXPECT_EQ(lonely.failures, 0u);
    EXPECT_EQ(lonely.counted, rooms);
    return resident_bytes();
  };
  (void)resident_with(100);
  const std::size_t baseline = resident_with(0);
  const std::size_t few = resident_with(kFew);
  const std::size_t many = resident_with(kMany);
  const std::size_t left = resident_with(0);
  const double slope = static_cast<double>(many - few) / static_cast<double>(kMany - kFew);
  std::printf("%.1f bytes a room; %.0f KiB stay of %.0f\n", slope,
              (static_cast<double>(left) - static_cast<double>(baseline)) / 1024,
              static_cast<double>(many - baseline) / 1024);
  if (kSanitized) GTEST_SKIP() << "a sanitizer has the memory";
  EXPECT_LE(slope, kMaxRoomBytes);
  EXPECT_LE(left, baseline + kMaxLeftBytes);
}

}  // namespace
}  // namespace brume

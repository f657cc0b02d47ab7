// What the hub's calls cost in the process itself, on the real backends: a counted broadcast to a room whose home is
// another core, joining and leaving, and rooms of one member. One line of key=value figures for each.
//
// usage: hub_bench [io_uring|epoll] [SCALE=1]     SCALE below 1 makes everything shorter
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <future>
#include <malloc.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/histogram.h>
#include <brume/bench/wsblast/meter.h>
#include <brume/engine/server.h>
#include <brume/hub/hub.h>

namespace {

using namespace std::chrono_literals;
using wsblast::now_ns;

constexpr std::size_t kBroadcasts = 20'000;
constexpr std::size_t kPairs = 20'000;     // of a join and a leave, of each connection
constexpr std::size_t kConnections = 64;   // that join and leave at once
constexpr std::size_t kOwnRooms = 16;      // in turn
constexpr std::size_t kFewRooms = 10'000;  // of one member
constexpr std::size_t kManyRooms = 100'000;

struct Setting {
  brume::io::Backend io;
  double scale;
  std::size_t scaled(std::size_t number) const {
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<double>(number) * scale));
  }
};

// A server and its hub; what is measured runs in the handler of each connection, on its core.
class Host {
 public:
  using Work = std::function<brume::Task<>(brume::Hub&, brume::Connection&)>;

  Host(const Setting& setting, std::size_t cores, std::chrono::microseconds busy_poll, Work work)
      : server_(config(setting, cores, busy_poll)), hub_(server_, hub_config()), work_(std::move(work)) {
    server_.get("/", brume::websocket([this](brume::Connection& connection) { return work_(hub_, connection); }));
    if (const auto listening = server_.listen("127.0.0.1:0"); !listening) give_up(listening.error().text);
    if (const auto started = server_.start(); !started) give_up(started.error().text);
  }

  std::vector<wsblast::Socket> connect(std::size_t count) const {
    wsblast::Options options;
    options.port = server_.address().port;
    return wsblast::Dialer(options).open(count);
  }

 private:
  [[noreturn]] static void give_up(const std::string& reason) {
    std::fprintf(stderr, "hub_bench: %s\n", reason.c_str());
    std::exit(2);
  }
  static brume::Config config(const Setting& setting, std::size_t cores, std::chrono::microseconds busy_poll) {
    brume::Config config;
    config.io = setting.io;
    config.cores = cores;
    config.busy_poll = busy_poll;
    config.slow_turn = 0ms;
    return config;
  }
  static brume::HubConfig hub_config() {
    brume::HubConfig config;
    config.max_rooms_per_connection = kManyRooms;
    return config;
  }

  brume::Server server_;
  brume::Hub hub_;
  Work work_;
};

// Whether an empty room's home is the core this is called on: then it answers at once.
bool at_home(brume::Hub& hub, const std::string& room) {
  auto answered = std::make_shared<bool>(false);
  hub.room_connection_count(room).then([answered](auto) { *answered = true; });
  return *answered;
}

// The first `count` rooms of that prefix whose home is this core, or is another.
std::vector<std::string> rooms_at(brume::Hub& hub, const std::string& prefix, std::size_t count, bool here) {
  std::vector<std::string> rooms;
  for (std::size_t i = 0; rooms.size() < count; i++) {
    std::string name = prefix + std::to_string(i);
    if (at_home(hub, name) == here) rooms.push_back(std::move(name));
  }
  return rooms;
}

// ---- a counted broadcast to a room whose home is another core, and whose one member is the one that asks

void counted_broadcasts(const Setting& setting, std::chrono::microseconds busy_poll) {
  wsblast::Histogram latency;
  std::promise<std::size_t> done;
  const std::size_t rounds = setting.scaled(kBroadcasts);
  const Host host(setting, 2, busy_poll, [&](brume::Hub& hub, brume::Connection& connection) -> brume::Task<> {
    auto me = co_await hub.register_connection("asks", connection);
    const std::string room = rooms_at(hub, "remote-", 1, false).front();
    (void)co_await me->join(room);
    std::size_t taken = 0;
    for (std::size_t i = 0; i < rounds; i++) {
      const std::uint64_t before = now_ns();
      auto count = co_await hub.broadcast_text_to_room(room, "ten bytes.", brume::counted);
      latency.add(now_ns() - before, 1);
      taken += count.value_or(0);
    }
    done.set_value(taken);
  });
  auto result = done.get_future();
  const auto client = host.connect(1);
  const std::size_t taken = result.get();
  std::printf("counted_broadcast home=remote cores=%s rounds=%zu taken=%zu p50_us=%.1f p99_us=%.1f\n",
              busy_poll == 0us ? "sleeping" : "busy_polling", rounds, taken, latency.percentile_us(0.5),
              latency.percentile_us(0.99));
}

// ---- join and leave, again and again, on both cores at once

void joins_and_leaves(const Setting& setting, bool home_here) {
  std::atomic<std::size_t> ready{0};
  std::atomic<std::size_t> finished{0};
  std::atomic<std::size_t> failed{0};
  std::atomic<bool> go{false};
  std::promise<void> done;
  const std::size_t pairs = setting.scaled(kPairs);
  const Host host(setting, 2, 0us, [&](brume::Hub& hub, brume::Connection& connection) -> brume::Task<> {
    const std::string id = std::to_string(connection.id());
    auto me = co_await hub.register_connection(id, connection);
    const std::vector<std::string> rooms = rooms_at(hub, id + "-", kOwnRooms, home_here);
    ready++;
    while (!go) (void)co_await brume::sleep(1ms);
    for (std::size_t i = 0; i < pairs; i++) {
      auto joined = co_await me->join(rooms[i % kOwnRooms]);
      auto left = co_await me->leave(rooms[i % kOwnRooms]);
      if (!joined || !left) failed++;
    }
    if (++finished == kConnections) done.set_value();
  });
  auto result = done.get_future();
  const auto clients = host.connect(kConnections);
  while (ready != kConnections) std::this_thread::sleep_for(1ms);
  const std::uint64_t before = now_ns();
  go = true;
  result.wait();
  const double seconds = static_cast<double>(now_ns() - before) / 1e9;
  std::printf("join_and_leave home=%s pairs_per_s_and_core=%.0f failed=%zu\n", home_here ? "local" : "remote",
              static_cast<double>(pairs * kConnections) / 2 / seconds, failed.load());
}

// ---- rooms of one member, on one core

struct RoomFigures {
  double seconds;
  double resident;
};

constexpr std::size_t kRoomRounds = 9;

double median(std::array<double, kRoomRounds> values) {
  std::ranges::sort(values);
  return values[kRoomRounds / 2];
}

std::string room_of_16_bytes(std::size_t number) {
  const std::string digits = std::to_string(number);
  return "room-" + std::string(11 - digits.size(), '0') + digits;
}

double resident_bytes() {
  malloc_trim(0);  // what malloc keeps for itself is not the rooms'
  return static_cast<double>(wsblast::resident_bytes_of(getpid()).value_or(0));
}

void rooms_of_one_member(const Setting& setting) {
  const std::size_t few = setting.scaled(kFewRooms);
  const std::size_t many = setting.scaled(kManyRooms);
  std::promise<void> done;
  RoomFigures baseline{};
  RoomFigures with_few{};
  RoomFigures with_many{};
  RoomFigures after{};
  const Host host(setting, 1, 0us, [&](brume::Hub& hub, brume::Connection& connection) -> brume::Task<> {
    auto me = co_await hub.register_connection("lonely", connection);
    std::size_t rooms = 0;
    const auto measure = [&](RoomFigures& figures, std::size_t wanted) -> brume::Task<> {
      const std::uint64_t before = now_ns();
      for (; rooms < wanted; rooms++) (void)co_await me->join(room_of_16_bytes(rooms));
      for (; rooms > wanted; rooms--) (void)co_await me->leave(room_of_16_bytes(rooms - 1));
      figures = {static_cast<double>(now_ns() - before) / 1e9, resident_bytes()};
    };
    RoomFigures warm{};
    co_await measure(warm, few / 10);
    co_await measure(baseline, 0);
    std::array<double, kRoomRounds> few_seconds{}, many_seconds{};
    for (std::size_t i = 0; i < kRoomRounds; i++) {
      co_await measure(with_few, few);
      few_seconds[i] = with_few.seconds;
      co_await measure(after, 0);
      co_await measure(with_many, many);
      many_seconds[i] = with_many.seconds;
      co_await measure(after, 0);
    }
    with_few.seconds = median(few_seconds);
    with_many.seconds = median(many_seconds);
    done.set_value();
  });
  auto result = done.get_future();
  const auto client = host.connect(1);
  result.wait();
  std::printf("rooms_of_one_member rooms=%zu,%zu bytes_a_room=%.1f left_over_kb=%.0f seconds=%.4f,%.4f ratio=%.1f\n",
              few, many, (with_many.resident - with_few.resident) / static_cast<double>(many - few),
              (after.resident - baseline.resident) / 1024, with_few.seconds, with_many.seconds,
              with_many.seconds / with_few.seconds);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  const std::string_view backend = arguments.size() > 1 ? arguments[1] : "io_uring";
  if (backend != "io_uring" && backend != "epoll") {
    std::fprintf(stderr, "usage: hub_bench [io_uring|epoll] [SCALE]\n");
    return 2;
  }
  const Setting setting{backend == "epoll" ? brume::io::Backend::epoll : brume::io::Backend::io_uring,
                        arguments.size() > 2 ? std::atof(arguments[2]) : 1.0};
  // Memory first, while malloc has seen little.
  rooms_of_one_member(setting);
  counted_broadcasts(setting, 0us);
  counted_broadcasts(setting, 1000us);
  joins_and_leaves(setting, true);
  joins_and_leaves(setting, false);
  return 0;
}

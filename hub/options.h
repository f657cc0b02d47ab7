// options.h: what a hub and a broadcast can be told. Plain data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include <brume/engine/config.h>

namespace brume {

enum class SameId : std::uint8_t {
  replace,  // the older connection is closed with 4000 "replaced" and leaves its rooms
  reject,   // the newer registration fails with id_taken
};

// Checked by Server::listen(), and by start() where the hub is made between the two; see validate().
struct HubConfig {
  SlowConsumerPolicy policy = SlowConsumerPolicy::drop_newest;  // of rooms without a policy of their own
  SameId on_same_id = SameId::replace;
  std::uint32_t max_rooms_per_connection = 1000;
  // 0: none. With it each join asks the room's home, which otherwise only a core's first one does, and counts as a
  // member while it is on its way.
  std::uint32_t max_members_per_room = 0;
  std::size_t max_name_size = 256;          // bytes of an id or a room's name; at most 65535
  std::uint32_t max_room_policies = 4096;   // rooms with a policy of their own, for each core
  std::uint32_t max_pending_calls = 65536;  // calls that wait for an answer, for each core
  // Broadcasts that wait for room in another core's mailbox, for each pair of cores; then hub_overloaded.
  std::uint32_t max_waiting_broadcasts = 4096;
};

// The first field out of range, or nothing.
std::optional<SystemError> validate(const HubConfig& config);

// Trivially destructible, so that it may be written in place inside a co_await expression (g++ 12).
struct BroadcastOptions {
  std::uint64_t except = 0;                    // Connection::id() of the one that does not get it; 0: none
  std::optional<SlowConsumerPolicy> policy{};  // instead of the room's or the hub's
  std::string_view key{};                      // latest_only: what it is the newest of; empty: of the room
};

// Asks a broadcast for the number of connections that took it.
struct Counted {};
inline constexpr Counted counted{};

}  // namespace brume

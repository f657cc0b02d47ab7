// registration.h: what registering a connection with a hub gives: the right to join rooms, and the registration's end.
//
// A value. Its end unregisters this registration and never a newer one of the same id; so does the connection's end,
// after which the value does nothing any more. It may end on any thread and outlive hub and server; everything else is
// called on the connection's core.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <brume/engine/core/gate_ref.h>

namespace brume {

namespace connection {
struct CoreContext;
}
template <class T>
class HubCall;

class Registration {
 public:
  Registration() = default;
  Registration(Registration&& other) noexcept
      : gate_(std::move(other.gate_)), context_(std::exchange(other.context_, nullptr)), place_(other.place_) {}
  Registration& operator=(Registration&& other) noexcept {
    std::swap(gate_, other.gate_);
    std::swap(context_, other.context_);
    std::swap(place_, other.place_);
    return *this;
  }
  ~Registration() { end(); }

  // Becomes a member of the room, which is made where there is none: what is sent to the room after the call has
  // returned is received. Being a member already is no error. Errors: unknown_connection (the registration has ended),
  // too_many_rooms, room_full, name_too_long, invalid_argument (no name), stopping, out_of_memory,
  // wrong_thread.
  HubCall<void> join(std::string_view room);
  // Once the call has been made no later broadcast to the room enters the connection's outbox; a room without members
  // is gone. Errors: unknown_connection, not_a_member, stopping, wrong_thread.
  HubCall<void> leave(std::string_view room);

  // Unregisters now: the connection leaves its rooms and stays open.
  void end();

  // Where its core keeps it. For the hub.
  struct Place {
    std::uint32_t extension = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
  };
  Registration(core::GateRef gate, connection::CoreContext& context, Place place)
      : gate_(std::move(gate)), context_(&context), place_(place) {}

 private:
  core::GateRef gate_;
  connection::CoreContext* context_ = nullptr;  // used only where it is the current core's
  Place place_;
};

}  // namespace brume

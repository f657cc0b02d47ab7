// room.h: what a core keeps of a room, of its members, and of who registered with it.
//
// A Room stands on every core that has members of it, and on its home. On the home it also knows the other cores that
// have members, each with the name its room has there: slot and generation, which is the epoch of that core's part in
// the room. All of it belongs to one shard and its thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <brume/engine/config.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/tape.h>
#include <brume/engine/connection/watcher.h>
#include <brume/engine/io/io.h>
#include <brume/hub/name.h>
#include <brume/hub/reply_to.h>

namespace brume::hub {

class Shard;
struct Room;
struct Member;

// Slot and generation of something in another core's slab (or this one's).
struct Place {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  // 0: nothing
  friend bool operator==(Place, Place) = default;
};

// One member of one room.
struct Membership {
  Room* room;
  Member* member;
  std::uint32_t index = 0;      // in the room's list
  std::uint32_t joined_at = 0;  // messages of this turn's tape that came before it
  Membership* next = nullptr;   // of the same member
  Membership** place = nullptr;
};

// The room's list: one member inside, more in an array from the core's frame pool.
class MemberList {
 public:
  MemberList() = default;
  ~MemberList();
  MemberList(const MemberList&) = delete;
  MemberList& operator=(const MemberList&) = delete;

  std::uint32_t size() const { return size_; }
  Membership* operator[](std::uint32_t i) const { return capacity_ == 0 ? only_ : many_[i]; }
  // May throw std::bad_alloc; then nothing changed.
  void add(Membership& membership, core::FramePool& frames);
  // The last one takes its place.
  void remove(Membership& membership) noexcept;

 private:
  union {
    Membership* only_ = nullptr;
    Membership** many_;
  };
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;  // 0: inside
};

// What a room's home knows of another core.
struct RemoteCore {
  std::uint16_t core;
  Place room;
  std::uint32_t members;  // kept only under max_members_per_room
};

// A turn's broadcasts to a room on one core, and who wants to know how many took which.
struct OpenTape : connection::Tape {
  using Tape::Tape;
  Room* room = nullptr;  // null once the room has gone within the turn
  struct Counting {
    std::uint32_t entry;
    ReplyTo reply;
  };
  std::vector<Counting> counting;
};

struct Room {
  Room(const HashedName& asked, core::FramePool& frames) : name(asked.text, frames), hash(asked.hash) {}

  Name name;
  std::uint64_t hash;
  MemberList members;
  OpenTape* tape = nullptr;                         // of this turn
  std::unique_ptr<std::vector<RemoteCore>> remote;  // on the home: other cores with members
  Place place;                                      // its own
  Place at_home;                                    // elsewhere: its place on the home, once that has answered a join
  std::uint32_t joining = 0;                        // joins that wait for the home
  std::optional<SlowConsumerPolicy> policy;         // on the home
};

// A registered connection, on its own core.
struct Member final : connection::Watcher {
  Member(Shard& s, connection::Session& c, io::Token l, const HashedName& asked, core::FramePool& frames)
      : shard(s), session(&c), link(l), id(asked.text, frames), hash(asked.hash) {}

  void on_connection_ended() noexcept override;

  enum class State : std::uint8_t {
    asking,  // the id's home has not answered
    active,
    ending,  // over, but the id's home has not answered yet
  };

  Shard& shard;
  connection::Session* session;  // null while ending
  io::Token link;
  Name id;
  std::uint64_t hash;
  Place place;                   // its own
  Place entry;                   // of its id on the id's home, once that has answered
  Membership* rooms = nullptr;   // those it is in
  std::uint32_t room_count = 0;  // and those it is about to join
  State state = State::asking;
  // Its end was asked for while an older holder of its id had not ended: who is told once both have (see EndMember).
  bool next_registers = false;  // or it was unregistered
  std::uint16_t next_core = 0;
  Place next{};                   // generation 0: nobody
  Membership all{nullptr, this};  // of the list of all
  ReplyTo reply{};                // while asking: the call that registers
};

// An id, on its home.
struct IdEntry {
  IdEntry(const HashedName& asked, core::FramePool& frames) : name(asked.text, frames), hash(asked.hash) {}

  Name name;
  std::uint64_t hash;
  std::uint16_t core = 0;  // of whoever holds it
  Place member;            // on that core: the epoch of this registration
  io::Token link{0, 0};
  Place place;  // its own
};

struct HashOfRoom {
  std::uint64_t operator()(const Room& room) const { return room.hash; }
};
struct HashOfId {
  std::uint64_t operator()(const IdEntry& entry) const { return entry.hash; }
};
// By member and room; both are hashed by a key nobody knows.
struct HashOfMembership {
  static std::uint64_t of(const Room& room, const Member& member) {
    const std::uint64_t mixed = (room.hash ^ (member.hash << 31 | member.hash >> 33)) * 0x9E3779B97F4A7C15u;
    return mixed ^ mixed >> 32;
  }
  static void prefetch(const Membership& membership) { __builtin_prefetch(&membership.room->hash); }
  std::uint64_t operator()(const Membership& membership) const { return of(*membership.room, *membership.member); }
};

}  // namespace brume::hub

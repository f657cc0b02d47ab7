// messages.h: what shards ask of each other. Each is copied into an envelope; what it refers to is released by its one
// receipt, or by release() where the receiver is gone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <brume/engine/error.h>
#include <brume/engine/io/io.h>
#include <brume/hub/parcel.h>
#include <brume/hub/reply_to.h>
#include <brume/hub/room.h>

namespace brume::hub {

inline constexpr std::uint8_t kNoError = 0xFF;
inline std::uint8_t pack_error(std::optional<Error> error) {
  return error ? static_cast<std::uint8_t>(*error) : kNoError;
}
inline std::optional<Error> unpack_error(std::uint8_t error) {
  if (error == kNoError) return std::nullopt;
  return static_cast<Error>(error);
}

// ---- ids

// To the id's home: `member` of `core` takes the id in the parcel's name.
struct Register {
  Parcel* id;
  Place member;
  io::Token link;
  std::uint16_t core;
  void release() const noexcept { id->release(); }
};
// To the member's core: what came of it.
struct Registered {
  Place member;
  Place entry;
  std::uint8_t error;
  void release() const noexcept {}
};
// To the id's home: this registration has ended.
struct Unregister {
  Place entry;
  Place member;
  std::uint16_t core;
  void release() const noexcept {}
};
// To the core of an id's holder: its registration is over.
struct EndMember {
  enum class Why : std::uint8_t {
    replaced,      // by `next` of `core`, whose call is then answered
    unregistered,  // by a call that is then answered: `next` is its place
  };
  Place member;
  Place next;
  Place entry;
  std::uint16_t core;
  Why why;
  void release() const noexcept {}
};
// From another thread than its core's: a registration has ended.
struct EndRegistration {
  Place member;
  void release() const noexcept {}
};
// To the id's home, about the holder of the id in the parcel's name; the answer goes to the parcel's `reply`.
struct AskId {
  enum class What : std::uint8_t { find, unregister, join, leave };  // join, leave: the room is the parcel's body
  Parcel* id;
  What what;
  void release() const noexcept { id->release(); }
};
// To the core of the id's holder.
struct AskMember {
  Parcel* parcel;  // its body: the room
  Place member;
  AskId::What what;  // join or leave
  void release() const noexcept { parcel->release(); }
};

// From a thread that is in no shard: calls the function there; with null where there is no shard any more.
struct RunErrand {
  std::function<void(Shard*)>* f;  // owned
  void release() const noexcept {
    (*f)(nullptr);
    delete f;
  }
};

// ---- rooms

// To the room's home: `room` of `core` gets a member; the answer is for that member and goes on to `reply`.
struct Join {
  Parcel* parcel;  // its name: the room; its reply: the call
  Place room;
  Place member;
  std::uint16_t core;
  void release() const noexcept { parcel->release(); }
};
struct Joined {
  Place room;
  Place at_home;
  Place member;
  ReplyTo reply;
  std::uint8_t error;
  void release() const noexcept {}
};
// To the room's home: `room` of `core` has lost members; all of them where `gone`.
struct Left {
  Place at_home;
  Place room;
  std::uint32_t members;
  std::uint16_t core;
  bool gone;
  void release() const noexcept {}
};
struct SetPolicy {
  Parcel* room;
  void release() const noexcept { room->release(); }
};

// ---- broadcasts: to the room's home, then to each core with members. No name: to all connections.

struct Broadcast {
  Parcel* parcel;
  void release() const noexcept { parcel->release(); }
};
struct Deliver {
  Parcel* parcel;
  Place room;  // generation 0: all connections
  SlowConsumerPolicy policy;
  void release() const noexcept { parcel->release(); }
};

// ---- questions

enum class Question : std::uint8_t { count, names };

// To the room's home, then to each core with members.
struct AskRoom {
  Parcel* room;
  Question question;
  void release() const noexcept { room->release(); }
};
struct AskMembers {
  Place room;
  ReplyTo reply;
  Question question;
  void release() const noexcept {}
};
// To every core: its connections (count), or the rooms at home there (names).
struct AskCore {
  ReplyTo reply;
  Question question;
  void release() const noexcept {}
};

// ---- answers, to the call's core

struct Reply {
  ReplyTo to;
  std::uint64_t number;
  std::vector<std::string>* names;  // owned; null: none
  std::uint8_t error;
  void release() const noexcept { delete names; }
};
// How many parts the answer has.
struct Expect {
  ReplyTo to;
  std::uint32_t parts;
  void release() const noexcept {}
};
struct Found {
  ReplyTo to;
  io::Token link;
  std::uint16_t core;
  void release() const noexcept {}
};

}  // namespace brume::hub

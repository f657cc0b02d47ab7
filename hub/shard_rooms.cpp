// Rooms: joining and leaving, on the member's core and on the room's home.
#include <algorithm>
#include <cassert>
#include <new>

#include <brume/hub/shard.h>

namespace brume::hub {

Room* Shard::find_room(const HashedName& name) {
  return room_table_.find(name.hash, [&](const Room& room) { return room.name.text() == name.text; });
}

Room& Shard::make_room(const HashedName& name) {
  const auto made = rooms_.emplace(name, context_.reactor.frames());
  if (!made.object) throw std::bad_alloc();
  Room& room = *made.object;
  room.place = {made.slot, made.generation};
  try {
    room_table_.insert(room);
  } catch (...) {
    rooms_.erase(made.slot, made.generation);
    throw;
  }
  if (home(name.hash) == index_) {
    if (const Policy* policy = find_policy(name)) room.policy = policy->policy;
  }
  return room;
}

void Shard::drop_if_empty(Room& room) {
  if (room.members.size() != 0 || room.joining != 0 || (room.remote && !room.remote->empty())) return;
  if (room.tape) room.tape->room = nullptr;
  const std::size_t room_home = home(room.hash);
  const Left left{room.at_home, room.place, 0, static_cast<std::uint16_t>(index_), true};
  room_table_.erase(room);
  rooms_.erase(room.place.slot, room.place.generation);
  if (room_home != index_ && left.at_home.generation != 0) tell(room_home, left);
}

Membership* Shard::find_membership(const Room& room, const Member& member) const {
  return membership_table_.find(HashOfMembership::of(room, member), [&](const Membership& membership) {
    return membership.room == &room && membership.member == &member;
  });
}

void Shard::add_membership(Room& room, Member& member) {
  core::FramePool& frames = context_.reactor.frames();
  auto* membership = new (frames.allocate(sizeof(Membership))) Membership{&room, &member};
  bool listed = false;
  try {
    room.members.add(*membership, frames);
    listed = true;
    membership_table_.insert(*membership);
  } catch (...) {
    if (listed) room.members.remove(*membership);
    core::FramePool::deallocate(membership);
    throw;
  }
  membership->joined_at = room.tape ? room.tape->size() : 0;
  membership->next = member.rooms;
  membership->place = &member.rooms;
  if (member.rooms) member.rooms->place = &membership->next;
  member.rooms = membership;
}

void Shard::remove_membership(Membership& membership) {
  Room& room = *membership.room;
  // What was laid down while it was a member is its own still.
  deliver_to(membership);
  room.members.remove(membership);
  membership_table_.erase(membership);
  *membership.place = membership.next;
  if (membership.next) membership.next->place = membership.place;
  membership.member->room_count--;
  core::FramePool::deallocate(&membership);
  const std::size_t room_home = home(room.hash);
  if (limited() && room_home != index_ && (room.members.size() != 0 || room.joining != 0)) {
    tell(room_home, Left{room.at_home, room.place, 1, static_cast<std::uint16_t>(index_), false});
  }
  drop_if_empty(room);
}

bool Shard::full(const Room& room) const {
  if (!limited()) return false;
  std::size_t members = room.members.size();
  if (room.remote)
    for (const RemoteCore& remote : *room.remote) members += remote.members;
  return members >= options_.config.max_members_per_room;
}

// ---- on the member's core

Started Shard::join(Place place, std::string_view room) {
  Member* member = members_.find(place.slot, place.generation);
  if (!member) return Started::failed(Error::unknown_connection);
  if (!good_name(room)) return Started::failed(Error::name_too_long);
  if (room.empty()) return Started::failed(Error::invalid_argument);
  return start(1, [&](ReplyTo to) { join(*member, hash(room), to); });
}

void Shard::join(Member& member, const HashedName& name, ReplyTo to) {
  Room* room = find_room(name);
  if (room && find_membership(*room, member)) return reply(to, std::nullopt);
  if (member.room_count >= options_.config.max_rooms_per_connection) return reply(to, Error::too_many_rooms);
  const std::size_t room_home = home(name.hash);
  const bool ask = room_home != index_ && (limited() || !room || room->at_home.generation == 0);
  ParcelPtr asked = ask ? parcel(name) : nullptr;
  if (!room) room = &make_room(name);
  if (ask) {
    room->joining++;
    member.room_count++;
    asked->reply = to;
    return tell(room_home, Join{asked.release(), room->place, member.place, static_cast<std::uint16_t>(index_)});
  }
  if (room_home == index_ && full(*room)) return reply(to, Error::room_full);
  try {
    add_membership(*room, member);
  } catch (...) {
    drop_if_empty(*room);
    throw;
  }
  member.room_count++;
  reply(to, std::nullopt);
}

void Shard::receive(const Joined& message) {
  Room* room = rooms_.find(message.room.slot, message.room.generation);
  assert(room && room->joining != 0);
  room->joining--;
  std::optional<Error> error = unpack_error(message.error);
  if (!error) room->at_home = message.at_home;
  Member* member = members_.find(message.member.slot, message.member.generation);
  const bool there = member && member->state != Member::State::ending;
  const bool twice = there && find_membership(*room, *member);
  bool counts = false;
  if (!error && there && !twice) {
    try {
      add_membership(*room, *member);
      counts = true;
    } catch (const std::bad_alloc&) {
      error = Error::out_of_memory;
    }
  } else if (!error && !there) {
    error = Error::unknown_connection;
  }
  if (member && !counts) member->room_count--;
  if (limited() && message.error == kNoError && !counts) {
    tell(home(room->hash), Left{room->at_home, room->place, 1, static_cast<std::uint16_t>(index_), false});
  }
  drop_if_empty(*room);
  reply(message.reply, error);
}

Started Shard::leave(Place place, std::string_view room) {
  Member* member = members_.find(place.slot, place.generation);
  if (!member) return Started::failed(Error::unknown_connection);
  if (!good_name(room)) return Started::failed(Error::not_a_member);
  if (detached_) return Started::failed(Error::stopping);
  Started started;
  started.answer.error = leave(*member, hash(room));
  return started;
}

std::optional<Error> Shard::leave(Member& member, const HashedName& name) {
  const Room* room = find_room(name);
  Membership* membership = room ? find_membership(*room, member) : nullptr;
  if (!membership) return Error::not_a_member;
  remove_membership(*membership);
  return std::nullopt;
}

// ---- on the room's home

void Shard::receive(const Join& message) {
  const ParcelPtr asked(message.parcel);
  const auto answer = [&](Place at_home, std::optional<Error> error) {
    tell(message.core, Joined{message.room, at_home, message.member, asked->reply, pack_error(error)});
  };
  Room* room = nullptr;
  try {
    const HashedName name{asked->name(), asked->hash};
    room = find_room(name);
    if (room && full(*room)) return answer({}, Error::room_full);
    if (!room) room = &make_room(name);
    if (!room->remote) room->remote = std::make_unique<std::vector<RemoteCore>>();
    const auto known = std::ranges::find(*room->remote, message.core, &RemoteCore::core);
    if (known == room->remote->end()) {
      room->remote->push_back({message.core, message.room, 1});
    } else {
      assert(known->room == message.room);  // the end of its part's earlier life came first
      known->members++;
    }
  } catch (const std::bad_alloc&) {
    if (room) drop_if_empty(*room);
    return answer({}, Error::out_of_memory);
  }
  answer(room->place, std::nullopt);
}

void Shard::receive(const Left& message) {
  Room* room = rooms_.find(message.at_home.slot, message.at_home.generation);
  if (!room || !room->remote) return;
  const auto known = std::ranges::find(*room->remote, message.core, &RemoteCore::core);
  if (known == room->remote->end() || !(known->room == message.room)) return;
  if (message.gone) {
    room->remote->erase(known);
    drop_if_empty(*room);
  } else {
    known->members -= message.members;
  }
}

Started Shard::set_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy) {
  if (!good_name(room)) return Started::failed(Error::name_too_long);
  return start(1, [&](ReplyTo to) {
    const HashedName name = hash(room);
    ParcelPtr asked = parcel(name);
    asked->reply = to;
    asked->policy = policy ? static_cast<std::uint8_t>(*policy) : kNoPolicy;
    tell(home(name.hash), SetPolicy{asked.release()});
  });
}

void Shard::receive(const SetPolicy& message) {
  const ParcelPtr asked(message.room);
  const bool none = asked->policy == kNoPolicy;
  const HashedName name{asked->name(), asked->hash};
  if (!none && !find_policy(name) && policies_.size() >= options_.config.max_room_policies) {
    return reply(asked->reply, Error::out_of_memory);
  }
  std::optional<Error> error;
  try {
    set_policy(name, none ? std::nullopt : std::optional(static_cast<SlowConsumerPolicy>(asked->policy)));
  } catch (const std::bad_alloc&) {
    error = Error::out_of_memory;
  }
  reply(asked->reply, error);
}

Shard::Policy* Shard::find_policy(const HashedName& room) const {
  return policies_.find(room.hash, [&](const Policy& policy) { return policy.name.text() == room.text; });
}

void Shard::set_policy(const HashedName& name, std::optional<SlowConsumerPolicy> policy) {
  Policy* known = find_policy(name);
  if (policy && !known) {
    auto made = std::make_unique<Policy>(name, context_.reactor.frames());
    policies_.insert(*made);
    known = made.release();
  }
  if (policy) {
    known->policy = *policy;
  } else if (known) {
    policies_.erase(*known);
    delete known;
  }
  if (Room* room = find_room(name)) room->policy = policy;
}

}  // namespace brume::hub

// Ids: who holds which, on the id's home; registrations, on the connection's core.
#include <new>

#include <brume/engine/connection/link.h>
#include <brume/hub/shard.h>

namespace brume::hub {

namespace {
constexpr std::uint16_t kReplaced = 4000;  // close code
}

void Member::on_connection_ended() noexcept {
  shard.end_member(*this);
}

IdEntry* Shard::find_id(const HashedName& id) {
  return id_table_.find(id.hash, [&](const IdEntry& entry) { return entry.name.text() == id.text; });
}

IdEntry& Shard::make_id(const HashedName& id) {
  const auto made = ids_.emplace(id, context_.reactor.frames());
  if (!made.object) throw std::bad_alloc();
  made.object->place = {made.slot, made.generation};
  try {
    id_table_.insert(*made.object);
  } catch (...) {
    ids_.erase(made.slot, made.generation);
    throw;
  }
  return *made.object;
}

void Shard::erase_id(IdEntry& entry) {
  id_table_.erase(entry);
  ids_.erase(entry.place.slot, entry.place.generation);
}

Member*& Shard::member_of_link(std::uint32_t slot) {
  if (slot >= by_link_.size()) by_link_.resize(slot + 1);
  return by_link_[slot];
}

// ---- on the id's home

void Shard::receive(const Register& message) {
  const ParcelPtr id(message.id);
  const HashedName name{id->name(), id->hash};
  IdEntry* entry = find_id(name);
  if (!entry) {
    try {
      entry = &make_id(name);
    } catch (const std::bad_alloc&) {
      return tell(message.core, Registered{message.member, {}, pack_error(Error::out_of_memory)});
    }
    entry->core = message.core;
    entry->member = message.member;
    entry->link = message.link;
    return tell(message.core, Registered{message.member, entry->place, kNoError});
  }
  if (options_.config.on_same_id == SameId::reject) {
    return tell(message.core, Registered{message.member, {}, pack_error(Error::id_taken)});
  }
  // From here on the id is the newer one's; its call returns once the older one's core has ended what it had.
  const std::uint16_t old_core = std::exchange(entry->core, message.core);
  const Place old_member = std::exchange(entry->member, message.member);
  entry->link = message.link;
  tell(old_core, EndMember{old_member, message.member, entry->place, message.core, EndMember::Why::replaced});
}

void Shard::receive(const Unregister& message) {
  IdEntry* entry = ids_.find(message.entry.slot, message.entry.generation);
  // A newer holder is left alone.
  if (entry && entry->core == message.core && entry->member == message.member) erase_id(*entry);
}

void Shard::receive(const AskId& message) {
  ParcelPtr id(message.id);
  IdEntry* entry = find_id({id->name(), id->hash});
  if (!entry) {
    if (message.what == AskId::What::find) return reply(id->reply, std::nullopt);
    return reply(id->reply, Error::unknown_connection);
  }
  switch (message.what) {
    case AskId::What::find:
      return tell(id->reply.core, Found{id->reply, entry->link, entry->core});
    case AskId::What::unregister: {
      const EndMember end{
          entry->member, {id->reply.slot, id->reply.generation}, {}, id->reply.core, EndMember::Why::unregistered};
      const std::uint16_t core = entry->core;
      erase_id(*entry);
      return tell(core, end);
    }
    case AskId::What::join:
    case AskId::What::leave:
      const std::uint16_t core = entry->core;
      return tell(core, AskMember{id.release(), entry->member, message.what});
  }
}

// ---- on the member's core

Started Shard::register_connection(std::string_view id, connection::Session& session) {
  if (!good_name(id)) return Started::failed(Error::name_too_long);
  // A room's tape holds a server's frames, which a client may not send.
  if (id.empty() || session.is_client()) return Started::failed(Error::invalid_argument);
  if (&session.context() != &context_) return Started::failed(Error::wrong_thread);
  const std::optional<io::Token> link = session.link();
  if (session.ended() || !link) return Started::failed(Error::connection_closed);
  return start(1, [&](ReplyTo to) {
    Member*& known = member_of_link(link->slot);
    if (known) return reply(to, Error::already_registered);
    const HashedName name = hash(id);
    ParcelPtr asked = parcel(name);
    const auto made = members_.emplace(*this, session, *link, name, context_.reactor.frames());
    if (!made.object) throw std::bad_alloc();
    Member& member = *made.object;
    member.place = {made.slot, made.generation};
    member.reply = to;
    try {
      session.watch(member);
    } catch (...) {
      members_.erase(made.slot, made.generation);
      throw;
    }
    known = &member;
    tell(home(name.hash), Register{asked.release(), member.place, *link, static_cast<std::uint16_t>(index_)});
  });
}

void Shard::receive(const Registered& message) {
  Member* member = members_.find(message.member.slot, message.member.generation);
  if (!member) return;
  const ReplyTo call = member->reply;
  member->entry = message.entry;
  std::optional<Error> error = unpack_error(message.error);
  if (!error && member->state == Member::State::asking) {
    try {
      activate(*member);
      return reply_registered(call, member->place);
    } catch (const std::bad_alloc&) {
      error = Error::out_of_memory;
    }
  }
  // It did not get the id, or what the id was for has ended meanwhile.
  let_go(*member);
  const Unregister over{member->entry, member->place, static_cast<std::uint16_t>(index_)};
  const EndMember end{member->place, member->next, member->entry, member->next_core,
                      member->next_registers ? EndMember::Why::replaced : EndMember::Why::unregistered};
  const std::size_t id_home = home(member->hash);
  members_.erase(member->place.slot, member->place.generation);
  if (message.error == kNoError) tell(id_home, over);
  if (end.next.generation != 0) tell_ended(end);
  if (error) return reply(call, error);
  // Somebody has unregistered the id since: then it was registered, and its registration has ended already.
  if (end.next.generation != 0 && end.why == EndMember::Why::unregistered) return reply_registered(call, end.member);
  reply(call, Error::connection_closed);
}

void Shard::reply_registered(ReplyTo call, Place member) {
  if (Pending* pending = pending_.find(call.slot, call.generation)) {
    pending->answer.registration =
        Registration(context_.reactor.gate_ref(), context_, {number_, member.slot, member.generation});
  }
  reply(call, std::nullopt);
}

void Shard::activate(Member& member) {
  all_.members.add(member.all, context_.reactor.frames());
  member.all.room = &all_;
  member.all.joined_at = all_.tape ? all_.tape->size() : 0;
  member.state = Member::State::active;
}

// Takes the member out of everything it is in; its connection is not known here any more.
void Shard::let_go(Member& member) {
  while (member.rooms) remove_membership(*member.rooms);
  if (member.state == Member::State::active) {
    deliver_to(member.all);
    all_.members.remove(member.all);
  }
  if (!member.session) return;
  std::exchange(member.session, nullptr)->unwatch(member);
  member_of_link(member.link.slot) = nullptr;
}

void Shard::end_member(Member& member, bool tell_home) {
  if (member.state == Member::State::ending) return;
  let_go(member);
  if (member.state == Member::State::asking) {
    member.state = Member::State::ending;  // until the id's home has answered
    return;
  }
  const Unregister over{member.entry, member.place, static_cast<std::uint16_t>(index_)};
  const std::size_t id_home = home(member.hash);
  members_.erase(member.place.slot, member.place.generation);
  if (tell_home) tell(id_home, over);
}

void Shard::end_registration(Place place) {
  if (Member* member = members_.find(place.slot, place.generation)) end_member(*member, true);
}

void Shard::receive(const EndRegistration& message) {
  end_registration(message.member);
}

void Shard::receive(const EndMember& message) {
  Member* member = members_.find(message.member.slot, message.member.generation);
  connection::Session* session = member ? member->session : nullptr;
  const bool waits = member && member->state != Member::State::active;
  if (member) end_member(*member, false);
  if (session && message.why == EndMember::Why::replaced) (void)session->close(kReplaced, "replaced");
  if (!waits) return tell_ended(message);
  // An older holder of the id may be in its rooms still: whoever comes next waits for that one too.
  member->next = message.next;
  member->next_core = message.core;
  member->next_registers = message.why == EndMember::Why::replaced;
}

void Shard::tell_ended(const EndMember& end) {
  if (end.why == EndMember::Why::unregistered) {
    return reply({end.next.slot, end.next.generation, end.core}, std::nullopt);
  }
  tell(end.core, Registered{end.next, end.entry, kNoError});
}

void Shard::receive(const AskMember& message) {
  const ParcelPtr asked(message.parcel);
  const ReplyTo to = asked->reply;
  Member* member = members_.find(message.member.slot, message.member.generation);
  if (!member || member->state == Member::State::ending) return reply(to, Error::unknown_connection);
  const HashedName room = hash(asked->body());
  if (message.what == AskId::What::leave) return reply(to, leave(*member, room));
  try {
    join(*member, room, to);
  } catch (const std::bad_alloc&) {
    reply(to, Error::out_of_memory);
  }
}

}  // namespace brume::hub

// Calls: how they wait for their answers, and the questions about connections and rooms.
#include <cassert>
#include <new>
#include <utility>

#include <brume/hub/shard.h>

namespace brume::hub {

ParcelPtr Shard::parcel(const HashedName& name, std::string_view body, std::size_t frame_size) {
  ParcelPtr made(parcels_->make(name.text, body, frame_size));
  made->hash = name.hash;
  return made;
}

void Shard::reply(ReplyTo to, std::optional<Error> error, std::uint64_t number, std::vector<std::string>* names) {
  tell(to.core, Reply{to, number, names, pack_error(error)});
}

void Shard::receive(const Reply& message) {
  const std::unique_ptr<std::vector<std::string>> names(message.names);
  Pending* pending = pending_.find(message.to.slot, message.to.generation);
  if (!pending) return;
  Answer& answer = pending->answer;
  if (!answer.error) answer.error = unpack_error(message.error);
  answer.number += message.number;
  if (names) {
    if (answer.names.empty()) {
      answer.names = std::move(*names);
    } else {
      answer.names.insert(answer.names.end(), std::make_move_iterator(names->begin()),
                          std::make_move_iterator(names->end()));
    }
  }
  pending->received++;
  finish_if_complete(*pending);
}

void Shard::receive(const Expect& message) {
  Pending* pending = pending_.find(message.to.slot, message.to.generation);
  if (!pending) return;
  pending->expected = message.parts;
  finish_if_complete(*pending);
}

void Shard::receive(const Found& message) {
  Pending* pending = pending_.find(message.to.slot, message.to.generation);
  if (!pending) return;
  pending->answer.handle =
      ConnectionHandle(cores_[message.core]->reactor.gate_ref(), message.link.slot, message.link.generation);
  pending->received++;
  finish_if_complete(*pending);
}

void Shard::finish_if_complete(Pending& pending) {
  if (!pending.complete() || pending.starting) return;
  CallBase* call = pending.call;
  auto callback = std::move(pending.callback);
  Answer answer = std::move(pending.answer);
  pending_.erase(pending.place.slot, pending.place.generation);
  if (call) return call->complete(std::move(answer));
  if (!callback) return;
  try {
    callback(std::move(answer));
  } catch (const std::exception& e) {
    context_.counters.refusals[static_cast<std::size_t>(connection::Refusal::handler_exception)].add();
    context_.log.event(LogLevel::error, context_.reactor.now(), "handler_exception", nullptr, e.what());
  }
}

void Shard::wait_for(std::uint32_t slot, std::uint32_t generation, CallBase& call) {
  pending_.find(slot, generation)->call = &call;
}

void Shard::call_back(std::uint32_t slot, std::uint32_t generation, core::InlineFunction<void(Answer&&)> callback) {
  pending_.find(slot, generation)->callback = std::move(callback);
}

void Shard::forget(std::uint32_t slot, std::uint32_t generation) {
  pending_.find(slot, generation)->call = nullptr;
}

void Shard::receive(const RunErrand& message) {
  const std::unique_ptr<std::function<void(Shard*)>> f(message.f);
  (*f)(this);
}

// ---- questions

Started Shard::ask_id(AskId::What what, std::string_view id, std::string_view room) {
  if (!good_name(id) || !good_name(room)) return Started::failed(Error::name_too_long);
  if (what == AskId::What::join && room.empty()) return Started::failed(Error::invalid_argument);
  return start(1, [&](ReplyTo to) {
    const HashedName name = hash(id);
    ParcelPtr asked = parcel(name, room);
    asked->reply = to;
    tell(home(name.hash), AskId{asked.release(), what});
  });
}

Started Shard::ask_room(Question question, std::string_view room) {
  if (!good_name(room)) return Started::failed(Error::name_too_long);
  return start(Pending::kUnknown, [&](ReplyTo to) {
    const HashedName name = hash(room);
    ParcelPtr asked = parcel(name);
    asked->reply = to;
    tell(home(name.hash), AskRoom{asked.release(), question});
  });
}

void Shard::receive(const AskRoom& message) {
  const ParcelPtr asked(message.room);
  const ReplyTo to = asked->reply;
  Room* room = find_room({asked->name(), asked->hash});
  std::uint32_t parts = 0;
  if (room && room->remote) {
    for (const RemoteCore& remote : *room->remote) {
      tell(remote.core, AskMembers{remote.room, to, message.question});
      parts++;
    }
  }
  const bool here = room && room->members.size() != 0;
  tell(to.core, Expect{to, parts + (here ? 1 : 0)});
  if (here) answer_members(room, message.question, to);
}

void Shard::receive(const AskMembers& message) {
  answer_members(rooms_.find(message.room.slot, message.room.generation), message.question, message.reply);
}

void Shard::answer_members(Room* room, Question question, ReplyTo to) {
  if (!room) return reply(to, std::nullopt);
  if (question == Question::count) return reply(to, std::nullopt, room->members.size());
  try {
    auto names = std::make_unique<std::vector<std::string>>();
    names->reserve(room->members.size());
    for (std::uint32_t i = 0; i < room->members.size(); i++) names->emplace_back(room->members[i]->member->id.text());
    const std::size_t count = names->size();
    reply(to, std::nullopt, count, names.release());
  } catch (const std::bad_alloc&) {
    reply(to, Error::out_of_memory);
  }
}

Started Shard::ask_all_cores(Question question) {
  return start(static_cast<std::uint32_t>(cores_.size()), [&](ReplyTo to) {
    for (std::size_t core = 0; core < cores_.size(); core++) tell(core, AskCore{to, question});
  });
}

void Shard::receive(const AskCore& message) {
  if (message.question == Question::count) return reply(message.reply, std::nullopt, all_.members.size());
  try {
    auto names = std::make_unique<std::vector<std::string>>();
    room_table_.for_each([&](const Room& room) {
      if (home(room.hash) == index_) names->emplace_back(room.name.text());
    });
    const std::size_t count = names->size();
    reply(message.reply, std::nullopt, count, names.release());
  } catch (const std::bad_alloc&) {
    reply(message.reply, Error::out_of_memory);
  }
}

}  // namespace brume::hub

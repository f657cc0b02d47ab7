// Broadcasts: from where they are made to the room's home, which orders them, and from there onto the tape of each core
// with members; at the turn's end every member takes its range of it.
#include <algorithm>
#include <new>

#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/hub/shard.h>

namespace brume::hub {

namespace {
constexpr std::size_t kHomeOfAll = 0;         // the core that orders what goes to all connections
constexpr std::size_t kMaxSpareTapes = 1024;  // kept for later turns
}  // namespace

// A message on its way through this core: as the application gave it, or framed in a parcel.
struct Shard::Draft {
  Content content;
  ParcelPtr framed;
  std::size_t frame_size = 0;
  std::uint64_t except = 0;
  std::uint64_t key = 0;
  std::uint8_t policy = kNoPolicy;
  ReplyTo reply;

  Draft(const Content& given, const BroadcastOptions& options, std::uint64_t seed, ReplyTo to)
      : content(given),
        frame_size(given.frame_size()),
        except(options.except),
        key(options.key.empty() ? 0 : hash_name(options.key, seed).hash | 1),
        policy(options.policy ? static_cast<std::uint8_t>(*options.policy) : kNoPolicy),
        reply(to) {}
  explicit Draft(ParcelPtr parcel)
      : framed(std::move(parcel)),
        frame_size(framed->frame_size),
        except(framed->except),
        key(framed->key),
        policy(framed->policy),
        reply(framed->reply) {}

  void write(std::span<std::byte> out) const {
    if (framed) {
      std::ranges::copy(framed->frame(), out.begin());
    } else if (!content.frame.empty()) {
      std::ranges::copy(content.frame, out.begin());
    } else {
      codec::write_server_frame(out, static_cast<codec::Opcode>(content.type), content.payload);
    }
  }
  // Fills a parcel made for it.
  void pack(Parcel& parcel) const {
    write(parcel.frame());
    parcel.except = except;
    parcel.key = key;
    parcel.policy = policy;
    parcel.reply = reply;
  }
};

std::expected<HashedName, Error> Shard::judge(std::optional<std::string_view> room, const Content& content) const {
  if (detached_) return std::unexpected(Error::stopping);
  if (const auto error = judge_message(content, options_.max_message_size)) return std::unexpected(*error);
  if (!room) return HashedName{{}, 0};
  if (room->empty()) return std::unexpected(Error::invalid_argument);
  if (!good_name(*room)) return std::unexpected(Error::name_too_long);
  return hash(*room);
}

std::optional<Error> judge_message(const Content& content, std::size_t max_message_size) {
  const MessageType type = content.type;
  if (type != MessageType::text && type != MessageType::binary) return Error::invalid_message_type;
  if (content.payload.size() > max_message_size) return Error::message_too_large;
  if (!content.frame.empty()) return std::nullopt;
  if (type == MessageType::text && !codec::is_valid_utf8(content.payload)) return Error::invalid_utf8;
  return std::nullopt;
}

std::expected<void, Error> Shard::broadcast(std::optional<std::string_view> room, const Content& content,
                                            const BroadcastOptions& options) {
  return post(room, content, options, {});
}

Started Shard::broadcast_counted(std::optional<std::string_view> room, const Content& content,
                                 const BroadcastOptions& options) {
  return start(Pending::kUnknown, [&](ReplyTo to) {
    const auto posted = post(room, content, options, to);
    if (posted) return;
    receive(Expect{to, 1});
    reply(to, posted.error());
  });
}

std::expected<void, Error> Shard::post(std::optional<std::string_view> room, const Content& content,
                                       const BroadcastOptions& options, ReplyTo reply_to) {
  const auto name = judge(room, content);
  if (!name) return std::unexpected(name.error());
  try {
    Draft draft(content, options, options_.seed, reply_to);
    const std::size_t room_home = home_of_broadcast(room.has_value(), name->hash, cores_.size());
    if (room_home == index_) return sequence(room ? find_room(*name) : &all_, draft, true);
    if (crowded(room_home, options_.config.max_waiting_broadcasts)) return std::unexpected(Error::hub_overloaded);
    ParcelPtr packed = parcel(*name, {}, draft.frame_size);
    draft.pack(*packed);
    tell(room_home, Broadcast{packed.release()});
    hold_back_feeder(room_home);
    return {};
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
}

ParcelPtr pack_unpooled(const HashedName& room, const Content& content, const BroadcastOptions& options,
                        std::uint64_t seed) {
  const Shard::Draft draft(content, options, seed, {});
  ParcelPtr packed(ParcelPool::make_unpooled(room.text, {}, draft.frame_size));
  packed->hash = room.hash;
  draft.pack(*packed);
  return packed;
}

std::size_t home_of_broadcast(bool to_room, std::uint64_t room_hash, std::size_t cores) {
  return to_room ? home_of(room_hash, cores) : kHomeOfAll;
}

void Shard::receive(const Broadcast& message) {
  ParcelPtr packed(message.parcel);
  Room* room = packed->name_size == 0 ? &all_ : find_room({packed->name(), packed->hash});
  Draft draft(std::move(packed));
  try {
    (void)sequence(room, draft, false);
  } catch (const std::bad_alloc&) {
    count_lost();
    if (!draft.reply) return;
    tell(draft.reply.core, Expect{draft.reply, 1});
    reply(draft.reply, Error::out_of_memory);
  }
}

std::expected<void, Error> Shard::sequence(Room* room, Draft& draft, bool may_refuse) {
  std::uint32_t parts = 0;
  const auto for_each_remote = [&](auto&& f) {
    if (room == &all_) {
      for (std::size_t core = 0; core < cores_.size(); core++)
        if (core != index_) f(core, Place{});
    } else if (room && room->remote) {
      for (const RemoteCore& remote : *room->remote) f(remote.core, remote.room);
    }
  };
  bool overloaded = false;
  for_each_remote([&](std::size_t core, Place) {
    parts++;
    overloaded |= may_refuse && crowded(core, options_.config.max_waiting_broadcasts);
  });
  if (overloaded) return std::unexpected(Error::hub_overloaded);
  if (parts != 0 && !draft.framed) {
    ParcelPtr packed = parcel({{}, 0}, {}, draft.frame_size);
    draft.pack(*packed);
    draft.framed = std::move(packed);
  }
  if (room && room->members.size() != 0) {
    lay(*room, draft,
        draft.policy != kNoPolicy ? static_cast<SlowConsumerPolicy>(draft.policy)
                                  : room->policy.value_or(options_.config.policy));
    parts++;
  }
  if (draft.reply) tell(draft.reply.core, Expect{draft.reply, parts});
  for_each_remote([&](std::size_t core, Place place) {
    // What came from another core can no longer be refused: twice the bound, then it is lost and counted.
    if (crowded(core, 2 * std::size_t{options_.config.max_waiting_broadcasts})) {
      count_lost();
      if (draft.reply) reply(draft.reply, std::nullopt, 0);
      return;
    }
    draft.framed->share();
    const SlowConsumerPolicy policy = draft.policy != kNoPolicy ? static_cast<SlowConsumerPolicy>(draft.policy)
                                                                : room->policy.value_or(options_.config.policy);
    tell(core, Deliver{draft.framed.get(), place, policy});
    if (may_refuse) hold_back_feeder(core);
  });
  return {};
}

bool Shard::crowded(std::size_t core, std::size_t bound) {
  Outgoing& outgoing = outgoing_[core];
  if (outgoing.size() >= bound) (void)outgoing.flush(context_.reactor.io());
  return outgoing.size() >= bound;
}

void Shard::count_lost() {
  context_.counters.refusals[static_cast<std::size_t>(connection::Refusal::hub_overloaded)].add();
  context_.log.event(LogLevel::error, context_.reactor.now(), "hub_overloaded", nullptr,
                     "a broadcast to another core is lost");
}

void Shard::receive(const Deliver& message) {
  Draft draft{ParcelPtr(message.parcel)};
  Room* room = message.room.generation == 0 ? &all_ : rooms_.find(message.room.slot, message.room.generation);
  try {
    if (room && room->members.size() != 0) return lay(*room, draft, message.policy);
  } catch (const std::bad_alloc&) {
    count_lost();
  }
  if (draft.reply) reply(draft.reply, std::nullopt, 0);
}

void Shard::lay(Room& room, Draft& draft, SlowConsumerPolicy policy) {
  OpenTape& tape = open_tape(room);
  if (draft.reply) tape.counting.push_back({tape.size(), draft.reply});
  try {
    // Without a key a message is the newest of its room.
    const connection::TapeMessage message{policy, draft.key != 0 ? draft.key : room.hash | 1, draft.except};
    draft.write(tape.append(draft.frame_size, message));
  } catch (...) {
    if (draft.reply) tape.counting.pop_back();
    throw;
  }
}

OpenTape& Shard::open_tape(Room& room) {
  if (room.tape) return *room.tape;
  if (spare_tapes_.empty()) spare_tapes_.push_back(std::make_unique<OpenTape>(context_.reactor.blocks()));
  open_tapes_.push_back(nullptr);
  open_tapes_.back() = std::move(spare_tapes_.back());
  spare_tapes_.pop_back();
  room.tape = open_tapes_.back().get();
  room.tape->room = &room;
  context_.reactor.mark_settle(*this);
  return *room.tape;
}

void Shard::deliver_to(Membership& membership) {
  OpenTape* tape = membership.room->tape;
  if (!tape || membership.joined_at >= tape->size()) return;
  const Member& member = *membership.member;
  const connection::TapeOutcome outcome = member.session->take_from(*tape, membership.joined_at);
  if (outcome != connection::TapeOutcome::taken) outcomes_.push_back({member.link, outcome});
}

void Shard::finish_tape(std::unique_ptr<OpenTape> tape) {
  if (!tape->counting.empty()) {
    tape->sum_taken();
    for (const OpenTape::Counting& counting : tape->counting)
      reply(counting.reply, std::nullopt, tape->entries()[counting.entry].taken);
    tape->counting.clear();
  }
  tape->clear();
  tape->room = nullptr;
  if (spare_tapes_.size() < kMaxSpareTapes) spare_tapes_.push_back(std::move(tape));
}

}  // namespace brume::hub

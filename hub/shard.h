// shard.h: one core's part of a hub: its members, its parts of rooms, the ids and rooms that are at home here, and the
// calls made here that wait for answers.
//
// Its core's thread only. Shards know nothing of each other but the messages (messages.h) they pass through the cores'
// mailboxes; what is for the own core is done at once. Whatever is asked of another core within a turn leaves when the
// shard settles, after the handlers and before the flush; so do the turn's broadcasts, which until then only lie on
// their rooms' tapes. No application is called while members are gone through.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/core_extension.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/core/slab.h>
#include <brume/hub/call.h>
#include <brume/hub/content.h>
#include <brume/hub/messages.h>
#include <brume/hub/options.h>
#include <brume/hub/outgoing.h>
#include <brume/hub/parcel.h>
#include <brume/hub/pending.h>
#include <brume/hub/pointer_table.h>
#include <brume/hub/room.h>

namespace brume::hub {

// What all shards of a hub are made with.
struct ShardOptions {
  HubConfig config;
  std::uint64_t seed = 0;                                            // of the names' hash
  std::size_t max_message_size = 0;                                  // bytes
  std::vector<std::pair<std::string, SlowConsumerPolicy>> policies;  // of rooms, set before the start
};

// A broadcast from a thread that is in no shard, framed and ready for its home. May throw std::bad_alloc.
ParcelPtr pack_unpooled(const HashedName& room, const Content& content, const BroadcastOptions& options,
                        std::uint64_t seed);
// The core that puts broadcasts to a room (none: to all connections) into their order.
std::size_t home_of_broadcast(bool to_room, std::uint64_t room_hash, std::size_t cores);

class Shard final : public connection::CoreExtension, private core::Participant {
 public:
  Shard(connection::CoreContext& context, std::span<connection::CoreContext* const> cores, const ShardOptions& options);
  // Requires: detach() was called.
  ~Shard();

  // The hub goes, and this with it: every call under way gets `stopping`, registrations end, connections stay. Then it
  // is destroyed, on this core too.
  void detach();

  // ---- what is asked here (shard_calls.cpp)
  Started register_connection(std::string_view id, connection::Session& session);
  Started ask_id(AskId::What what, std::string_view id, std::string_view room = {});
  Started join(Place member, std::string_view room);
  Started leave(Place member, std::string_view room);
  Started ask_room(Question question, std::string_view room);
  Started ask_all_cores(Question question);
  Started set_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy);
  // `room`: none for all connections.
  std::expected<void, Error> broadcast(std::optional<std::string_view> room, const Content& content,
                                       const BroadcastOptions& options);
  Started broadcast_counted(std::optional<std::string_view> room, const Content& content,
                            const BroadcastOptions& options);
  void end_registration(Place member);
  void end_member(Member& member) { end_member(member, true); }

  // ---- calls that wait (shard_calls.cpp)
  void wait_for(std::uint32_t slot, std::uint32_t generation, CallBase& call);
  void call_back(std::uint32_t slot, std::uint32_t generation, core::InlineFunction<void(Answer&&)> callback);
  void forget(std::uint32_t slot, std::uint32_t generation);

  // A message on its way to the shard `number` of a core: for threads that are in no shard.
  template <class M>
  static core::Envelope envelope(const M& message, std::uint32_t number) {
    return core::Envelope::make(&run<M>, Wire<M>{message, number});
  }
  std::uint32_t number() const { return number_; }

  void check_invariants() const override;

 private:
  struct Policy {
    Policy(const HashedName& asked, core::FramePool& frames) : name(asked.text, frames), hash(asked.hash) {}
    Name name;
    std::uint64_t hash;
    SlowConsumerPolicy policy = SlowConsumerPolicy::drop_newest;
  };
  struct HashOfPolicy {
    std::uint64_t operator()(const Policy& policy) const { return policy.hash; }
  };
  template <class M>
  struct Wire {
    M message;
    std::uint32_t number;
  };
  template <class M>
  static void run(void* host, std::byte* payload) noexcept;
  template <class M>
  void tell(std::size_t core, const M& message);
  void push(std::size_t core, const core::Envelope& envelope);

  // ---- ids (shard_ids.cpp)
  void receive(const Register& message);
  void receive(const Registered& message);
  void receive(const Unregister& message);
  void receive(const EndMember& message);
  void receive(const AskId& message);
  void receive(const AskMember& message);
  IdEntry* find_id(const HashedName& id);
  IdEntry& make_id(const HashedName& id);
  void erase_id(IdEntry& entry);
  void tell_ended(const EndMember& end);
  // The call that registered gets a Registration of that member, which may be gone already.
  void reply_registered(ReplyTo call, Place member);
  void receive(const EndRegistration& message);
  void receive(const RunErrand& message);
  void activate(Member& member);
  void let_go(Member& member);
  void end_member(Member& member, bool tell_home);
  Member*& member_of_link(std::uint32_t slot);

  // ---- rooms (shard_rooms.cpp)
  void receive(const Join& message);
  void receive(const Joined& message);
  void receive(const Left& message);
  void receive(const SetPolicy& message);
  void join(Member& member, const HashedName& name, ReplyTo to);
  std::optional<Error> leave(Member& member, const HashedName& name);
  // May throw std::bad_alloc.
  void set_policy(const HashedName& room, std::optional<SlowConsumerPolicy> policy);
  Policy* find_policy(const HashedName& room) const;
  Room* find_room(const HashedName& name);
  Room& make_room(const HashedName& name);
  // The room goes where nothing keeps it here.
  void drop_if_empty(Room& room);
  void add_membership(Room& room, Member& member);
  void remove_membership(Membership& membership);
  Membership* find_membership(const Room& room, const Member& member) const;
  bool full(const Room& room) const;
  bool limited() const { return options_.config.max_members_per_room != 0; }

  // ---- broadcasts (shard_broadcast.cpp)
  friend ParcelPtr pack_unpooled(const HashedName&, const Content&, const BroadcastOptions&, std::uint64_t);
  struct Draft;
  void receive(const Broadcast& message);
  void receive(const Deliver& message);
  std::expected<HashedName, Error> judge(std::optional<std::string_view> room, const Content& content) const;
  std::expected<void, Error> post(std::optional<std::string_view> room, const Content& content,
                                  const BroadcastOptions& options, ReplyTo reply);
  // At home: the message takes its place in the room's order.
  std::expected<void, Error> sequence(Room* room, Draft& draft, bool may_refuse);
  void lay(Room& room, Draft& draft, SlowConsumerPolicy policy);
  OpenTape& open_tape(Room& room);
  void settle() override;
  void deliver_to(Membership& membership);
  // Whether as many envelopes wait for that core after its mailbox was offered them.
  bool crowded(std::size_t core, std::size_t bound);
  void count_lost();
  // Too much waits for that core: the connection whose message is being handled is held back until less does.
  void hold_back_feeder(std::size_t core);
  void let_feeders_go_on();
  connection::Session* find_session(io::Token link);
  void finish_tape(std::unique_ptr<OpenTape> tape);
  // Another core's mailbox was full: offers it again what waits.
  void fire() override { context_.reactor.mark_settle(*this); }
  void run_ready() override {}
  void flush() override {}
  void reap() override {}

  // ---- questions (shard_calls.cpp)
  void receive(const AskRoom& message);
  void receive(const AskMembers& message);
  void receive(const AskCore& message);
  void receive(const Reply& message);
  void receive(const Expect& message);
  void receive(const Found& message);
  // Makes a place for a call whose answer comes in that many parts, and has `f(ReplyTo)` ask for them.
  template <class F>
  Started start(std::uint32_t parts, F&& f);
  void reply(ReplyTo to, std::optional<Error> error, std::uint64_t number = 0,
             std::vector<std::string>* names = nullptr);
  void finish_if_complete(Pending& pending);
  void answer_members(Room* room, Question question, ReplyTo to);

  bool good_name(std::string_view name) const { return name.size() <= options_.config.max_name_size; }
  HashedName hash(std::string_view name) const { return hash_name(name, options_.seed); }
  std::size_t home(std::uint64_t hash) const { return home_of(hash, cores_.size()); }
  ParcelPtr parcel(const HashedName& name, std::string_view body = {}, std::size_t frame_size = 0);

  struct Outcome {
    io::Token link;
    connection::TapeOutcome outcome;
  };

  connection::CoreContext& context_;
  const std::span<connection::CoreContext* const> cores_;
  const ShardOptions options_;
  const std::size_t index_;  // of this core
  std::uint32_t number_;     // of this shard among its core's extensions
  bool detached_ = false;

  core::Slab<Pending> pending_;
  core::Slab<Member> members_;
  core::Slab<Room> rooms_;
  core::Slab<IdEntry> ids_;
  PointerTable<Room, HashOfRoom> room_table_;
  PointerTable<IdEntry, HashOfId> id_table_;
  PointerTable<Membership, HashOfMembership> membership_table_;
  PointerTable<Policy, HashOfPolicy> policies_;
  std::vector<Member*> by_link_;  // by the link's slot
  Room all_;                      // whose members are all registered connections of this core

  std::vector<Outgoing> outgoing_;  // by core; the own one is not used
  ParcelPool* parcels_;
  std::vector<std::unique_ptr<OpenTape>> open_tapes_;  // of this turn
  std::vector<std::unique_ptr<OpenTape>> settling_;
  std::vector<std::unique_ptr<OpenTape>> spare_tapes_;
  std::vector<Outcome> outcomes_;
  std::vector<io::Token> held_back_;  // links of connections
};

template <class F>
Started Shard::start(std::uint32_t parts, F&& f) {
  if (detached_) return Started::failed(Error::stopping);
  Place place;
  try {
    const auto made = pending_.emplace(parts);
    if (!made.object) return Started::failed(Error::out_of_memory);
    place = {made.slot, made.generation};
    made.object->place = place;
    f(ReplyTo{place.slot, place.generation, static_cast<std::uint16_t>(index_)});
  } catch (const std::bad_alloc&) {
    if (place.generation != 0) pending_.erase(place.slot, place.generation);
    return Started::failed(Error::out_of_memory);
  }
  Pending& pending = *pending_.find(place.slot, place.generation);
  pending.starting = false;
  if (!pending.complete()) return {this, place.slot, place.generation, {}};
  Started started;
  started.answer = std::move(pending.answer);
  pending_.erase(place.slot, place.generation);
  return started;
}

template <class M>
void Shard::run(void* host, std::byte* payload) noexcept {
  const auto wire = core::Envelope::read<Wire<M>>(payload);
  connection::CoreExtension* extension =
      host ? static_cast<connection::CoreContext*>(host)->extensions.find(wire.number) : nullptr;
  if (!extension) return wire.message.release();
  static_cast<Shard*>(extension)->receive(wire.message);
}

template <class M>
void Shard::tell(std::size_t core, const M& message) {
  if (core == index_) return receive(message);
  push(core, envelope(message, number_));
}

}  // namespace brume::hub

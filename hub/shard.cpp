#include <cassert>
#include <chrono>
#include <new>

#include <brume/engine/connection/link.h>
#include <brume/hub/shard.h>

namespace brume::hub {

namespace {
// After that long what another core's full mailbox did not take is offered again.
constexpr core::Time kRetryAfter = std::chrono::milliseconds(1);
constexpr std::size_t kMaxSlots = 1U << 30;  // of members, rooms and ids: bounded by connections and their rooms
}  // namespace

Shard::Shard(connection::CoreContext& context, std::span<connection::CoreContext* const> cores,
             const ShardOptions& options)
    : context_(context),
      cores_(cores),
      options_(options),
      index_(context.index),
      number_(context.extensions.add(*this)),
      pending_(options.config.max_pending_calls),
      members_(kMaxSlots),
      rooms_(kMaxSlots),
      ids_(kMaxSlots),
      all_({{}, 0}, context.reactor.frames()),
      parcels_(ParcelPool::create()) {
  context_.reactor.admit();
  for (connection::CoreContext* core : cores_) outgoing_.emplace_back(core->reactor.gate_ref());
  for (const auto& [room, policy] : options_.policies) {
    const HashedName name = hash(room);
    if (home(name.hash) == index_) set_policy(name, policy);
  }
}

Shard::~Shard() {
  assert(detached_);
  parcels_->abandon();
}

void Shard::push(std::size_t core, const core::Envelope& envelope) {
  try {
    outgoing_[core].push(envelope);
    context_.reactor.mark_settle(*this);
  } catch (const std::bad_alloc&) {
    core::Envelope lost = envelope;
    lost.run(nullptr, lost.payload.data());
    context_.counters.refusals[static_cast<std::size_t>(connection::Refusal::out_of_memory)].add();
    context_.log.event(LogLevel::error, context_.reactor.now(), "out_of_memory", nullptr,
                       "a message to another core is lost");
  }
}

void Shard::settle() {
  // Members first, then what calls applications: these may broadcast again, which waits for the next turn.
  settling_.swap(open_tapes_);
  for (const auto& tape : settling_) {
    Room* room = tape->room;
    if (!room) continue;
    for (std::uint32_t i = 0; i < room->members.size(); i++) {
      Membership& membership = *room->members[i];
      deliver_to(membership);
      membership.joined_at = 0;
    }
    room->tape = nullptr;
  }
  while (!settling_.empty()) {
    std::unique_ptr<OpenTape> tape = std::move(settling_.back());
    settling_.pop_back();
    finish_tape(std::move(tape));
  }
  while (!outcomes_.empty()) {
    const Outcome outcome = outcomes_.back();
    outcomes_.pop_back();
    if (connection::Session* session = find_session(outcome.link)) session->settle_outcome(outcome.outcome);
  }
  bool waiting = false;
  for (Outgoing& outgoing : outgoing_) waiting |= !outgoing.flush(context_.reactor.io());
  let_feeders_go_on();
  if (waiting && !armed()) context_.reactor.arm(*this, context_.reactor.now() + kRetryAfter);
}

connection::Session* Shard::find_session(io::Token token) {
  connection::Link* link = context_.links.find(token.slot, token.generation);
  Connection* connection = link && link->protocol() ? link->protocol()->connection() : nullptr;
  return static_cast<connection::Session*>(connection);
}

void Shard::hold_back_feeder(std::size_t core) {
  // From half the bound on, so that a connection whose messages are broadcast one by one never meets hub_overloaded.
  if (outgoing_[core].size() < (options_.config.max_waiting_broadcasts + 1) / 2) return;
  connection::Session* session = find_session(context_.last_served);
  if (!session || session->ended()) return;
  held_back_.push_back(context_.last_served);
  session->hold_input(true);
}

void Shard::let_feeders_go_on() {
  if (held_back_.empty()) return;
  for (const Outgoing& outgoing : outgoing_)
    if (outgoing.size() >= (options_.config.max_waiting_broadcasts + 1) / 2) return;
  for (const io::Token link : std::exchange(held_back_, {}))
    if (connection::Session* session = find_session(link)) session->hold_input(false);
}

void Shard::detach() {
  detached_ = true;
  for (Outgoing& outgoing : outgoing_) outgoing.drop();
  let_feeders_go_on();
  context_.extensions.remove(number_);
  context_.reactor.unmark(*this);
  // What answers resume may make calls, which are refused by now, and end registrations, which finds nothing.
  std::vector<Place> waiting;
  pending_.for_each([&](const Pending& pending) { waiting.push_back(pending.place); });
  for (const Place place : waiting) {
    Pending* pending = pending_.find(place.slot, place.generation);
    if (!pending) continue;
    pending->answer.error = Error::stopping;
    pending->expected = pending->received;
    finish_if_complete(*pending);
  }
  members_.for_each([this](Member& member) { let_go(member); });
  policies_.for_each([](Policy& policy) { delete &policy; });
  context_.reactor.unmark(*this);
  context_.reactor.dismiss();
}

void Shard::check_invariants() const {
  room_table_.check_invariants();
  id_table_.check_invariants();
  membership_table_.check_invariants();
  pending_.check_invariants();
  members_.check_invariants();
  rooms_.check_invariants();
  ids_.check_invariants();
  assert(room_table_.size() == rooms_.size() && id_table_.size() == ids_.size());
  std::size_t memberships = 0;
  room_table_.for_each([&](const Room& room) {
    const bool here = home(room.hash) == index_;
    assert(room.members.size() != 0 || room.joining != 0 || (room.remote && !room.remote->empty()));
    assert(here || !room.remote);
    assert(here || room.joining != 0 || room.at_home.generation != 0);
    memberships += room.members.size();
    for (std::uint32_t i = 0; i < room.members.size(); i++) {
      [[maybe_unused]] const Membership& membership = *room.members[i];
      assert(membership.index == i && membership.room == &room);
      assert(membership.member->state != Member::State::ending && membership.member->session);
      assert(room.tape || membership.joined_at == 0);
    }
    (void)here;
  });
  assert(memberships == membership_table_.size());
  (void)memberships;
}

}  // namespace brume::hub

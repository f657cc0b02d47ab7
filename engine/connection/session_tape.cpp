// What a broadcast does with one connection: its tape's messages into the outbox, or what the policy says.
#include <functional>
#include <new>
#include <utility>

#include <xxhash.h>

#include <brume/codec/close_payload.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>
#include <brume/engine/connection/tape.h>

namespace brume::connection {

bool Session::fits(std::size_t messages, std::size_t bytes) const {
  const Outbox& outbox = transport_->outbox();
  return outbox.messages() + messages <= config().message_buffer_size &&
         outbox.size() + bytes <= config().max_buffered_size;
}

TapeOutcome Session::take_from(Tape& tape, std::uint32_t first) noexcept {
  if (state_ != State::open || !transport_ || first == tape.size()) return TapeOutcome::taken;
  try {
    // A client's tape holds one message, compressed already where that is worth while.
    if (!deflate_.compresses() || client_) return take_all(tape, first);
    if (deflate_.keeps_own_context()) return take_each(tape, first, transport_->in_flight() == 0);
    return take_all(compressed_tape(tape), first);
  } catch (const std::bad_alloc&) {
    return TapeOutcome::out_of_memory;
  }
}

TapeOutcome Session::take_all(Tape& tape, std::uint32_t first) {
  const std::uint32_t count = tape.size() - first;
  const bool writable = transport_->in_flight() == 0;
  if (fits(count, tape.bytes_from(first)) && !tape.excepts(id()) && (writable || !tape.has_latest_only())) {
    tape.for_each_run(first, [&](TapeChunk& chunk, std::uint32_t begin, std::uint32_t end, std::uint32_t messages) {
      transport_->outbox().append_shared({&chunk, begin, end, messages}, context_.reactor.frames());
    });
    tape.note_whole(first);
    note_taken(count);
    return TapeOutcome::taken;
  }
  return take_each(tape, first, writable);
}

TapeOutcome Session::take_each(Tape& tape, std::uint32_t first, bool writable) {
  std::uint32_t taken = 0;
  std::uint64_t lost = 0;
  TapeOutcome outcome = TapeOutcome::taken;
  const std::uint64_t own_id = id();
  for (Tape::Entry& entry : tape.entries().subspan(first)) {
    if (entry.message.except == own_id) continue;
    const std::size_t size = entry.end - entry.begin;
    const std::uint64_t lost_before = lost;
    if (make_room(entry.message, size, writable, lost)) {
      if (!deflate_.keeps_own_context() || client_ || !append_own(tape, entry)) {
        const bool replaceable = entry.message.policy == SlowConsumerPolicy::latest_only;
        transport_->outbox().append_shared(
            {tape.chunks()[entry.chunk], entry.begin, entry.end, 1, replaceable ? entry.message.key : 0},
            context_.reactor.frames());
      }
      entry.taken++;
      taken++;
    } else if (entry.message.policy == SlowConsumerPolicy::disconnect) {
      outcome = TapeOutcome::disconnect;
      break;
    } else {
      context_.counters.dropped_newest.add();
      lost++;
    }
    if (lost != lost_before) outcome = TapeOutcome::dropped;
  }
  if (taken != 0) note_taken(taken);
  if (lost != 0) cold().note_dropped(lost);
  return outcome;
}

std::expected<void, Error> Session::put_by_policy(std::size_t size, const SendOptions& options,
                                                  const std::function<void(std::span<std::byte>)>& write) {
  Tape tape(context_.reactor.blocks());
  // Never 0, which is no key. A hub's keys are hashed with its seed, so that they do not meet these but by chance.
  const std::uint64_t key = XXH3_64bits(options.key.data(), options.key.size()) | 1;
  write(tape.append(size, {.policy = *options.policy, .key = key}));
  const TapeOutcome outcome = take_from(tape, 0);
  tape.sum_taken();
  const bool taken = tape.entries().front().taken != 0;
  settle_outcome(outcome);
  if (taken) return {};
  return std::unexpected(state_ == State::open ? Error::send_queue_full : Error::connection_closed);
}

bool Session::make_room(const TapeMessage& message, std::size_t size, bool writable, std::uint64_t& lost) {
  Outbox& outbox = transport_->outbox();
  if (message.policy == SlowConsumerPolicy::latest_only && (!writable || !fits(1, size))) {
    const std::uint32_t replaced = outbox.drop_key(message.key, transport_->in_flight());
    context_.counters.dropped_replaced.add(replaced);
    lost += replaced;
  }
  // What is in flight stays: where it leaves no room, nothing is dropped in vain.
  // What was compressed with a context has to arrive: the messages behind it refer to it.
  if (message.policy == SlowConsumerPolicy::drop_oldest && !deflate_.keeps_own_context() &&
      transport_->in_flight() + size <= config().max_buffered_size) {
    while (!fits(1, size) && outbox.drop_oldest(transport_->in_flight(), context_.reactor.frames())) {
      context_.counters.dropped_oldest.add();
      lost++;
    }
  }
  return fits(1, size);
}

void Session::note_taken(std::uint32_t count) {
  if (outbox_above_half()) was_above_half_ = true;
  context_.counters.messages_sent.add(count);
  transport_->request_flush();
}

void Session::settle_outcome(TapeOutcome outcome) {
  switch (outcome) {
    case TapeOutcome::taken:
      return;
    case TapeOutcome::dropped:
      return tell_dropped();
    case TapeOutcome::disconnect:
      tell_dropped();
      if (state_ != State::open) return;  // an application's call has closed it since
      return guarded([this] {
        refuse(Refusal::slow_consumer, codec::close_code::try_again_later, "slow consumer", CloseCause::limit);
      });
    case TapeOutcome::out_of_memory:
      return guarded([] { throw std::bad_alloc(); });
  }
}

void Session::tell_dropped() {
  if (!cold_ || cold_->untold_drops == 0 || state_ == State::ended) return;
  const std::uint64_t count = std::exchange(cold_->untold_drops, 0);
  if (!route_->dropped) return;
  serve();
  guarded([&] { route_->dropped(*this, count); });
}

}  // namespace brume::connection

#include <algorithm>
#include <cassert>
#include <utility>

#include <brume/engine/core/reactor.h>

namespace brume::core {

namespace {
// What a call without an argument that leads to a core finds its core by: see Reactor::current().
constinit thread_local Reactor* current_reactor = nullptr;
}  // namespace

Reactor* Reactor::current() {
  return current_reactor;
}

Reactor::Entered::Entered(Reactor& reactor)
    : previous_(std::exchange(current_reactor, &reactor)), frames_(reactor.frames_) {}

Reactor::Entered::~Entered() {
  current_reactor = previous_;
}

Reactor::Reactor(io::Io& io, const Options& options, void* host)
    : io_(io),
      options_(options),
      host_(host),
      now_(io.now()),
      last_event_(now_),
      gate_(*new Gate(io, options.mailbox_slots)),
      ledger_(options.memory_limit),
      timers_(now_) {}

Reactor::~Reactor() {
  gate_.get()->close();
}

void Reactor::turn(io::Events& events, Time max_wait) {
  const Entered entered(*this);
  shares_.begin_turn();
  take_completions(events, max_wait);

  const std::size_t ran = gate().drain(host_, options_.envelopes_per_turn);
  more_envelopes_ = ran == options_.envelopes_per_turn;
  if (ran != 0) last_event_ = now();

  timers_.advance(now(), [](Timer& timer) { static_cast<Alarm&>(timer).fire(); });

  run_marked(ready_, Participant::kReady, [](Participant& p) { p.run_ready(); });
  rest();
  run_marked(settle_, Participant::kSettle, [](Participant& p) { p.settle(); });
  rest();
  run_marked(flush_, Participant::kFlush, [](Participant& p) { p.flush(); });
  run_marked(reap_, Participant::kReap, [this](Participant& p) {
    if (p.marks_ != 0) return mark_reap(p);  // another list still names it: next turn
    p.reap();
  });

  turns_++;
  const Time end = io_.now();
  shares_.stop(end);
  last_turn_length_ = end - now();
  if (io_.sleeps_between_turns() && (has_work() || !gate().prepare_sleep())) io_.wake();
}

void Reactor::change_served(std::string_view name) {
  // The turn's own look at the clock does for who is the first to need the time.
  shares_.change(name, now_known_ ? io_.now() : now());
}

void Reactor::admit() {
  assert(running_.empty());
  constexpr std::size_t kFirstCapacity = 64;
  // Untouched memory costs nothing: what is reserved here becomes real only where that many are marked in one turn.
  for (std::vector<Participant*>* list : {&ready_, &settle_, &flush_, &reap_, &running_}) {
    if (list->capacity() <= participants_) list->reserve(std::max(kFirstCapacity, 2 * participants_));
  }
  participants_++;
}

void Reactor::take_completions(io::Events& events, Time max_wait) {
  const Time limit = sleep_limit(max_wait);
  if (limit == Time::zero()) {
    now_known_ = false;
    if (io_.poll(events, Time::zero()) != 0) last_event_ = now();
    return;
  }
  // The producer's half of this handshake is Gate::post(): either it sees `sleeping` and wakes, or this look again
  // finds its envelope.
  const bool may_sleep = gate().prepare_sleep();
  now_known_ = false;
  const std::size_t delivered = io_.poll(events, may_sleep ? limit : Time::zero());
  gate().finish_sleep();
  if (delivered != 0) last_event_ = now();
}

Time Reactor::sleep_limit(Time max_wait) {
  if (has_work()) return Time::zero();
  const Time now = io_.now();
  if (options_.busy_poll.count() != 0 && now - last_event_ < options_.busy_poll) return Time::zero();
  const Time next = timers_.next_deadline();
  if (next == Time::max()) return max_wait;
  const Time until = std::max(next - now, Time::zero());
  return max_wait < Time::zero() ? until : std::min(until, max_wait);
}

template <class F>
void Reactor::run_marked(std::vector<Participant*>& list, Participant::Mark mark, F&& f) {
  // A call may mark others, and itself again: those wait for the next turn's pass over the list.
  running_.swap(list);
  for (Participant* participant : running_) {
    participant->marks_ = static_cast<std::uint8_t>(participant->marks_ & ~mark);
    f(*participant);
  }
  running_.clear();
}

void Reactor::unmark(Participant& participant) {
  timers_.cancel(participant);
  participant.marks_ = 0;
  for (auto* list : {&ready_, &settle_, &flush_, &reap_}) std::erase(*list, &participant);
}

void Reactor::check_invariants() const {
  assert(running_.empty());
  for ([[maybe_unused]] const std::vector<Participant*>* list : {&ready_, &flush_, &reap_, &running_})
    assert(list->capacity() >= participants_);
  timers_.check_invariants();
  blocks_.check_invariants();
}

}  // namespace brume::core

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>

#include <brume/engine/connection/link.h>
#include <brume/engine/connection/tls_transport.h>
#include <brume/engine/http/proxy_session.h>
#include <brume/engine/server/core.h>

namespace brume::server {

using connection::End;
using connection::Link;
using connection::Refusal;

namespace {
// How long accepting pauses where the process or the machine has run out of something.
constexpr Time kAcceptPause = std::chrono::milliseconds(100);
constexpr std::size_t kMostRefusedAtOnce = 64;  // of those who wait while it pauses
constexpr Time kSpreadStep = std::chrono::milliseconds(10);
// A core with that many connections more than its share of a small number is not worth a hand-over.
constexpr std::size_t kBalanceSlack = 4;
}  // namespace

Core::Core(std::unique_ptr<io::Io> io, const Options& options, const http::Service& service, Admission& admission)
    : io_(std::move(io)),
      service_(service),
      admission_(admission),
      context_(*io_, options.reactor, service.config.log, options.index, options.max_sockets + kRefusalReserve,
               admission) {
  if (!options.tls) return;
  const TlsConfig& tls = *service.config.tls;
  connection::TlsOpener& opener = *this;
  context_.tls = std::make_unique<connection::TlsCore>(
      context_.reactor, *options.tls, opener,
      connection::TlsCore::Limits{tls.max_handshakes, tls.handshakes_per_turn, tls.record_rate});
}

Core::~Core() {
  for (const io::ListenerHandle listener : listeners_) io_->close_listener(listener);
}

void Core::add_listener(io::ListenerHandle listener) {
  listeners_.push_back(listener);
  paused_.reserve(listeners_.size());  // pausing one must not fail
  io_->add_listener(listener);
}

bool Core::turn(Time max_wait) {
  if (stopped()) return false;
  const core::Reactor::Entered entered(context_.reactor);  // also for what follows the reactor's own turn
  context_.reactor.turn(*this, max_wait);
  watch_turn();
  take_stop_request();
  memory_guard_.look();
  // What the others asked before they were at rest is there once all are, and is answered first.
  if (!at_rest() || !all_at_rest() || !context_.reactor.idle()) return true;
  context_.reactor.gate().close();                  // whoever comes later hears that this core has stopped
  stopped_.store(true, std::memory_order_release);  // pairs with stopped()
  return false;
}

bool Core::all_at_rest() {
  // Release and acquire: who finds a core at rest finds all that it asked of others in their mailboxes.
  const bool told = at_rest_.exchange(true, std::memory_order_acq_rel);
  for (const auto& peer : peers_) {
    if (!told && peer.get() != this) peer->context_.reactor.gate().wake();
  }
  return std::ranges::all_of(peers_, [](const auto& peer) { return peer->at_rest_.load(std::memory_order_acquire); });
}

bool Core::at_rest() const {
  return context_.stopping && context_.links.size() == 0 && context_.lingering.empty() &&
         io_->operations_in_flight() == 0;
}

// ---- events

void Core::on_accepted(io::ListenerHandle listener, io::SocketId socket, const io::Address& peer) {
  if (context_.stopping && context_.reactor.now() >= stop_deadline_) return io_->close(socket, true);
  Core& target = context_.stopping ? *this : least_loaded();
  if (&target != this) {
    context_.counters.handed_over.add();
    return io_->hand_over(socket, listener, peer, *target.io_);
  }
  context_.counters.accepted.add();
  const bool behind_proxy = io::any_contains(service_.proxy_protocol, peer);
  bool admitted = false;
  Link* link = nullptr;
  try {
    admitted = !context_.stopping && !memory_guard_.refuses_newcomer(peer) &&
               admission_.enter(behind_proxy ? io::Address{} : peer);
    if (!admitted && context_.tls) return turn_away(socket, peer);
    const auto place = context_.links.emplace(context_, socket, peer);
    link = place.object;
    if (link) {
      link->start(service_.config.write_timeout, admitted, behind_proxy);
      if (admitted && behind_proxy) return http::ProxySession::open(*link, service_, context_.reactor.now());
      if (context_.tls) {
        const Time now = context_.reactor.now();
        connection::TlsTransport::open_server(*link, *context_.tls, now, now + service_.config.handshake_timeout);
        return;
      }
      http::HttpSession& session = http::HttpSession::open(*link, service_, context_.reactor.now());
      // Answered before it asks: a peer that is not let in need not be listened to.
      if (!admitted) session.refuse(context_.stopping ? codec::HttpError::draining : codec::HttpError::over_capacity);
      return;
    }
  } catch (const std::bad_alloc&) {
    context_.counters.refusals[static_cast<std::size_t>(Refusal::out_of_memory)].add();
    if (link) return link->abort(End::memory);
  }
  if (admitted) admission_.leave(behind_proxy ? io::Address{} : peer);
  io_->close(socket, true);
}

void Core::turn_away(io::SocketId socket, const io::Address& peer) {
  const auto rule = context_.stopping ? codec::HttpError::draining : codec::HttpError::over_capacity;
  context_.counters.http_errors[static_cast<std::size_t>(rule)].add();
  context_.log.event(LogLevel::info, context_.reactor.now(), codec::info(rule).name, &peer, "closed before TLS");
  io_->close(socket, true);
}

void Core::on_tls_open(connection::Transport& transport, Time began) {
  http::HttpSession& session = http::HttpSession::open(transport, service_, began);
  if (context_.stopping) session.refuse(codec::HttpError::draining);
}

void Core::on_accept_failed(io::ListenerHandle listener, int error) {
  context_.counters.refusals[static_cast<std::size_t>(Refusal::accept_paused)].add();
  context_.log.event(LogLevel::warning, context_.reactor.now(), "accept_paused", nullptr, std::strerror(error));
  // A peer that is refused may try elsewhere; one that is left waiting may not even know.
  for (std::size_t i = 0; i < kMostRefusedAtOnce && io_->refuse_one(listener); i++)
    context_.counters.refusals[static_cast<std::size_t>(Refusal::accept_refused)].add();
  if (std::ranges::find(paused_, listener) == paused_.end()) paused_.push_back(listener);
  if (!accept_alarm_.armed()) context_.reactor.arm(accept_alarm_, context_.reactor.now() + kAcceptPause);
}

void Core::resume_accepting() {
  for (const io::ListenerHandle listener : paused_) io_->resume_accept(listener);
  paused_.clear();
}

void Core::on_received(io::Token token, std::span<std::byte> bytes) {
  if (Link* link = context_.links.find(token.slot, token.generation)) link->on_received(bytes);
}

void Core::on_receive_ended(io::Token token, int error) {
  if (Link* link = context_.links.find(token.slot, token.generation)) link->on_receive_ended(error);
}

void Core::on_sent(io::Token token, std::int32_t result) {
  if (Link* link = context_.links.find(token.slot, token.generation)) link->on_sent(result);
}

Core& Core::least_loaded() {
  if (peers_.size() < 2) return *this;
  Core* least = this;
  for (const auto& core : peers_)
    if (core->counters().sockets.get() < least->counters().sockets.get()) least = core.get();
  const std::uint64_t here = context_.counters.sockets.get() + 1;
  // More than 1.25 times the least loaded one's.
  return here * 4 > least->counters().sockets.get() * 5 + kBalanceSlack ? *least : *this;
}

// ---- stopping

void Core::post_stop(std::chrono::milliseconds deadline, std::chrono::milliseconds spread) {
  {
    const std::lock_guard lock(stop_mutex_);
    if (!stop_request_) stop_request_ = StopRequest{deadline, spread};
    stop_request_->deadline = std::min<Time>(stop_request_->deadline, deadline);
    stop_asked_.store(true, std::memory_order_release);  // pairs with the load in take_stop_request()
  }
  context_.reactor.gate().wake();
}

void Core::take_stop_request() {
  if (!stop_asked_.load(std::memory_order_acquire)) return;
  std::optional<StopRequest> request;
  {
    const std::lock_guard lock(stop_mutex_);
    request = std::exchange(stop_request_, {});
    stop_asked_.store(false, std::memory_order_relaxed);  // only the mutex's holders write it
  }
  const core::Reactor::Entered entered(context_.reactor);
  begin_stop(request->deadline, request->spread);
  io_->wake();  // for what it left to the next turn
}

void Core::begin_stop(Time deadline, Time spread) {
  const Time now = context_.reactor.now();
  if (now + deadline < stop_deadline_) {
    stop_deadline_ = now + deadline;
    context_.reactor.arm(cut_alarm_, stop_deadline_);
  }
  if (context_.stopping) return;
  context_.stopping = true;
  for (const io::ListenerHandle listener : std::exchange(listeners_, {})) io_->close_listener(listener);
  paused_.clear();
  context_.extensions.on_stop(stop_deadline_);
  stop_began_ = now;
  stop_spread_ = std::min(spread, deadline);
  try {
    to_stop_.reserve(context_.links.size());
  } catch (const std::bad_alloc&) {
    return context_.links.for_each([](Link& link) { link.on_stop(); });  // no list to spread them by: all at once
  }
  context_.links.for_each([this](Link& link) { to_stop_.push_back(link.token()); });
  stop_some();
}

void Core::stop_some() {
  const Time passed = context_.reactor.now() - stop_began_;
  const std::size_t due = passed >= stop_spread_ ? to_stop_.size()
                                                 : to_stop_.size() * static_cast<std::size_t>(passed.count()) /
                                                       static_cast<std::size_t>(stop_spread_.count());
  for (; told_ < due; told_++) {
    const io::Token token = to_stop_[told_];
    if (Link* link = context_.links.find(token.slot, token.generation)) link->on_stop();
  }
  if (told_ < to_stop_.size()) context_.reactor.arm(stop_alarm_, context_.reactor.now() + kSpreadStep);
}

void Core::cut_all() {
  context_.links.for_each([](Link& link) { link.abort(End::local); });
  context_.lingering.give_up_all();
}

// ---- watching

void Core::watch_turn() {
  const Time limit = service_.config.slow_turn;
  if (limit == Time::zero() || context_.reactor.last_turn_length() <= limit) return;
  context_.counters.refusals[static_cast<std::size_t>(Refusal::slow_turn)].add();
  const auto ms = [](Time time) {
    return static_cast<long long>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
  };
  const Time length = context_.reactor.last_turn_length();
  const core::TurnShares::Share longest = context_.reactor.largest_share();
  std::array<char, 128> text;  // holds kMaxNameSize and two numbers
  if (longest.name.empty()) {
    std::snprintf(text.data(), text.size(), "%lld ms; no handler ran", ms(length));
  } else {
    std::snprintf(text.data(), text.size(), "%lld ms; longest: %.*s, %lld ms", ms(length),
                  static_cast<int>(longest.name.size()), longest.name.data(), ms(longest.time));
  }
  context_.log.event(LogLevel::warning, context_.reactor.now(), "slow_turn", nullptr, text.data());
}

void Core::check_invariants() const {
  context_.reactor.check_invariants();
  const_cast<connection::CoreContext&>(context_).links.for_each([](Link& link) { link.check_invariants(); });
  context_.extensions.check_invariants();
}

}  // namespace brume::server

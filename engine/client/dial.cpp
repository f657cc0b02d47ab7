#include <algorithm>
#include <cerrno>
#include <utility>

#include <brume/engine/client/dial.h>
#include <brume/engine/connection/link.h>
#include <brume/engine/io/errno_map.h>

namespace brume::client {

using connection::Link;

namespace {

connection::TlsCore& tls_core_of(connection::CoreContext& context) {
  const TlsConfig usual;
  if (!context.client_tls) {
    context.client_tls = std::make_unique<connection::TlsCore>(
        context.reactor,
        connection::TlsCore::Limits{usual.max_handshakes, usual.handshakes_per_turn, usual.record_rate});
  }
  return *context.client_tls;
}

// Families take turns, beginning with the first one's; otherwise the order stays.
std::vector<io::Address> take_turns(std::vector<io::Address> addresses) {
  const auto first_family = addresses.front().family;
  std::vector<io::Address> firsts, others, mixed;
  for (const io::Address& address : addresses) (address.family == first_family ? firsts : others).push_back(address);
  for (std::size_t i = 0; i < std::max(firsts.size(), others.size()); i++) {
    if (i < firsts.size()) mixed.push_back(firsts[i]);
    if (i < others.size()) mixed.push_back(others[i]);
  }
  return mixed;
}

}  // namespace

Dial::Dial(connection::CoreContext& context, Owner& owner, const codec::Url& url, const ConnectOptions& options,
           TlsContexts::Settings tls, connection::RouteRef route)
    : context_(context), owner_(owner), url_(url), options_(options), tls_(std::move(tls)), route_(std::move(route)) {
  context_.reactor.arm(deadline_, context_.reactor.now() + options_.connect_timeout);
}

Dial::~Dial() {
  abandon_connects();
  if (upgrade_) upgrade_->leave();
}

void Dial::abandon_connects() {
  for (const io::Token attempt : std::exchange(connects_, {})) context_.connects.abandon(attempt);
}

template <class F>
void Dial::guarded(F&& call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    fail(step_, ConnectCause::failed, "out of memory", ENOMEM);  // short: needs none
  }
}

void Dial::OwnAlarm::fire() {
  Dial& of = dial;  // this object may go in the call
  of.guarded([&of, call = method] { (of.*call)(); });
}

void Dial::on_resolved(io::Environment::Resolution resolution) {
  guarded([&] { take_addresses(std::move(resolution)); });
}

void Dial::take_addresses(io::Environment::Resolution resolution) {
  if (over_ || step_ != ConnectStep::resolve) return;
  if (resolution.addresses.empty()) {
    return fail(ConnectStep::resolve, ConnectCause::failed, url_.host + ": " + resolution.error);
  }
  step_ = ConnectStep::connect;
  addresses_ = take_turns(std::move(resolution.addresses));
  if (addresses_.size() > kMaxAddresses) addresses_.resize(kMaxAddresses);
  std::ranges::reverse(addresses_);
  try_next();
}

void Dial::try_next() {
  if (over_ || addresses_.empty()) return;
  const io::Address address = addresses_.back();
  addresses_.pop_back();
  try {
    connects_.reserve(connects_.size() + 1);
    connects_.push_back(context_.connects.begin(*this, address, {.user_timeout = options_.connection.write_timeout}));
  } catch (const std::bad_alloc&) {
    return fail(ConnectStep::connect, ConnectCause::failed, "out of memory", ENOMEM);
  }
  if (!addresses_.empty()) context_.reactor.arm(next_address_, context_.reactor.now() + kNextAddress);
}

void Dial::on_connected(io::Token attempt, io::SocketId socket, const io::Address& peer, int error) {
  std::erase(connects_, attempt);
  if (error == 0) return upgrade(socket, peer);
  guarded([&] {
    last_code_ = error;
    last_text_ = peer.to_string() + ": " + io::errno_text(error);
    if (!addresses_.empty()) return try_next();
    if (connects_.empty()) fail(ConnectStep::connect, ConnectCause::failed, last_text_, last_code_);
  });
}

void Dial::upgrade(io::SocketId socket, const io::Address& peer) {
  abandon_connects();
  context_.reactor.timers().cancel(next_address_);
  addresses_.clear();
  step_ = ConnectStep::upgrade;
  Link* link = nullptr;
  try {
    link = context_.links.emplace(context_, socket, peer).object;
    if (link) {
      link->start(options_.connection.write_timeout, false);
      connection::Transport* transport = link;
      if (url_.secure) {
        const tls::Session resume = tls_->resumes ? tls_->sessions.take(url_.authority) : nullptr;
        auto& secured =
            connection::TlsTransport::open_client(*link, tls_core_of(context_), tls_->context, url_.host, resume);
        secured_ = &secured;
        transport = &secured;
      }
      upgrade_ = &UpgradeSession::open(*transport, *this, url_, options_, route_);
      return;
    }
    context_.reactor.io().close(socket, true);
  } catch (const std::bad_alloc&) {
    if (link) {
      link->abort(connection::End::memory);
    } else {
      context_.reactor.io().close(socket, true);
    }
  }
  fail(ConnectStep::connect, ConnectCause::failed, "out of memory, or of connections", ENOMEM);
}

// A server's ticket comes with the end of its handshake, in front of its answer. Also where that refuses: the next
// attempt is as good as the next connection.
void Dial::keep_session() {
  if (secured_ && tls_->resumes && secured_->handshake_done()) tls_->sessions.put(url_.authority, secured_->session());
}

void Dial::on_upgraded() {
  keep_session();
  upgrade_ = nullptr;
  over_ = true;
  context_.reactor.timers().cancel(deadline_);
  owner_.on_dialed();
}

void Dial::on_upgrade_failed(ConnectError error) {
  upgrade_ = nullptr;
  if (over_) return;
  over_ = true;
  keep_session();
  context_.reactor.timers().cancel(deadline_);
  try {
    tell_tls(error);
  } catch (const std::bad_alloc&) {
    error.text = "out of memory";  // short: needs none
  }
  owner_.on_dial_failed(std::move(error));
}

void Dial::tell_tls(ConnectError& error) const {
  if (!secured_ || error.cause == ConnectCause::refused || error.rule) return;
  const bool shook_hands = !secured_->handshake_done();
  if (shook_hands) error.step = ConnectStep::tls;
  if (error.cause == ConnectCause::stopping) return;
  if (const auto fault = secured_->fault()) {
    error.cause = ConnectCause::failed;
    error.text = url_.authority + ": " + std::string(to_string(fault->error));
    if (!fault->detail.empty()) error.text.append(": ").append(fault->detail);
  } else if (shook_hands && error.cause == ConnectCause::timed_out) {
    error.code = ETIMEDOUT;
    error.text = url_.authority + ": no handshake in time";
  } else if (shook_hands) {
    error.code = ECONNRESET;
    error.text = url_.authority + ": the connection ended during the handshake";
  }
}

void Dial::on_time_out() {
  if (upgrade_) return upgrade_->expire();
  if (step_ == ConnectStep::resolve) {
    return fail(step_, ConnectCause::timed_out, url_.host + ": no address in time", ETIMEDOUT);
  }
  fail(step_, ConnectCause::timed_out, last_text_.empty() ? url_.authority + ": no answer in time" : last_text_,
       ETIMEDOUT);
}

void Dial::fail(ConnectStep step, ConnectCause cause, std::string text, int code) {
  if (over_) return;
  over_ = true;
  abandon_connects();
  context_.reactor.timers().cancel(deadline_);
  context_.reactor.timers().cancel(next_address_);
  ConnectError error;
  error.step = step;
  error.cause = cause;
  error.text = std::move(text);
  error.code = code;
  owner_.on_dial_failed(std::move(error));
}

}  // namespace brume::client

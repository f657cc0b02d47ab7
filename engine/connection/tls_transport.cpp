// A transport's life: how it is made, its handshake, what it counts as held.
#include <algorithm>
#include <cassert>
#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_transport.h>

namespace brume::connection {

using tls::TlsError;
using tls::TlsFault;
using tls::TlsFilter;

namespace {
constexpr std::size_t kDefaultReadBufferSize = 4096;
}  // namespace

TlsTransport::TlsTransport(Transport& link, TlsCore& core, Time began, Time deadline)
    : Transport(link.context()),
      link_(link),
      core_(core),
      began_(began),
      deadline_(deadline),
      bare_records_(core.record_rate()) {
  context_.reactor.admit();
}

TlsTransport::~TlsTransport() {
  free_spill();
  account(0);
  context_.reactor.dismiss();
}

TlsTransport& TlsTransport::make(Transport& link, TlsCore& core, Time began, Time deadline) {
  void* memory = link.context().reactor.frames().allocate(sizeof(TlsTransport));
  try {
    auto* made = new (memory) TlsTransport(link, core, began, deadline);
    link.set_protocol(*made);
    if (deadline != Time::max()) link.wake_by(deadline);
    return *made;
  } catch (...) {
    core::FramePool::deallocate(memory);
    throw;
  }
}

TlsTransport& TlsTransport::open_server(Transport& link, TlsCore& core, Time began, Time deadline) {
  return make(link, core, began, deadline);
}

TlsTransport& TlsTransport::open_client(Transport& link, TlsCore& core, std::shared_ptr<const tls::TlsContext> context,
                                        const std::string& host, const tls::Session& resume) {
  const Time now = link.context().reactor.now();
  TlsTransport& made = make(link, core, now, Time::max());
  made.client_ = true;
  if (!made.filter_.begin_client(std::move(context), host, resume)) {
    made.abort(End::memory);
    return made;
  }
  made.account(kStateSize);
  made.block_size_ = kHandshakeBlockSize;
  made.filter_.step({}, core.plain(), made, now);
  made.wrote_ = false;
  link.request_flush();
  // The protocol that is put on it hears of it when the link is gone.
  if (made.filter_.state() == TlsFilter::State::failed) made.abort(End::local);
  return made;
}

core::Reactor& TlsTransport::reactor() {
  return context_.reactor;
}

std::optional<TlsInfo> TlsTransport::tls_info() const {
  if (state_ == State::handshake || !filter_.begun()) return std::nullopt;
  return filter_.info();
}

std::optional<TlsFault> TlsTransport::fault() const {
  if (truncated_) return TlsFault{TlsError::truncated, {}};
  if (filter_.state() != TlsFilter::State::failed) return std::nullopt;
  return filter_.fault();
}

// ---- the handshake

void TlsTransport::go_on() {
  link_.resume();
}

void TlsTransport::on_handshake_done() {
  core_.leave(*this);
  state_ = State::open;
  handshake_done_ = true;
  context_.counters.tls_handshakes.add();
  if (filter_.resumed()) context_.counters.tls_resumed.add();
  if (!client_) core_.opener().on_tls_open(*this, began_);
  assert(upper_);
  if (!outbox_.empty()) request_flush();
}

// ---- numbers

void TlsTransport::account(std::size_t bytes) {
  core::Ledger& ledger = context_.reactor.ledger();
  ledger.sub(core::Ledger::Kind::tls, counted_);
  ledger.add(core::Ledger::Kind::tls, bytes);
  counted_ = bytes;
}

std::size_t TlsTransport::read_buffer_size() const {
  return upper_ ? upper_->read_buffer_size() : kDefaultReadBufferSize;
}

std::size_t TlsTransport::held_bytes() const {
  return counted_ + outbox_.size() + spill_.block.size + (upper_ ? upper_->held_bytes() : 0);
}

void TlsTransport::check_invariants() const {
  outbox_.check_invariants();
  assert(sealed_ <= outbox_.size());
  assert(state_ == State::handshake || !linked());
  assert(spill_.empty() || state_ == State::open);
  assert(!filter_.begun() || counted_ != 0);
  if (upper_) upper_->check_invariants();
}

}  // namespace brume::connection

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <new>
#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_transport.h>

namespace brume::connection {

using tls::TlsError;
using tls::TlsFault;
using tls::TlsFilter;

namespace {
// Of the link's outbox while hands are shaken: a hello with certificates.
constexpr std::size_t kHandshakeBlockSize = 4096;  // bytes
constexpr std::size_t kDefaultReadBufferSize = 4096;
// What a record adds at most: header, nonce, tag, padding and kind (RFC 5246, section 6.2.3; RFC 8446, section 5.2).
constexpr std::size_t kRecordOverhead = 64;
constexpr std::size_t kBlockHeader = 128;  // of a block of an outbox, at most
// More than a system call takes: small pieces become one record.
constexpr std::size_t kMaxPieces = 64;
// What an alert has to reach the peer.
constexpr Time kLastWords = std::chrono::seconds(2);
constexpr std::string_view kSpeaksTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 35\r\nConnection: close\r\n\r\n"
    "This port speaks TLS (https, wss).\n";
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
  if (filter_.state() != TlsFilter::State::failed) return std::nullopt;
  return filter_.fault();
}

template <class F>
void TlsTransport::guarded(F&& call) {
  try {
    call();
  } catch (...) {
    upper_->on_exception(std::current_exception());
  }
}

void TlsTransport::account(std::size_t bytes) {
  core::Ledger& ledger = context_.reactor.ledger();
  ledger.sub(core::Ledger::Kind::tls, counted_);
  ledger.add(core::Ledger::Kind::tls, bytes);
  counted_ = bytes;
}

bool TlsTransport::take_records(std::span<const std::byte> records) noexcept {
  try {
    const auto room =
        link_.outbox().append(context_.reactor.blocks(), records.size(), Outbox::Content::raw, block_size_);
    std::memcpy(room.data(), records.data(), records.size());
    wrote_ = true;
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

// ---- input

std::size_t TlsTransport::on_input(std::span<std::byte> input) {
  if ((state_ != State::open && state_ != State::handshake) || input_over_) return input.size();
  if (state_ == State::handshake) {
    if (!core_.may_step(*this)) {
      link_.pause();
      return 0;
    }
    if (!filter_.begun()) {
      if (!filter_.begin_server(core_.context())) throw std::bad_alloc();
      account(kStateSize);
    }
  }
  const Time now = context_.reactor.now();
  std::size_t taken = 0;
  do {
    block_size_ = state_ == State::handshake ? kHandshakeBlockSize : kRecordOverhead;
    const TlsFilter::Step step = filter_.step(input.subspan(taken), core_.plain(), *this, now);
    taken += step.taken;
    const TlsFilter::State filter = filter_.state();
    // Once hands are shaken records go out with what the protocol has to say: a ticket with the first answer.
    if (std::exchange(wrote_, false)) {
      const bool goes_alone = filter == TlsFilter::State::handshake || filter == TlsFilter::State::failed;
      goes_alone ? link_.request_flush() : request_flush();
    }
    if (state_ == State::handshake && (filter == TlsFilter::State::open || filter == TlsFilter::State::closed))
      on_handshake_done();
    if (step.opened != 0) offer(core_.plain().first(step.opened));
    if (state_ != State::open && state_ != State::handshake) return input.size();  // by the protocol
    if (filter == TlsFilter::State::failed) {
      fail(filter_.fault());
      return input.size();
    }
    if (state_ == State::open && !bare_records_.take(filter_.take_bare_records(), now)) {
      fail({TlsError::too_many_bare_records, {}});
      return input.size();
    }
    if (filter == TlsFilter::State::closed) {
      input_ends();
      return input.size();
    }
  } while (taken < input.size() && takes_input());
  return taken;
}

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

void TlsTransport::offer(std::span<std::byte> plain) {
  if (spill_.empty()) {
    if (takes_input()) plain = feed(plain);
    if (state_ != State::open) return free_spill();
    if (!plain.empty()) set_aside(plain);
    return;
  }
  if (!plain.empty()) set_aside(plain);
  if (!takes_input()) return;
  const std::size_t before = spill_.content().size();
  const std::size_t left = feed(spill_.content()).size();
  if (state_ != State::open || left == 0) return free_spill();
  spill_.begin += static_cast<std::uint32_t>(before - left);
}

std::span<std::byte> TlsTransport::feed(std::span<std::byte> plain) {
  offering_ = true;
  context_.last_served = token();
  while (!plain.empty() && takes_input()) {
    Protocol* protocol = upper_;
    std::size_t taken = 0;
    guarded([&] { taken = protocol->on_input(plain); });
    plain = plain.subspan(taken);
    if (taken == 0 && protocol == upper_) break;
  }
  offering_ = false;
  return plain;
}

void TlsTransport::set_aside(std::span<const std::byte> plain) {
  const std::size_t used = spill_.content().size();
  if (spill_.end + plain.size() > spill_.block.size) {
    const std::size_t wanted = std::max(used + plain.size(), spill_.block.data ? 2 * used : read_buffer_size());
    Spill grown{context_.reactor.blocks().take(wanted), 0, static_cast<std::uint32_t>(used)};
    if (used != 0) std::memcpy(grown.block.data, spill_.content().data(), used);
    free_spill();
    spill_ = grown;
  }
  std::memcpy(spill_.block.data + spill_.end, plain.data(), plain.size());
  spill_.end += static_cast<std::uint32_t>(plain.size());
}

void TlsTransport::free_spill() {
  if (!spill_.block.data) return;
  context_.reactor.blocks().give_back(std::exchange(spill_, {}).block);
}

void TlsTransport::pause() {
  paused_ = true;
  link_.pause();
}

void TlsTransport::resume() {
  if (!paused_) return;
  paused_ = false;
  // Inside feed() the loops there go on by themselves, the link's too.
  if (offering_ || (spill_.empty() && !input_over_)) return link_.resume();
  context_.reactor.mark_ready(*this);
}

void TlsTransport::run_ready() {
  if (!takes_input()) return;
  if (!spill_.empty()) offer({});
  if (!takes_input()) return;
  if (input_over_) return tell_end(End::fin);
  link_.resume();
}

void TlsTransport::input_ends() {
  input_over_ = true;
  if (spill_.empty()) return tell_end(End::fin);
  // As in Link: what is set aside may still be asked for, but not for ever.
  deadline_ = context_.reactor.now() + kLastWords;
  wake_by(deadline_);
}

void TlsTransport::tell_end(End end) {
  if (std::exchange(end_told_, true) || !upper_) return;
  guarded([&] { upper_->on_end(end); });
}

// ---- output

void TlsTransport::request_flush() {
  context_.reactor.mark_flush(*this);
}

void TlsTransport::flush() {
  if (detached_ || state_ == State::handshake || state_ == State::over) return;
  if (!seal_batch()) return fail(filter_.fault());
  if (state_ == State::ending && sealed_ == outbox_.size()) {
    filter_.close(*this, context_.reactor.now());
    outbox_.clear();
    sealed_ = 0;
    state_ = State::over;
    link_.end(deadline_);
  }
  wrote_ = false;
  link_.flush();
}

bool TlsTransport::seal_batch() {
  if (sealed_ != 0 || outbox_.empty()) return true;
  std::array<iovec, kMaxPieces> pieces;
  const std::size_t count = outbox_.gather(pieces);
  std::size_t batch = 0;
  for (std::size_t i = 0; i < count && batch < kBatchSize; i++) {
    pieces[i].iov_len = std::min(pieces[i].iov_len, kBatchSize - batch);
    batch += pieces[i].iov_len;
  }
  block_size_ = batch + (batch / TlsFilter::kMaxRecordPayload + 1) * kRecordOverhead + kBlockHeader;
  const Time now = context_.reactor.now();
  const std::span<std::byte> record = core_.record();
  std::size_t held = 0;  // in `record`
  std::size_t left = batch;
  for (std::size_t i = 0; left != 0; i++) {
    std::span<const std::byte> piece(static_cast<const std::byte*>(pieces[i].iov_base), pieces[i].iov_len);
    left -= piece.size();
    while (!piece.empty()) {
      // From where it lies, where it fills records or is the last; else together with what follows.
      if (held == 0 && (left == 0 || piece.size() >= record.size())) {
        const std::size_t size = left == 0 ? piece.size() : piece.size() / record.size() * record.size();
        if (!filter_.seal(piece.first(size), *this, now)) return false;
        piece = piece.subspan(size);
        continue;
      }
      const std::size_t size = std::min(piece.size(), record.size() - held);
      std::memcpy(record.data() + held, piece.data(), size);
      held += size;
      piece = piece.subspan(size);
      if (held == record.size() && !filter_.seal(record.first(std::exchange(held, 0)), *this, now)) return false;
    }
  }
  if (held != 0 && !filter_.seal(record.first(held), *this, now)) return false;
  sealed_ = batch;
  return true;
}

void TlsTransport::on_output_progress() {
  if (!link_.outbox().empty() || (state_ != State::open && state_ != State::ending)) return;
  const bool moved = sealed_ != 0;
  outbox_.consume(std::exchange(sealed_, 0));
  if (!outbox_.empty() || state_ == State::ending) request_flush();
  if (moved && state_ == State::open) guarded([this] { upper_->on_output_progress(); });
}

// ---- ends

void TlsTransport::end(Time deadline) {
  if (state_ != State::open) return;
  state_ = State::ending;
  deadline_ = deadline;
  if (!offering_) free_spill();
  wake_by(deadline);
  paused_ = false;
  link_.resume();  // what still comes is dropped
  request_flush();
}

void TlsTransport::abort(End end) {
  // The link, which ends soon by itself, still tells the peer why.
  if (detached_ || last_words_) return;
  const bool was_open = state_ == State::open;
  core_.leave(*this);
  state_ = State::over;
  if (!offering_) free_spill();
  link_.abort(end);
  if (was_open) tell_end(end);
}

void TlsTransport::on_end(End end) {
  if (state_ == State::over) return;
  if (end == End::fin) {
    // Output that is still on its way goes out; an end without close_notify may be anybody's (RFC 8446, section 6.1).
    if (input_over_ || state_ == State::ending) return;
    return fail({TlsError::truncated, {}});
  }
  const bool is_news = state_ == State::open || state_ == State::handshake;
  core_.leave(*this);
  state_ = State::over;
  free_spill();
  if (is_news) tell_end(end);
}

void TlsTransport::fail(const TlsFault& fault) {
  const bool was_open = state_ == State::open;
  const bool shook_hands = state_ == State::handshake;
  const std::string_view what = to_string(fault.error);
  if (fault.error == TlsError::truncated) {
    // Before anything was agreed it is only somebody who looked whether the port is open.
    if (was_open) count(Refusal::tls_truncated, what, fault.detail, LogLevel::debug);
  } else if (fault.error == TlsError::too_many_bare_records) {
    count(Refusal::tls_bare_records, what, fault.detail, LogLevel::warning);
  } else if (shook_hands) {
    // A client that could not connect is told so, and turned nobody away.
    if (!client_) count(Refusal::tls_handshake, what, fault.detail, LogLevel::info);
  } else {
    count(Refusal::tls_record, what, fault.detail, LogLevel::warning);
  }
  if (fault.error == TlsError::plain_http) {
    block_size_ = kRecordOverhead;
    take_records(std::as_bytes(std::span(kSpeaksTls)));
  }
  core_.leave(*this);
  state_ = State::over;
  if (!offering_) free_spill();
  last_words_ = shook_hands;
  link_.end(context_.reactor.now() + kLastWords);
  if (was_open || shook_hands) tell_end(End::reset);
}

void TlsTransport::count(Refusal refusal, std::string_view detail, std::string_view cause, LogLevel level) {
  context_.counters.refusals[static_cast<std::size_t>(refusal)].add();
  context_.log.event(level, context_.reactor.now(), to_string(refusal), &link_.peer(), detail, cause);
}

void TlsTransport::on_exception(std::exception_ptr exception) noexcept {
  if (upper_ && state_ != State::over) return upper_->on_exception(std::move(exception));
  context_.note_exception(exception, "(handshake)", &link_.peer());
  abort(End::memory);
}

Time TlsTransport::on_deadline(Time now) {
  if (state_ == State::over) return Time::max();
  if (state_ != State::open) {
    if (now < deadline_) return deadline_;
    if (state_ == State::handshake) count(Refusal::tls_timeout, "the handshake took too long", {}, LogLevel::info);
    abort(End::local);
    return Time::max();
  }
  Time next = Time::max();
  if (input_over_ && !end_told_) {
    if (now >= deadline_) {
      free_spill();
      tell_end(End::fin);
    } else {
      next = deadline_;
    }
  }
  if (state_ == State::open) guarded([&] { next = std::min(next, upper_->on_deadline(now)); });
  return next;
}

void TlsTransport::on_stop() {
  if (state_ == State::handshake && !upper_) return abort(End::local);
  if (state_ == State::open || state_ == State::handshake) guarded([this] { upper_->on_stop(); });
}

void TlsTransport::on_detached() {
  detached_ = true;
  core_.leave(*this);
  state_ = State::over;
  outbox_.clear();
  free_spill();
  if (upper_) std::exchange(upper_, nullptr)->on_detached();
  context_.reactor.mark_reap(*this);
}

void TlsTransport::reap() {
  this->~TlsTransport();
  core::FramePool::deallocate(this);
}

// ---- numbers

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

// What goes: a turn's output sealed one batch at a time, and the end: in order with close_notify, by a fault with its
// alert, or at once.
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
constexpr std::size_t kBlockHeader = 128;  // of a block of an outbox, at most
// More than a system call takes: small pieces become one record.
constexpr std::size_t kMaxPieces = 64;
constexpr std::string_view kSpeaksTls =
    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 35\r\nConnection: close\r\n\r\n"
    "This port speaks TLS (https, wss).\n";
}  // namespace

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

void TlsTransport::request_flush() {
  context_.reactor.mark_flush(*this);
}

void TlsTransport::flush() {
  if (detached_ || state_ == State::handshake || state_ == State::over) return;
  if (!seal_batch()) return fail(filter_.fault());
  if (state_ == State::ending && !seal_waits_ && sealed_ == outbox_.size()) {
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
  seal_waits_ = !filter_.may_seal();
  if (seal_waits_ || sealed_ != 0 || outbox_.empty()) return true;
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

// ---- the end

void TlsTransport::tell_end(End end) {
  if (std::exchange(end_told_, true) || !upper_) return;
  guarded([&] { upper_->on_end(end); });
}

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
    if (spill_.empty()) return fail({TlsError::truncated, {}});
    // What was set aside came whole and is genuine: it may be asked for yet, and the end is told behind it.
    count(Refusal::tls_truncated, to_string(TlsError::truncated), {}, LogLevel::debug);
    return input_ends();
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
    truncated_ = was_open;
    if (was_open) count(Refusal::tls_truncated, what, fault.detail, LogLevel::debug);
  } else if (fault.error == TlsError::too_many_bare_records) {
    count(Refusal::tls_bare_records, what, fault.detail, LogLevel::warning);
  } else if (fault.error == TlsError::out_of_memory) {
    // A WebSocket connection says so itself.
    if (!connection()) count(Refusal::out_of_memory, what, fault.detail, LogLevel::error);
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
  if (was_open || shook_hands) tell_end(fault.error == TlsError::out_of_memory ? End::memory : End::reset);
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

}  // namespace brume::connection

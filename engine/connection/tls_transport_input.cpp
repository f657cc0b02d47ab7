// What comes: records in, plain bytes to the protocol, and what it does not take yet is set aside.
#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_transport.h>

namespace brume::connection {

using tls::TlsError;
using tls::TlsFilter;

std::size_t TlsTransport::on_input(std::span<std::byte> input) {
  if (state_ == State::ending && !filter_.may_seal()) return drop_input(input);
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
    if (seal_waits_) request_flush();
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

std::size_t TlsTransport::drop_input(std::span<const std::byte> input) {
  block_size_ = kRecordOverhead;
  std::size_t taken = 0;
  while (taken < input.size() && filter_.state() == TlsFilter::State::open && !filter_.may_seal())
    taken += filter_.step(input.subspan(taken), core_.plain(), *this, context_.reactor.now()).taken;
  if (filter_.state() == TlsFilter::State::failed) {
    fail(filter_.fault());
  } else {
    request_flush();
  }
  return input.size();
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
  deadline_ = context_.reactor.now() + std::max<Time>(kLastWords, write_timeout_);
  wake_by(deadline_);
}

}  // namespace brume::connection

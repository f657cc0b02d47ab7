#include <brume/engine/connection/tls_core.h>
#include <brume/engine/connection/tls_transport.h>

namespace brume::connection {

TlsCore::TlsCore(core::Reactor& reactor, const TlsStore& store, TlsOpener& opener, const Limits& limits)
    : TlsCore(reactor, limits) {
  store_ = &store;
  opener_ = &opener;
}

TlsCore::TlsCore(core::Reactor& reactor, const Limits& limits)
    : reactor_(reactor),
      limits_(limits),
      scratch_(std::make_unique_for_overwrite<std::byte[]>(kPlainSize + tls::TlsFilter::kMaxRecordPayload)) {
  reactor.admit();
}

TlsCore::~TlsCore() {
  reactor_.unmark(*this);
  reactor_.dismiss();
}

const TlsStore::Context& TlsCore::context() {
  if (const std::uint32_t version = store_->version(); version != version_) {
    context_ = store_->get();
    version_ = version;
  }
  return context_;
}

bool TlsCore::take_step() {
  if (turn_ != reactor_.turns()) {
    turn_ = reactor_.turns();
    steps_ = 0;
  }
  if (steps_ == limits_.handshakes_per_turn) return false;
  steps_++;
  return true;
}

bool TlsCore::may_step(TlsTransport& transport) {
  if (transport.line_.granted) {
    transport.line_.granted = false;
    return true;
  }
  if (transport.linked()) return false;
  const bool room = transport.line_.counted || handshakes_ < limits_.max_handshakes;
  if (room && !anyone_waits() && take_step()) {
    if (!std::exchange(transport.line_.counted, true)) handshakes_++;
    return true;
  }
  (transport.line_.counted ? waiting_ : newcomers_).push_back(transport);
  reactor_.mark_ready(*this);
  return false;
}

void TlsCore::leave(TlsTransport& transport) {
  transport.core::ListLink<>::unlink();
  transport.line_.granted = false;
  if (!std::exchange(transport.line_.counted, false)) return;
  handshakes_--;
  if (anyone_waits()) reactor_.mark_ready(*this);
}

TlsTransport* TlsCore::next_in_line() {
  if (!waiting_.empty()) return waiting_.front();
  return handshakes_ < limits_.max_handshakes ? newcomers_.front() : nullptr;
}

void TlsCore::run_ready() {
  for (TlsTransport* next = next_in_line(); next; next = next_in_line()) {
    if (!take_step()) return reactor_.mark_ready(*this);  // the others in the next turn
    next->core::ListLink<>::unlink();
    if (!std::exchange(next->line_.counted, true)) handshakes_++;
    next->line_.granted = true;
    next->go_on();
  }
}

}  // namespace brume::connection

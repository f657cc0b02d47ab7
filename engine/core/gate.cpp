#include <limits>
#include <thread>

#include <brume/engine/core/gate.h>

namespace brume::core {

namespace {
constexpr std::uint32_t kClosed = std::uint32_t{1} << 31;
}  // namespace

class Gate::Visit {
 public:
  // Acquire: pairs with close()'s release half, so that a visitor that is let in finds the Io alive.
  explicit Visit(Gate& gate)
      : gate_(gate), open_((gate.visitors_.fetch_add(1, std::memory_order_acq_rel) & kClosed) == 0) {}
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;
  // Release: pairs with the acquire load in close(), which waits for this before the Io goes.
  ~Visit() { gate_.visitors_.fetch_sub(1, std::memory_order_release); }
  explicit operator bool() const { return open_; }

 private:
  Gate& gate_;
  bool open_;
};

std::expected<void, Error> Gate::post(const Envelope& envelope) {
  const Visit visit(*this);
  if (!visit) return std::unexpected(Error::stopping);
  if (!mailbox_.try_push(envelope)) return std::unexpected(Error::queue_full);
  if (mailbox_.should_wake()) io_->wake();
  return {};
}

std::expected<std::size_t, Error> Gate::post_batch(std::span<const Envelope> envelopes, io::Io& from) {
  const Visit visit(*this);
  if (!visit) return std::unexpected(Error::stopping);
  const std::size_t taken = mailbox_.try_push_batch(envelopes);
  if (taken != 0 && mailbox_.should_wake()) from.wake_peer(*io_);
  return taken;
}

void Gate::wake() {
  const Visit visit(*this);
  if (visit) io_->wake();
}

std::size_t Gate::drain(void* host, std::size_t max) {
  return mailbox_.drain([host](Envelope& envelope) { envelope.run(host, envelope.payload.data()); }, max);
}

void Gate::close() {
  visitors_.fetch_or(kClosed, std::memory_order_acq_rel);
  // Acquire: pairs with the release in ~Visit(). A visitor is between a push and a wake: this ends within a few
  // instructions of that thread's own time.
  while ((visitors_.load(std::memory_order_acquire) & ~kClosed) != 0) std::this_thread::yield();
  while (drain(nullptr, std::numeric_limits<std::size_t>::max()) != 0) {
  }
  io_ = nullptr;
}

GateRef::GateRef(Gate& gate) : gate_(&gate) {
  // Relaxed: whoever hands out a reference already holds one, or is the owner.
  gate_->references_.fetch_add(1, std::memory_order_relaxed);
}

GateRef::GateRef(const GateRef& other) : gate_(other.gate_) {
  if (gate_) gate_->references_.fetch_add(1, std::memory_order_relaxed);
}

GateRef::~GateRef() {
  // Acquire and release: the last one to leave sees all the others' writes before it frees the gate.
  if (gate_ && gate_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete gate_;
}

}  // namespace brume::core

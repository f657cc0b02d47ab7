// tls_core.h: what all TLS connections of one core share: the certificates in use, scratch memory, and the order in
// which handshakes go on.
//
// A handshake costs as much as thousands of messages: a core takes so many steps of handshakes a turn, and has so many
// under way at a time; the others wait in line, their time counting. Owned by the core's context; its own thread only,
// but for TlsStore.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include <brume/engine/connection/transport.h>
#include <brume/engine/core/intrusive_list.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/tls/tls_context.h>
#include <brume/engine/tls/tls_filter.h>

namespace brume::connection {

class TlsTransport;

// The newest certificates, from whoever reads them to all cores. Any thread.
class TlsStore {
 public:
  using Context = std::shared_ptr<const tls::TlsContext>;

  void set(Context context) {
    const std::lock_guard lock(mutex_);
    context_ = std::move(context);
    version_.fetch_add(1, std::memory_order_release);  // pairs with the load in version()
  }
  // Changes with each set().
  std::uint32_t version() const { return version_.load(std::memory_order_acquire); }  // pairs with set()
  Context get() const {
    const std::lock_guard lock(mutex_);
    return context_;
  }

 private:
  mutable std::mutex mutex_;
  Context context_;
  std::atomic<std::uint32_t> version_{0};
};

// Hears of a handshake that is done.
class TlsOpener {
 public:
  // Puts a protocol on `transport`, whose connection began at `began`. What it throws ends the connection.
  virtual void on_tls_open(Transport& transport, Time began) = 0;

 protected:
  ~TlsOpener() = default;
};

class TlsCore final : public core::Participant {
 public:
  static constexpr std::size_t kPlainSize = 4 * tls::TlsFilter::kMaxRecordPayload;

  struct Limits {
    std::size_t max_handshakes;
    std::uint32_t handshakes_per_turn;
    std::uint32_t record_rate;
  };
  // For what is accepted. May throw std::bad_alloc.
  TlsCore(core::Reactor& reactor, const TlsStore& store, TlsOpener& opener, const Limits& limits);
  // For connections this side makes: each brings its context, and has its protocol from the start. May throw
  // std::bad_alloc.
  TlsCore(core::Reactor& reactor, const Limits& limits);
  ~TlsCore();

  // Only where it is for what is accepted.
  const TlsStore::Context& context();
  TlsOpener& opener() { return *opener_; }
  std::uint32_t record_rate() const { return limits_.record_rate; }
  // For the call under way: what was opened, and what is to be sealed as one record.
  std::span<std::byte> plain() { return {scratch_.get(), kPlainSize}; }
  std::span<std::byte> record() { return {scratch_.get() + kPlainSize, tls::TlsFilter::kMaxRecordPayload}; }

  // Whether `transport` may take a step of its handshake now. Where not it stands in line, and its go_on() is called
  // when its turn has come: then the answer is yes.
  bool may_step(TlsTransport& transport);
  // Its handshake is over, however it ended.
  void leave(TlsTransport& transport);
  std::size_t handshakes() const { return handshakes_; }
  bool anyone_waits() const { return !waiting_.empty() || !newcomers_.empty(); }

  void run_ready() override;
  void flush() override {}
  void reap() override {}
  void fire() override {}

 private:
  bool take_step();
  TlsTransport* next_in_line();

  core::Reactor& reactor_;
  const TlsStore* store_ = nullptr;
  TlsOpener* opener_ = nullptr;
  const Limits limits_;
  std::uint32_t version_ = 0;
  TlsStore::Context context_;
  std::unique_ptr<std::byte[]> scratch_;
  std::uint64_t turn_ = 0;  // that steps_ counts in
  std::uint32_t steps_ = 0;
  std::size_t handshakes_ = 0;                   // under way
  core::IntrusiveList<TlsTransport> waiting_;    // to go on
  core::IntrusiveList<TlsTransport> newcomers_;  // to begin
};

}  // namespace brume::connection

// tls_transport.h: TLS between a Link and the protocol that speaks through it.
//
// To the link it is the protocol, to the protocol it is the transport, with an outbox of its own: what a turn left
// there is sealed at the turn's flush, one bounded batch at a time, into the link's outbox. A batch stays in this
// outbox, and counts as in flight, until its records are sent: so a slow peer is held, and what has not begun may be
// dropped, exactly as without TLS. Lives in the core's frame pool, from accept (or connect) until its link is gone. Its
// core's thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <brume/engine/connection/counters.h>
#include <brume/engine/connection/tls_core.h>
#include <brume/engine/connection/transport.h>
#include <brume/engine/core/intrusive_list.h>
#include <brume/engine/core/token_bucket.h>
#include <brume/engine/tls/tls_filter.h>

namespace brume::connection {

class TlsTransport final : public Transport, public Protocol, public core::ListLink<>, private tls::Output {
 public:
  // Plain bytes sealed at a time.
  static constexpr std::size_t kBatchSize = 3 * tls::TlsFilter::kMaxRecordPayload;
  // What OpenSSL holds for an idle connection, roughly; counted as held by the peer. tests/e2e/tls_memory_check.py
  // measures it.
  static constexpr std::size_t kStateSize = 16 * 1024;

  // The server's side of `link`, which was accepted at `began` and has until `deadline` for the handshake. May throw
  // std::bad_alloc.
  static TlsTransport& open_server(Transport& link, TlsCore& core, Time began, Time deadline);
  // The client's: says hello to `host` at once. Its protocol is put on it right away, by who opens it, who also minds
  // the time: what the protocol sends meanwhile waits for the handshake, and its on_end() tells that it failed, when
  // fault() and handshake_done() say how. May throw std::bad_alloc.
  static TlsTransport& open_client(Transport& link, TlsCore& core, std::shared_ptr<const tls::TlsContext> context,
                                   const std::string& host, const tls::Session& resume);

  // Why the handshake or the connection failed; nullopt where it did not.
  std::optional<tls::TlsFault> fault() const;
  bool handshake_done() const { return handshake_done_; }
  // Client: see TlsFilter.
  tls::Session session() const { return filter_.session(); }

  // Transport
  void request_flush() override;
  std::size_t in_flight() const override { return sealed_; }
  void pause() override;
  void resume() override;
  bool held_back() const override { return link_.held_back(); }
  void end(Time deadline) override;
  void abort(End end) override;
  void set_protocol(Protocol& protocol) override { upper_ = &protocol; }
  void wake_by(Time deadline) override { link_.wake_by(deadline); }
  void set_write_timeout(std::chrono::milliseconds timeout) override {
    Transport::set_write_timeout(timeout);
    link_.set_write_timeout(timeout);
  }
  std::optional<TlsInfo> tls_info() const override;
  const io::Address& peer() const override { return link_.peer(); }
  io::Token token() const override { return link_.token(); }
  void let_peer_end_first() override { link_.let_peer_end_first(); }
  bool rename_peer(const io::Address& peer) override { return link_.rename_peer(peer); }

  void run_ready() override;
  void flush() override;
  void reap() override;
  void fire() override {}  // its times are the link's

  // Protocol
  std::size_t on_input(std::span<std::byte> input) override;
  void on_output_progress() override;
  void on_end(End end) override;
  void on_exception(std::exception_ptr exception) noexcept override;
  Time on_deadline(Time now) override;
  void on_stop() override;
  void on_detached() override;
  Connection* connection() override { return upper_ ? upper_->connection() : nullptr; }
  std::size_t read_buffer_size() const override;
  std::size_t held_bytes() const override;
  void check_invariants() const override;

 private:
  friend class TlsCore;
  // Of the link's outbox while hands are shaken: a hello with certificates.
  static constexpr std::size_t kHandshakeBlockSize = 4096;  // bytes
  // What a record adds at most: header, nonce, tag, padding and kind (RFC 5246, section 6.2.3; RFC 8446, section 5.2).
  static constexpr std::size_t kRecordOverhead = 64;
  // What an alert has to reach the peer.
  static constexpr Time kLastWords = std::chrono::seconds(2);

  enum class State : std::uint8_t {
    handshake,
    open,
    ending,  // end() was called: what is in the outbox is sealed, then close_notify
    over,    // the link ends or has ended
  };
  // Plain input set aside while the protocol does not take it.
  struct Spill {
    core::Block block{nullptr, 0};
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::span<std::byte> content() const { return {block.data + begin, end - begin}; }
    bool empty() const { return begin == end; }
  };

  TlsTransport(Transport& link, TlsCore& core, Time began, Time deadline);
  ~TlsTransport();
  static TlsTransport& make(Transport& link, TlsCore& core, Time began, Time deadline);

  // TaskScope: it runs no tasks.
  core::Reactor& reactor() override;
  void on_task_begun(void*) override {}
  void on_task_done(void*, std::exception_ptr) noexcept override {}
  void give_up() override {}

  // tls::Output
  bool take_records(std::span<const std::byte> records) noexcept override;

  // Calls the protocol; what it throws ends this connection alone.
  template <class F>
  void guarded(F&& call) {
    try {
      call();
    } catch (...) {
      upper_->on_exception(std::current_exception());
    }
  }
  // Its turn has come: see TlsCore.
  void go_on();
  void on_handshake_done();
  // While ending: what still comes is dropped, but for the rest of a message that sealing waits for.
  std::size_t drop_input(std::span<const std::byte> input);
  // Gives `plain` to the protocol, behind what was set aside; what it does not take is set aside.
  void offer(std::span<std::byte> plain);
  std::span<std::byte> feed(std::span<std::byte> plain);
  void set_aside(std::span<const std::byte> plain);
  void free_spill();
  bool takes_input() const { return state_ == State::open && !paused_; }
  // Nothing goes on: logs, sends the alert that may be there, ends.
  void fail(const tls::TlsFault& fault);
  void count(Refusal refusal, std::string_view detail, std::string_view cause, LogLevel level);
  // The peer sends nothing more: tells the protocol once it has had everything.
  void input_ends();
  // Seals the next batch, unless that has to wait for more input; false where sealing failed.
  bool seal_batch();
  void tell_end(End end);
  void account(std::size_t bytes);

  Transport& link_;
  TlsCore& core_;
  Protocol* upper_ = nullptr;  // a server's: null until the handshake is done
  Time began_;
  Time deadline_;  // of the states handshake and ending; of input nobody takes once it has ended
  core::TokenBucket bare_records_;
  Spill spill_;
  std::size_t sealed_ = 0;      // bytes of the outbox whose records are not sent yet
  std::size_t counted_ = 0;     // bytes the ledger knows of
  std::size_t block_size_ = 0;  // wanted where the link's outbox is empty
  State state_ = State::handshake;
  struct Line {
    bool counted = false;  // among the handshakes under way
    bool granted = false;  // the next step is paid for
  } line_;                 // the core's note
  bool paused_ = false;
  bool offering_ = false;  // inside feed()
  bool input_over_ = false;
  bool end_told_ = false;
  bool detached_ = false;    // the link is gone
  bool wrote_ = false;       // records since this was last looked at
  bool seal_waits_ = false;  // for the filter, which may not seal before it has had more
  bool handshake_done_ = false;
  bool client_ = false;
  bool truncated_ = false;   // once open: TCP ended without close_notify
  bool last_words_ = false;  // an alert about the handshake is on its way
  tls::TlsFilter filter_;
};

}  // namespace brume::connection

// transport.h: what a protocol speaks through, and what speaks to a protocol.
//
// A Transport carries bytes both ways for one Protocol at a time (first HTTP, then WebSocket). It never interprets
// them. Both belong to one core's thread. After any call into a Protocol the transport looks at its own state again:
// the protocol may have ended or aborted it, or put another protocol in its place.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>

#include <brume/engine/connection/lingering.h>
#include <brume/engine/connection/outbox.h>
#include <brume/engine/core/reactor.h>
#include <brume/engine/io/address.h>
#include <brume/engine/tls_config.h>

namespace brume {
class Connection;
}

namespace brume::connection {

using core::Time;
struct CoreContext;

enum class End : std::uint8_t {
  fin,            // the peer sends nothing more
  reset,          // the socket failed
  write_timeout,  // the peer took no byte for write_timeout
  memory,         // memory ran out under this connection
  local,          // abort() was called, or the server's deadline passed
};

// It owns the handlers' tasks, which may keep it for a while when its transport is gone: all that in one object with
// one table of virtual functions, as every connection has one.
class Protocol : public Lingerer {
 public:
  // Takes bytes from the front, in place, and returns how many. What it leaves is offered again, in front of what comes
  // later, after resume() or once another protocol has taken its place.
  virtual std::size_t on_input(std::span<std::byte> input) = 0;
  // The outbox got shorter.
  virtual void on_output_progress() = 0;
  // No input will come any more, all that came was offered. Called once, at most; for all but End::fin the transport is
  // already being torn down.
  virtual void on_end(End end) = 0;
  // A call above threw. The protocol ends its connection as it sees fit.
  virtual void on_exception(std::exception_ptr exception) noexcept = 0;
  // A time asked for by Transport::wake_by() may have come. Returns the next one it needs (Time::max() for none).
  virtual Time on_deadline(Time now) = 0;
  // The server stops: begin to end this connection.
  virtual void on_stop() = 0;
  // The transport is gone after this call. The last call; the protocol frees itself, now or later.
  virtual void on_detached() = 0;
  // The connection a ConnectionHandle means; null for a protocol that has none.
  virtual Connection* connection() { return nullptr; }
  // First size of the buffer for input that is set aside, bytes.
  virtual std::size_t read_buffer_size() const = 0;
  // Bytes held beyond the outbox, for the memory limit.
  virtual std::size_t held_bytes() const { return 0; }
  virtual void check_invariants() const {}

 protected:
  ~Protocol() = default;
};

class Transport : public core::Participant {
 public:
  Outbox& outbox() { return outbox_; }
  const Outbox& outbox() const { return outbox_; }
  CoreContext& context() { return context_; }

  // Sends what is in the outbox at the end of this turn.
  virtual void request_flush() = 0;
  // Bytes of the outbox that are being sent: they can no longer be dropped.
  virtual std::size_t in_flight() const = 0;
  // Offers no further input until resume(); what arrives is set aside, and soon no longer read.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Whether the core, short of memory, does not read this peer for now: silence then says nothing about it.
  virtual bool held_back() const = 0;
  // Sends what is in the outbox, ends the sending direction, drops what still comes until the peer has ended its own,
  // and closes; whatever is not done by `deadline` is cut off.
  virtual void end(Time deadline) = 0;
  // Closes now; what is in the outbox is lost.
  virtual void abort(End end) = 0;
  virtual void set_protocol(Protocol& protocol) = 0;
  // on_deadline() is called at `deadline` or earlier.
  virtual void wake_by(Time deadline) = 0;
  // Changed by the route's configuration.
  virtual void set_write_timeout(std::chrono::milliseconds timeout) { write_timeout_ = timeout; }
  // What TLS there is; nullopt for a connection in clear.
  virtual std::optional<TlsInfo> tls_info() const { return std::nullopt; }

  // end() waits for the peer's FIN before it sends its own, as a client does (RFC 6455, section 7.1.1).
  virtual void let_peer_end_first() { peer_ends_first_ = true; }

  virtual const io::Address& peer() const = 0;
  // The peer is who a proxy in front of it says. False where that address has as many connections as it may have: then
  // it has its new name, but is to be refused. Once, where start() was told that the name comes later. May throw
  // std::bad_alloc.
  virtual bool rename_peer(const io::Address& peer) = 0;
  // Names the connection in handles: slot and generation of the core's table.
  virtual io::Token token() const = 0;

 protected:
  explicit Transport(CoreContext& context) : context_(context) {}
  ~Transport() = default;

  // First, where they fill up what the base class leaves of its last word.
  bool peer_ends_first_ = false;
  std::chrono::duration<std::uint32_t, std::milli> write_timeout_{0};
  CoreContext& context_;
  Outbox outbox_;
};

}  // namespace brume::connection

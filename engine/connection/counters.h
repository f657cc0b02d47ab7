// counters.h: what one core has done and refused, by reason.
//
// Written by the core's thread alone, read by any thread at any time: each value is exact by itself, and the values of
// one reading need not be of one moment.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <brume/codec/http_error.h>
#include <brume/codec/proxy_header.h>
#include <brume/codec/violation.h>

namespace brume::connection {

class Counter {
 public:
  // Relaxed: one writer, and no reader draws conclusions from the order of two counters.
  void add(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
  void sub(std::uint64_t n = 1) { value_.store(value_.load(std::memory_order_relaxed) - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// Limits of the engine a peer can pass, and other ends it can bring about; each is answered with 1008 or by cutting the
// connection (tests/bad_inputs.md, rows L1 to L9, F18).
enum class Refusal : std::uint8_t {
  message_rate,
  byte_rate,
  control_rate,
  message_timeout,
  read_timeout,
  write_timeout,
  close_timeout,
  handler_exception,
  out_of_memory,
  memory_held_back,
  memory_refused,
  memory_limit,
  accept_paused,
  accept_refused,
  slow_turn,
  slow_consumer,
  hub_overloaded,
  proxy_timeout,
  tls_handshake,
  tls_timeout,
  tls_record,
  tls_truncated,
  tls_bare_records,
};
inline constexpr std::size_t kRefusalCount = 23;
std::string_view to_string(Refusal refusal);

struct Counters {
  Counter accepted;     // sockets
  Counter sockets;      // open now
  Counter connections;  // WebSocket connections open now
  Counter upgrades;     // WebSocket connections opened so far
  Counter requests;     // HTTP requests answered
  Counter messages_received;
  Counter messages_sent;
  Counter bytes_received;
  Counter bytes_sent;
  Counter compressions;    // of messages
  Counter tls_handshakes;  // done
  Counter tls_resumed;     // of them by a ticket
  Counter handed_over;     // fresh sockets given to another core
  // Messages of broadcasts that a full or busy outbox did not get, by what was done.
  Counter dropped_newest;
  Counter dropped_oldest;
  Counter dropped_replaced;
  std::array<Counter, codec::kViolationCount> violations;
  std::array<Counter, codec::kHttpErrorCount> http_errors;
  std::array<Counter, codec::kProxyErrorCount> proxy_errors;
  std::array<Counter, kRefusalCount> refusals;
};

}  // namespace brume::connection

// options.h: how a client connects, what it does when a connection ends, and how it says what went wrong.
//
// Plain values; any thread. They have constructors on purpose: g++ 12 destroys an aggregate with strings twice where it
// is a temporary of a co_await expression.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/client_handshake.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/engine/config.h>
#include <brume/engine/connection.h>
#include <brume/engine/tls_config.h>

namespace brume {

// The part of connecting that failed, in the order they come.
enum class ConnectStep : std::uint8_t {
  start,    // the URL or an option is not valid, or this is no core of the client's
  resolve,  // the host's addresses
  connect,  // TCP
  tls,
  upgrade,  // the opening handshake (RFC 6455, section 4.1)
};
std::string_view to_string(ConnectStep step);

enum class ConnectCause : std::uint8_t {
  invalid,    // what was asked for can never work
  failed,     // the network, the resolver or the peer's answer
  refused,    // the server answered with another status than 101: see status, headers, body
  timed_out,  // connect_timeout
  stopping,   // the client stops, its handle closed it, or who waited for the connection has ended
};

struct ConnectError {
  ConnectStep step = ConnectStep::start;
  ConnectCause cause = ConnectCause::failed;
  std::string text{};                                       // one line, with what was tried
  int code = 0;                                             // errno of steps connect and tls, where there is one
  std::optional<codec::ResponseError> rule{};               // of step upgrade: the rule the answer broke
  std::optional<codec::DeflateAnswerError> deflate_rule{};  // where that is about permessage-deflate: which of its own
  int status = 0;                                           // of step upgrade: the answer's status, once there is one
  std::vector<std::pair<std::string, std::string>> headers{};  // of that answer
  std::string body{};                                          // its first kMaxBody bytes

  static constexpr std::size_t kMaxBody = 4096;
  // The first header of that name, ASCII case-blind ("Location", "Retry-After", "WWW-Authenticate"); empty: none.
  std::string_view header(std::string_view name) const;
  // "upgrade: the server refused the upgrade: 403 Forbidden", in one line.
  std::string to_string() const;
};

// Waiting between attempts: initial, then twice as long each time, up to max; each wait is cut by a random part of
// itself, up to `jitter` of it, so that many clients do not come back at once.
struct Backoff {
  Backoff() = default;
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds longest, std::uint32_t most = 0)
      : initial(first), max(longest), max_attempts(most) {}

  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{10'000};
  // Attempts in a row that may come to nothing before it is given up; 0: no bound. A connection that was open for `max`
  // ends the row.
  std::uint32_t max_attempts = 0;
  double jitter = 0.5;       // 0 to 1
  bool retry_first = false;  // also where the very first attempt fails

  // The wait before attempt `number` (from 0) of a row; `chance` is a random number, all of whose values count alike.
  std::chrono::nanoseconds wait(std::uint32_t number, std::uint32_t chance) const;
};

// What a reconnecting client is about to do.
struct Retry {
  std::uint32_t attempt = 0;         // of the row, from 1
  std::chrono::nanoseconds wait{0};  // until it begins
  std::string reason{};              // why the last connection or attempt ended, one line
};

struct ConnectOptions {
  ConnectOptions() = default;

  std::vector<std::pair<std::string, std::string>> headers{};  // e.g. Origin, Cookie, Authorization
  std::vector<std::string> subprotocols{};                     // offered in this order
  // The whole of each attempt: resolve, connect, TLS and upgrade; 1 ms to a day.
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t max_head_size = 16 * 1024;  // bytes of the server's answer
  std::optional<Backoff> reconnect{};     // none: an end is an end
  // Whether to reconnect after a connection that ended so. Empty: after every end but this side's own: its close, and a
  // handler that threw. Attempts that the server refuses with a status below 500 (but 408, 425 and 429), redirects
  // among them, and those that fail in TLS for another reason than time or the network, end the row either way;
  // Retry-After in seconds is kept to, up to `max`. What it throws is logged, and is a no; what the two below throw is
  // logged, and `connected` then ends its connection with 1011.
  std::function<bool(const CloseInfo&)> reconnect_after{};
  // Each connection that was made, before anything of it is received: subscribe here. On its core's thread.
  std::function<void(Connection&)> connected{};
  std::function<void(const Retry&)> retrying{};  // before each wait; on its core's thread
  // Of wss://. Files are read by the client's first connect() with such settings, and not again.
  TlsClientConfig tls{};
  // Limits, time-outs, heartbeat and compression of the connection, as a server's route has them. What is set there of
  // `compression` is what is offered: a server that wants more than that is refused, one that wants none is welcome.
  RouteConfig connection{};
};

// The first fault of options or URL, or nothing.
std::optional<ConnectError> validate(std::string_view url, const ConnectOptions& options);

}  // namespace brume

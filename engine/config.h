// config.h: every value an operator may set, its default and its unit. README's table is this file.
//
// Plain data. A Server copies its Config and checks it in listen(); the error names field, value and allowed range.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/io/environment.h>
#include <brume/engine/tls_config.h>

namespace brume {

class Request;
class Response;

enum class LogLevel : std::uint8_t { debug, info, warning, error };
std::string_view to_string(LogLevel level);

// What a message that is meant for many does where it meets a full outbox. Each message lost is counted and told to the
// connection's `dropped` callback.
enum class SlowConsumerPolicy : std::uint8_t {
  drop_newest,  // the message is not queued
  drop_oldest,  // the oldest queued messages of which no byte was sent make room
  latest_only,  // once the socket takes nothing more, a newer message replaces the queued one of the same key
  disconnect,   // the connection is closed with 1013
};
std::string_view to_string(SlowConsumerPolicy policy);

// Receives the library's log lines, without a line break and with control characters escaped. Called from any core's
// thread, also at the same time; must not throw.
using LogFunction = std::function<void(LogLevel level, std::string_view line)>;

// permessage-deflate (RFC 7692): a server's, where a client offers it, and what a client offers. Without context
// takeover a message refers to no other: it is compressed and inflated by what all connections of a core share (0.6 MiB
// at most, when first used), a connection owns nothing for it, and a broadcast is compressed once a core for all who
// agreed on the same. With context takeover small messages that are alike get much smaller, and each connection that
// uses it owns, counted against memory_limit (of a server; a client has its places changed):
//   to send: 2^(window bits + 2) + 2^(window bits + 3) bytes, at most 2^17 for the latter, + 6 KiB: 262 KiB at 15 bits,
//   12 KiB at 9; to receive: 2^(window bits) + 7 KiB: 40 KiB at 15 bits, 8 KiB at 9.
// A broadcast is then compressed for each such connection alone; as messages that wait for it belong to each other,
// drop_oldest does as drop_newest does, and what latest_only may replace goes uncompressed.
struct Compression {
  bool enabled = false;
  bool server_context_takeover = false;      // of what the server sends
  bool client_context_takeover = false;      // of what the client sends
  std::uint8_t server_max_window_bits = 15;  // 9 to 15: the window is 2 to the power of it, in bytes
  // 8 to 15; a client that cannot be told keeps no context. With 8 a client of brume sends everything as it is.
  std::uint8_t client_max_window_bits = 15;
  std::uint8_t level = 3;       // 1 (fast) to 9 (small)
  std::size_t threshold = 256;  // bytes: a smaller message is sent as it is
};

// The fields that matter once a request's head has been read: a route may have its own.
struct RouteConfig {
  std::size_t write_buffer_size = 4096;       // bytes: first size of an outbox's buffer, taken only while output waits
  std::size_t read_buffer_size = 4096;        // bytes: first size of the buffer for input set aside
  std::size_t max_message_size = 512 * 1024;  // bytes of a whole message, not compressed; one received above it: 1009
  std::chrono::milliseconds read_timeout{60'000};      // without a byte received: the connection is cut
  std::chrono::milliseconds message_timeout{60'000};   // from a message's first byte to its last; then 1008
  std::chrono::milliseconds write_timeout{10'000};     // without a byte taken by the peer while output waits
  std::chrono::milliseconds ping_interval{30'000};     // without a byte received: a ping is sent; 0 turns pings off
  std::chrono::milliseconds close_timeout{5'000};      // the whole closing handshake, from close()
  std::uint32_t message_buffer_size = 256;             // messages an outbox holds
  std::size_t max_buffered_size = 4 * 1024 * 1024;     // bytes an outbox holds; >= 2 x (max_message_size + 14)
  std::uint32_t max_fragments = 1024;                  // frames of one message; above it 1008
  std::uint32_t message_rate = 0;                      // messages a second received; above it 1008; 0: no limit
  std::uint64_t byte_rate = 0;                         // bytes a second received; above it 1008; 0: no limit
  std::uint32_t control_rate = 100;                    // pings and pongs a second received; above it 1008; 0: no limit
  bool keep_request = false;                           // Connection::request() for the connection's whole life
  std::function<bool(const Request&)> check_origin{};  // empty: same origin, and no Origin header is let in
  std::vector<std::string> subprotocols{};             // in order of preference; the first one offered is chosen
  // Instead of `subprotocols`: one of those the client offered (in its order), or "" for none; any other answer is a
  // 500. Called where none were offered, too.
  std::function<std::string(const Request&, std::span<const std::string_view> offered)> choose_subprotocol{};
  // What one upgrade may use of permessage-deflate: `use` comes as `compression` stands; the hook may switch it off or
  // on and change takeover and windows (level and threshold stay the route's). `offered`: the extensions the client
  // offers, each with its parameters as they stand there. Called where it offers any. A value out of range is a 500.
  std::function<void(const Request&, std::span<const std::string_view> offered, Compression& use)> choose_compression{};
  // Sees the 101 before it is sent: adds fields to it (Set-Cookie), or puts a refusal in its place.
  std::function<void(const Request&, Response&)> on_upgrade{};
  Compression compression{};  // off
};

struct Config : RouteConfig {
  std::chrono::milliseconds handshake_timeout{10'000};   // from accept, or a later request's first byte, to its answer
  std::chrono::milliseconds keep_alive_timeout{10'000};  // idle between plain HTTP requests
  std::size_t max_head_size = 16 * 1024;                 // bytes of a request head; above it 431 (or 414)
  std::size_t max_headers = 100;                         // fields of a request head; above it 431
  std::size_t max_body_size = 1024 * 1024;               // bytes of a plain HTTP request's body; above it 413
  // In all; 0: the smaller of 1,000,000 and the soft descriptor limit less 64 (Server::run() raises it to the hard one,
  // less 64 of which is the most that may be set).
  std::size_t max_connections = 0;
  std::size_t max_connections_per_address = 0;  // 0: no limit
  // Proxies, each an address or a range ("192.0.2.1", "10.0.0.0/8", "2001:db8::/32"), or "unix" for whoever comes by a
  // Unix-domain socket.
  std::vector<std::string> proxy_protocol{};   // their connections begin with a PROXY header (version 1 or 2)
  std::vector<std::string> trusted_proxies{};  // their X-Forwarded-For and X-Forwarded-Proto are believed
  std::uint32_t unix_socket_mode = 0660;       // of the file of a "unix:PATH" address
  std::size_t cores = 0;                       // reactor threads; 0: what affinity and the cgroup's quota allow
  bool pin_cores = false;                      // each thread to a processor of its own
  std::chrono::microseconds busy_poll{0};      // spin that long before sleeping
  std::optional<io::Backend> io{};             // unset: the environment variable BRUME_IO, else automatic
  std::size_t memory_limit = 0;  // bytes held, the same share for each core; 0: 3/4 of the machine's or cgroup's
  std::chrono::milliseconds drain_timeout{10'000};  // stop(): until connections that did not close are cut
  std::chrono::milliseconds drain_spread{0};        // stop(): the closes are spread over that long
  std::chrono::milliseconds slow_turn{5};           // a turn above it logs the route; 0: off
  std::optional<TlsConfig> tls{};                   // unset: connections are in clear
  LogFunction log{};                                // none: silent
};

// The first field out of range, or nothing. `descriptor_limit`: the hard limit of descriptors (0: not known).
std::optional<SystemError> validate(const Config& config, std::size_t descriptor_limit);
std::optional<SystemError> validate(const RouteConfig& config);
std::optional<SystemError> validate(const Compression& compression);

}  // namespace brume

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <type_traits>
#include <utility>

#include <brume/codec/http_head.h>
#include <brume/engine/config.h>
#include <brume/engine/connection.h>
#include <brume/engine/io/address_range.h>

namespace brume {

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "unknown";
}

std::string_view to_string(SlowConsumerPolicy policy) {
  switch (policy) {
    case SlowConsumerPolicy::drop_newest:
      return "drop_newest";
    case SlowConsumerPolicy::drop_oldest:
      return "drop_oldest";
    case SlowConsumerPolicy::latest_only:
      return "latest_only";
    case SlowConsumerPolicy::disconnect:
      return "disconnect";
  }
  return "unknown";
}

std::string_view to_string(CloseCause cause) {
  switch (cause) {
    case CloseCause::peer:
      return "peer";
    case CloseCause::local:
      return "local";
    case CloseCause::violation:
      return "violation";
    case CloseCause::limit:
      return "limit";
    case CloseCause::timeout:
      return "timeout";
    case CloseCause::transport:
      return "transport";
    case CloseCause::handler_error:
      return "handler_error";
    case CloseCause::stopping:
      return "stopping";
  }
  return "unknown";
}

namespace {

using std::chrono::milliseconds;

// The allowed range of one field; both ends included. Durations count in milliseconds (busy_poll: microseconds).
template <class Owner, class Value>
struct Range {
  std::string_view name;
  Value Owner::* field;
  std::uint64_t low;
  std::uint64_t high;
  std::string_view unit;
};

SystemError out_of_range(std::string_view name, const std::string& value, std::uint64_t low, std::uint64_t high,
                         std::string_view unit) {
  std::string text(name);
  text += " is " + value + ", but must be from " + std::to_string(low) + " to " + std::to_string(high);
  if (!unit.empty()) text += ' ' + std::string(unit);
  return {SystemError::Kind::config, 0, std::move(text)};
}

template <class Owner, class Value>
std::optional<SystemError> check(const Owner& owner, const Range<Owner, Value>& range) {
  const auto judge = [&range](auto value) -> std::optional<SystemError> {
    if (std::cmp_greater_equal(value, range.low) && std::cmp_less_equal(value, range.high)) return std::nullopt;
    return out_of_range(range.name, std::to_string(value), range.low, range.high, range.unit);
  };
  if constexpr (std::is_arithmetic_v<Value>) {
    return judge(owner.*range.field);
  } else {
    return judge((owner.*range.field).count());
  }
}

template <class Owner, class... Ranges>
std::optional<SystemError> first_out_of_range(const Owner& owner, const Ranges&... ranges) {
  std::optional<SystemError> error;
  (void)((error = check(owner, ranges), error.has_value()) || ...);
  return error;
}

std::string printable(std::string text) {
  std::ranges::replace_if(text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::optional<SystemError> check_proxies(std::string_view field, const std::vector<std::string>& proxies) {
  for (const std::string& text : proxies) {
    if (io::AddressRange::parse(text)) continue;
    return SystemError{SystemError::Kind::config, 0,
                       std::string(field) + " holds \"" + printable(text) +
                           "\", but must hold addresses, ranges such as 10.0.0.0/8, or \"unix\""};
  }
  return std::nullopt;
}

constexpr std::uint64_t kDay = 24 * 3600 * 1000;              // ms
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;        // bytes: what one block of an outbox may hold
constexpr std::uint64_t kMaxBuffer = std::uint64_t{1} << 20;  // bytes

}  // namespace

std::optional<SystemError> validate(const Compression& compression) {
  using Z = Compression;
  using Small = Range<Z, std::uint8_t>;
  return first_out_of_range(compression,
                            Small{"compression.server_max_window_bits", &Z::server_max_window_bits, 9, 15, "bits"},
                            Small{"compression.client_max_window_bits", &Z::client_max_window_bits, 8, 15, "bits"},
                            Small{"compression.level", &Z::level, 1, 9, "(fast to small)"},
                            Range<Z, std::size_t>{"compression.threshold", &Z::threshold, 1, kGiB, "bytes"});
}

std::optional<SystemError> validate(const RouteConfig& config) {
  using C = RouteConfig;
  using Size = Range<C, std::size_t>;
  using Duration = Range<C, milliseconds>;
  using Count = Range<C, std::uint32_t>;
  if (auto error =
          first_out_of_range(config, Size{"write_buffer_size", &C::write_buffer_size, 256, kMaxBuffer, "bytes"},
                             Size{"read_buffer_size", &C::read_buffer_size, 256, kMaxBuffer, "bytes"},
                             Size{"max_message_size", &C::max_message_size, 1, kGiB, "bytes"},
                             Duration{"read_timeout", &C::read_timeout, 0, kDay, "ms"},
                             Duration{"message_timeout", &C::message_timeout, 0, kDay, "ms"},
                             Duration{"write_timeout", &C::write_timeout, 1, kDay, "ms"},
                             Duration{"ping_interval", &C::ping_interval, 0, kDay, "ms"},
                             Duration{"close_timeout", &C::close_timeout, 1, kDay, "ms"},
                             Count{"message_buffer_size", &C::message_buffer_size, 2, 1 << 24, "messages"},
                             Size{"max_buffered_size", &C::max_buffered_size, 1024, 4 * kGiB, "bytes"},
                             Count{"max_fragments", &C::max_fragments, 1, 1 << 24, "frames"},
                             Count{"message_rate", &C::message_rate, 0, 1'000'000'000, "messages a second"},
                             Range<C, std::uint64_t>{"byte_rate", &C::byte_rate, 0, 1'000 * kGiB, "bytes a second"},
                             Count{"control_rate", &C::control_rate, 0, 1'000'000'000, "frames a second"})) {
    return error;
  }
  if (auto error = validate(config.compression)) return error;
  // A handler that answers each message with one no larger never meets a full outbox: room for what is being sent and
  // as much again.
  constexpr std::size_t kHeader = 14;
  if (config.max_buffered_size < 2 * (config.max_message_size + kHeader)) {
    return out_of_range("max_buffered_size", std::to_string(config.max_buffered_size),
                        2 * (config.max_message_size + kHeader), 4 * kGiB, "bytes (twice max_message_size + 14)");
  }
  if (config.ping_interval != milliseconds::zero() && config.read_timeout != milliseconds::zero() &&
      config.ping_interval >= config.read_timeout) {
    return out_of_range("ping_interval", std::to_string(config.ping_interval.count()), 0,
                        static_cast<std::uint64_t>(config.read_timeout.count()) - 1, "ms (below read_timeout)");
  }
  for (const std::string& name : config.subprotocols) {
    if (codec::is_token(name)) continue;
    return SystemError{SystemError::Kind::config, 0,
                       "subprotocols holds \"" + printable(name) + "\", but must hold tokens (RFC 6455, section 4.1)"};
  }
  return std::nullopt;
}

std::optional<SystemError> validate(const Config& config, std::size_t descriptor_limit) {
  using C = Config;
  using Size = Range<C, std::size_t>;
  using Duration = Range<C, milliseconds>;
  if (auto error = validate(static_cast<const RouteConfig&>(config))) return error;
  constexpr std::size_t kDescriptorReserve = 64;  // listeners, rings, event descriptors, the user's own files
  const std::size_t most = descriptor_limit == 0                   ? 1'000'000
                           : descriptor_limit > kDescriptorReserve ? descriptor_limit - kDescriptorReserve
                                                                   : 1;
  if (config.max_connections > most) {
    auto error = out_of_range("max_connections", std::to_string(config.max_connections), 1, most, "connections");
    if (descriptor_limit != 0) error.text += " (the descriptor limit less " + std::to_string(kDescriptorReserve) + ")";
    return error;
  }
  if (auto error = check_proxies("proxy_protocol", config.proxy_protocol)) return error;
  if (auto error = check_proxies("trusted_proxies", config.trusted_proxies)) return error;
  if (config.unix_socket_mode > 0777) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "unix_socket_mode is 0%o, but must be from 0 to 0777",
                  config.unix_socket_mode);
    return SystemError{SystemError::Kind::config, 0, text.data()};
  }
  if (config.tls)
    if (auto error = validate(*config.tls)) return error;
  return first_out_of_range(
      config, Duration{"handshake_timeout", &C::handshake_timeout, 1, kDay, "ms"},
      Duration{"keep_alive_timeout", &C::keep_alive_timeout, 1, kDay, "ms"},
      Size{"max_head_size", &C::max_head_size, 256, kMaxBuffer, "bytes"},
      Size{"max_headers", &C::max_headers, 1, codec::kMaxHeaders, "fields"},
      Size{"max_body_size", &C::max_body_size, 0, kGiB, "bytes"}, Size{"cores", &C::cores, 0, 512, "cores"},
      Range<C, std::chrono::microseconds>{"busy_poll", &C::busy_poll, 0, 1'000'000, "us"},
      Duration{"drain_timeout", &C::drain_timeout, 0, kDay, "ms"},
      Duration{"drain_spread", &C::drain_spread, 0, kDay, "ms"}, Duration{"slow_turn", &C::slow_turn, 0, kDay, "ms"});
}

}  // namespace brume

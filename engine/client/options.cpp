#include <algorithm>
#include <cmath>

#include <brume/codec/url.h>
#include <brume/engine/client/options.h>

namespace brume {

std::string_view to_string(ConnectStep step) {
  switch (step) {
    case ConnectStep::start:
      return "start";
    case ConnectStep::resolve:
      return "resolve";
    case ConnectStep::connect:
      return "connect";
    case ConnectStep::tls:
      return "tls";
    case ConnectStep::upgrade:
      return "upgrade";
  }
  return "unknown";
}

std::string_view ConnectError::header(std::string_view name) const {
  for (const auto& [known, value] : headers)
    if (codec::equals_ignore_case(known, name)) return value;
  return {};
}

std::string ConnectError::to_string() const {
  return std::string(brume::to_string(step)) + ": " + text;
}

std::chrono::nanoseconds Backoff::wait(std::uint32_t number, std::uint32_t chance) const {
  constexpr std::uint32_t kMostDoublings = 30;  // of a millisecond: above any `max` that is allowed
  const double doubled =
      std::ldexp(static_cast<double>(initial.count()), static_cast<int>(std::min(number, kMostDoublings)));
  const double longest_ms = std::min(doubled, static_cast<double>(max.count()));
  const double part = static_cast<double>(chance) / 4294967296.0;  // below 1
  return std::chrono::nanoseconds(static_cast<std::int64_t>(longest_ms * (1.0 - jitter * part) * 1e6));
}

std::optional<ConnectError> validate(std::string_view text, const ConnectOptions& options) {
  const auto invalid = [](std::string why) {
    ConnectError error;
    error.cause = ConnectCause::invalid;
    error.text = std::move(why);
    return error;
  };
  const auto url = codec::parse_url(text);
  if (!url) return invalid(std::string(to_string(url.error())));
  if (auto wrong = validate(options.connection)) return invalid("connection." + wrong->text);
  if (auto wrong = validate(options.tls)) return invalid(wrong->text);
  codec::UpgradeRequest request{};
  request.subprotocols = options.subprotocols;
  request.headers = options.headers;
  if (const auto fault = codec::judge_request(request)) return invalid(std::string(to_string(*fault)));
  if (options.connect_timeout.count() < 1 || options.connect_timeout > std::chrono::hours(24)) {
    return invalid("connect_timeout must be from 1 ms to a day");
  }
  if (options.max_head_size < 256 || options.max_head_size > codec::kMaxHeadSize) {
    return invalid("max_head_size must be from 256 to 16777216 bytes");
  }
  if (const auto& backoff = options.reconnect) {
    if (backoff->initial.count() < 1 || backoff->max < backoff->initial || backoff->max > std::chrono::hours(24)) {
      return invalid("reconnect: initial must be from 1 ms to max, and max at most a day");
    }
    if (!(backoff->jitter >= 0.0 && backoff->jitter <= 1.0)) return invalid("reconnect: jitter must be from 0 to 1");
  }
  return std::nullopt;
}

}  // namespace brume

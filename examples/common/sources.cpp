#include <array>
#include <ctime>
#include <uuid/uuid.h>

#include <brume/examples/common/sources.h>

namespace examples {

namespace {

std::string new_uuid() {
  constexpr std::size_t kTextSize = 36 + 1;  // with the NUL that libuuid writes
  uuid_t id;
  uuid_generate_random(id);
  std::array<char, kTextSize> text{};
  uuid_unparse_lower(id, text.data());
  return text.data();
}

}  // namespace

Sources system_sources() {
  return {[] { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()); },
          [] { return std::chrono::system_clock::now(); }, new_uuid};
}

long long unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::string rfc3339(WallTime time) {
  const std::time_t seconds = static_cast<std::time_t>(unix_seconds(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

}  // namespace examples

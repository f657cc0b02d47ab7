#include <algorithm>
#include <utility>

#include <brume/engine/server/listener_set.h>

namespace brume::server {

namespace {

constexpr std::string_view kUnixPrefix = "unix:";

SystemError bad_address(std::string_view text) {
  std::string shown(text);
  std::ranges::replace_if(shown, [](char c) { return c < ' ' || c > '~'; }, '?');
  return {SystemError::Kind::bad_address, 0,
          "\"" + shown + "\" is not an address such as :8080, 127.0.0.1:8080, [::]:8080 or unix:/run/brume.sock"};
}

}  // namespace

ListenerSet::~ListenerSet() {
  for (const Place& place : places_)
    for (const io::ListenerHandle listener : place.listeners)
      if (listener != kTaken) environment_.close_listener(listener);
}

std::expected<void, SystemError> ListenerSet::open(std::string_view text, std::size_t cores, const Config& config) {
  if (places_.size() == kMostAddresses) {
    return std::unexpected(SystemError{SystemError::Kind::config, 0,
                                       "a server listens at " + std::to_string(kMostAddresses) + " addresses at most"});
  }
  io::ListenOptions options;
  options.user_timeout = config.write_timeout;
  Place place;
  if (text.starts_with(kUnixPrefix)) {
    options.unix_path = text.substr(kUnixPrefix.size());
    options.unix_mode = config.unix_socket_mode;
    place.address.family = io::Address::Family::local;
    place.text = text;
  } else {
    const auto address = io::Address::parse(text);
    if (!address) return std::unexpected(bad_address(text));
    place.address = *address;
  }
  auto listeners = environment_.open_listeners(place.address, cores, options);
  if (!listeners) return std::unexpected(std::move(listeners.error()));
  place.listeners = *std::move(listeners);
  place.address = environment_.local_address(place.listeners.front());
  if (place.text.empty()) place.text = place.address.to_string();
  places_.push_back(std::move(place));
  return {};
}

io::Address ListenerSet::address() const {
  const auto with_port = std::ranges::find_if(
      places_, [](const Place& place) { return place.address.family != io::Address::Family::local; });
  if (with_port != places_.end()) return with_port->address;
  return places_.empty() ? io::Address{} : places_.front().address;
}

std::vector<std::string> ListenerSet::addresses() const {
  std::vector<std::string> texts;
  for (const Place& place : places_) texts.push_back(place.text);
  return texts;
}

std::vector<io::ListenerHandle> ListenerSet::take(std::size_t core) {
  std::vector<io::ListenerHandle> listeners;
  for (Place& place : places_) listeners.push_back(std::exchange(place.listeners[core], kTaken));
  return listeners;
}

}  // namespace brume::server

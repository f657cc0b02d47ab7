// listener_set.h: what a server listens at, before its cores have taken it over: several addresses, each with a
// listener for every core.
//
// The server's own thread. Lives as long as the server; closes what no core was given.
#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/config.h>
#include <brume/engine/io/environment.h>

namespace brume::server {

class ListenerSet {
 public:
  // More are a mistake, and each costs every core something.
  static constexpr std::size_t kMostAddresses = 16;

  explicit ListenerSet(io::Environment& environment) : environment_(environment) {}
  ~ListenerSet();
  ListenerSet(const ListenerSet&) = delete;
  ListenerSet& operator=(const ListenerSet&) = delete;

  // Opens one more address: what Address::parse() reads, or "unix:PATH".
  std::expected<void, SystemError> open(std::string_view text, std::size_t cores, const Config& config);
  bool empty() const { return places_.empty(); }
  // Of the first that has a port, else of the first; family none while there is none. Stays after take().
  io::Address address() const;
  // "127.0.0.1:8080", "unix:/run/a.sock", in the order they were opened, with the ports that were chosen.
  std::vector<std::string> addresses() const;
  // The listeners of one core, which are then no longer this set's.
  std::vector<io::ListenerHandle> take(std::size_t core);

 private:
  struct Place {
    std::string text;
    io::Address address;
    std::vector<io::ListenerHandle> listeners;  // one a core; taken: none
  };
  static constexpr io::ListenerHandle kTaken = -1;

  io::Environment& environment_;
  std::vector<Place> places_;
};

}  // namespace brume::server

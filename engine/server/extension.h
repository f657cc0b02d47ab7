// extension.h: what has a part of its own on every core of a server: a hub.
//
// Added before Server::start(), removed by its owner, or told that the server goes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include <brume/engine/connection/core_context.h>

namespace brume::server {

class Extension {
 public:
  // What is wrong with its configuration, for listen() and start().
  virtual std::optional<SystemError> problem() const { return {}; }
  // What the server runs on; comes before attach(). It outlives the cores.
  virtual void set_environment(io::Environment& /*environment*/) {}
  // The cores are made and none has taken a turn. `seed`: entropy that is the server's own. The server's thread.
  virtual void attach(std::span<connection::CoreContext* const> cores, std::uint64_t seed) = 0;
  // The cores have ended and are about to go. The server's thread.
  virtual void detach() = 0;

 protected:
  ~Extension() = default;
};

}  // namespace brume::server

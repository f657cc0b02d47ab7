// notifications.h: notifications to users: /ws/notifications/:userID receives them, POST /api/notify sends one.
//
// Set up by one thread before the server starts; its handlers run on the cores' threads and share nothing but what
// is constant. Lives until the server has stopped.
#pragma once

#include <string>

#include <brume/engine/server.h>
#include <brume/examples/common/sources.h>
#include <brume/hub/hub.h>

namespace examples {

class Notifications {
 public:
  // A user has one connection: a newer one of the same id replaces it (4000).
  Notifications(brume::Server& server, Sources sources);

 private:
  brume::Response open(const brume::Request& request);
  brume::Task<> serve(brume::Connection& connection, std::string user);
  brume::Task<brume::Response> notify(brume::Request& request);

  Sources sources_;
  brume::HubConfig config_;
  brume::Hub hub_;
  brume::Upgrader upgrader_;
};

}  // namespace examples

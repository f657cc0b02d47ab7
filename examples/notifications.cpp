// notifications: to one user or to all. Routes /ws/notifications/:userID, POST /api/notify and, at /, the page.
#include <brume/engine/server.h>
#include <brume/examples/common/notifications.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

int main(int argc, char** argv) {
  const auto options = examples::parse_options(argc, argv, "Notifications to users.");
  brume::Server server(options.config);
  const examples::Notifications notifications(server, examples::system_sources());
  examples::serve_pages(server, {{"/", "notifications.html"}});
  return server.run(options.addresses());
}

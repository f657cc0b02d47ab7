// echo: sends each message back with its type. Routes /ws/echo and, at /, a page to try it.
#include <brume/engine/server.h>
#include <brume/examples/common/echo.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

int main(int argc, char** argv) {
  const auto options = examples::parse_options(argc, argv, "Sends each WebSocket message back.");
  brume::Server server(options.config);
  server.get("/ws/echo", examples::echo(options.callbacks));
  examples::serve_pages(server, {{"/", "echo.html"}});
  return server.run(options.addresses());
}

// echo: sends each message back with its type. Routes /ws/echo; /ws/close, which closes as it is told; /ws/whoami,
// which tells whom the server sees (behind a proxy above all); and, at /, a page to try it.
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include <brume/engine/server.h>
#include <brume/examples/common/echo.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

int main(int argc, char** argv) {
  std::vector<std::string> subprotocols;
  auto options = examples::parse_options(argc, argv, "Sends each WebSocket message back.", [&](CLI::App& app) {
    app.add_option("--subprotocol", subprotocols, "one that is spoken, in order of preference; may be repeated");
  });
  options.config.subprotocols = subprotocols;
  brume::Server server(options.config);
  server.get("/ws/echo", examples::echo(options.callbacks));
  server.get("/ws/close", examples::closing());
  server.get("/ws/whoami", examples::whoami());
  examples::serve_pages(server, {{"/", "echo.html"}});
  return server.run(options.addresses());
}

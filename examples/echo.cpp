// echo: sends each message back with its type. Routes /ws/echo and, at /, a page to try it.
#include <brume/engine/server.h>
#include <brume/examples/common/options.h>
#include <brume/examples/common/page.h>

brume::Task<> echo(brume::Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;  // closed, or its queue is full
}

void echo_back(brume::Connection& connection, const brume::Message& message) {
  (void)connection.send(message.type, message.data);
}

int main(int argc, char** argv) {
  const auto options = examples::parse_options(argc, argv, "Sends each WebSocket message back.");
  brume::Server server(options.config);
  server.get("/ws/echo", options.callbacks ? brume::websocket({.message = echo_back}) : brume::websocket(echo));
  server.get("/", examples::echo_page);
  return server.run(options.address);
}

// A user's own program and test, built against the installed tree alone.
#include <cstdio>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

brume::Task<> echo(brume::Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;
}

int main() {
  brume::Simulator world;
  brume::Server server{world};
  server.get("/ws/echo", brume::websocket(echo));
  if (const auto listening = server.listen("127.0.0.1:0"); !listening)
    return std::puts(listening.error().text.c_str()), 1;
  if (!server.start()) return 1;
  auto client = world.connect(server, "/ws/echo");
  client.send_text("hello");
  world.run_until_idle();
  return client.last_text() == "hello" ? 0 : 1;
}

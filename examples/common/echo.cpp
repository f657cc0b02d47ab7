#include <brume/examples/common/echo.h>

namespace examples {

namespace {

brume::Task<> echo_messages(brume::Connection& connection) {
  while (auto message = co_await connection.receive())
    if (!connection.send(message->type, message->data)) break;  // closed, or its queue is full
}

void echo_back(brume::Connection& connection, const brume::Message& message) {
  (void)connection.send(message.type, message.data);
}

}  // namespace

brume::WebSocketEndpoint echo(bool callbacks) {
  return callbacks ? brume::websocket({.message = echo_back}) : brume::websocket(echo_messages);
}

}  // namespace examples

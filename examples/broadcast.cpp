// broadcast: sends each message a connection sends to every connection, the sender too. Route /.
#include <memory>
#include <string>

#include <brume/engine/server.h>
#include <brume/examples/common/options.h>
#include <brume/hub/hub.h>

namespace {

brume::Task<> spread(brume::Hub& hub, brume::Connection& connection) {
  const std::string id = std::to_string(connection.id());
  const auto registration = co_await hub.register_connection(id, connection);
  if (!registration) co_return;
  while (auto message = co_await connection.receive()) (void)hub.broadcast(message->type, message->data);
}

// The registration outlives whoever is gone first: the connection, or the answer to its call.
struct Registered {
  std::shared_ptr<brume::Registration> registration = std::make_shared<brume::Registration>();
};

brume::StateCallbacks<Registered> spread_by_callbacks(brume::Hub& hub) {
  brume::StateCallbacks<Registered> callbacks;
  callbacks.open = [&hub](brume::Connection& connection, Registered& state) {
    connection.pause_reading();  // until it hears what it says itself
    hub.register_connection(std::to_string(connection.id()), connection)
        .then([keep = state.registration, handle = connection.handle()](auto registration) {
          if (!registration) {
            (void)handle.close();
            return;
          }
          *keep = *std::move(registration);
          (void)handle.post([](brume::Connection& registered) { registered.resume_reading(); });
        });
  };
  callbacks.message = [&hub](brume::Connection&, Registered&, const brume::Message& message) {
    (void)hub.broadcast(message.type, message.data);
  };
  return callbacks;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = examples::parse_options(argc, argv, "Sends each WebSocket message to every connection.");
  brume::Server server(options.config);
  brume::Hub hub(server);
  server.get("/", options.callbacks
                      ? brume::websocket<Registered>(spread_by_callbacks(hub))
                      : brume::websocket([&hub](brume::Connection& connection) { return spread(hub, connection); }));
  return server.run(options.address);
}

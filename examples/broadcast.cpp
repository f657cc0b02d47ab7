// broadcast: sends each message a connection sends to every connection, the sender too (route /), or to the members of
// the room it has joined by its path (route /room/:name). Route /stats says what came, and what was refused or dropped
// so far.
#include <memory>
#include <string>
#include <utility>

#include <brume/engine/server.h>
#include <brume/examples/common/options.h>
#include <brume/hub/hub.h>

namespace {

// The room its path names; empty: none.
std::string room_of(brume::Connection& connection) {
  return std::string(connection.request().parameter("name"));
}

void spread_message(brume::Hub& hub, const std::string& room, const brume::Message& message) {
  if (room.empty()) {
    (void)hub.broadcast(message.type, message.data);
  } else {
    (void)hub.broadcast_to_room(room, message.type, message.data);
  }
}

brume::Task<> spread(brume::Hub& hub, brume::Connection& connection) {
  const std::string room = room_of(connection);
  const std::string id = std::to_string(connection.id());
  auto registration = co_await hub.register_connection(id, connection);
  if (!registration) co_return;
  if (!room.empty() && !co_await registration->join(room)) co_return;
  while (auto message = co_await connection.receive()) spread_message(hub, room, *message);
}

// The registration outlives whoever is gone first: the connection, or the answer to its call.
struct Registered {
  std::shared_ptr<brume::Registration> registration = std::make_shared<brume::Registration>();
  std::string room;
};

void let_speak(const brume::ConnectionHandle& handle, bool joined) {
  if (joined) {
    (void)handle.post([](brume::Connection& connection) { connection.resume_reading(); });
  } else {
    (void)handle.close();
  }
}

brume::StateCallbacks<Registered> spread_by_callbacks(brume::Hub& hub) {
  brume::StateCallbacks<Registered> callbacks;
  callbacks.open = [&hub](brume::Connection& connection, Registered& state) {
    state.room = room_of(connection);
    connection.pause_reading();  // until it hears what it says itself
    hub.register_connection(std::to_string(connection.id()), connection)
        .then([keep = state.registration, handle = connection.handle(), room = state.room](auto registration) {
          if (!registration) return let_speak(handle, false);
          *keep = *std::move(registration);
          if (room.empty()) return let_speak(handle, true);
          keep->join(room).then([handle](auto joined) { let_speak(handle, joined.has_value()); });
        });
  };
  callbacks.message = [&hub](brume::Connection&, Registered& state, const brume::Message& message) {
    spread_message(hub, state.room, message);
  };
  return callbacks;
}

// One line of key=value.
brume::Response stats_of(const brume::Server& server) {
  const brume::ServerStats stats = server.stats();
  std::string text = "connections=" + std::to_string(stats.connections) +
                     " messages=" + std::to_string(stats.messages_received) +
                     " compressions=" + std::to_string(stats.compressions);
  for (const auto& [rule, count] : stats.refused) text += " " + std::string(rule) + "=" + std::to_string(count);
  return brume::Response::text(text + "\n");
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = examples::parse_options(argc, argv, "Sends each WebSocket message to every connection.");
  brume::Server server(options.config);
  brume::Hub hub(server);
  for (const char* path : {"/", "/room/:name"}) {
    server.get(path, options.callbacks
                         ? brume::websocket<Registered>(spread_by_callbacks(hub))
                         : brume::websocket([&hub](brume::Connection& connection) { return spread(hub, connection); }));
  }
  server.get("/stats", [&server](brume::Request&) { return stats_of(server); });
  return server.run(options.addresses());
}

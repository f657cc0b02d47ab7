#include <array>
#include <chrono>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <brume/codec/handshake.h>
#include <brume/codec/utf8.h>
#include <brume/examples/common/json_text.h>
#include <brume/examples/common/notifications.h>

namespace examples {

using brume::Request;
using brume::Response;
using brume::Task;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::string_view kRoomPrefix = "user:";
constexpr std::uint16_t kTryAgainLater = 1013;
constexpr std::chrono::seconds kPingInterval{20};

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string room_of(const std::string& user) {
  return std::string(kRoomPrefix) + user;
}

Response failure(std::uint16_t status, std::string error) {
  return Response(status, text_of(Json{{"success", false}, {"error", std::move(error)}}), "application/json");
}

brume::RouteConfig route_config(const brume::Config& config) {
  brume::RouteConfig route = static_cast<const brume::RouteConfig&>(config);
  route.ping_interval = kPingInterval;
  return route;
}

}  // namespace

Notifications::Notifications(brume::Server& server, Sources sources)
    : sources_(std::move(sources)), hub_(server, config_), upgrader_(route_config(server.config())) {
  for (const char* path : {"/ws/notifications/:userID", "/ws/notifications/", "/ws/notifications"})
    server.get(path, [this](Request& request) { return open(request); });
  server.post("/api/notify", [this](Request& request) { return notify(request); });
}

Response Notifications::open(const Request& request) {
  std::string user(request.parameter("userID"));
  const std::size_t longest = config_.max_name_size - kRoomPrefix.size();
  if (user.empty()) return Response::bad_request("a user's id is missing: /ws/notifications/ID\n");
  if (user.size() > longest)
    return Response::bad_request("a user's id has at most " + std::to_string(longest) + " bytes\n");
  if (!brume::codec::is_valid_utf8(user)) return Response::bad_request("a user's id is UTF-8\n");
  return upgrader_.upgrade(request, [this, user](brume::Connection& connection) { return serve(connection, user); });
}

Task<> Notifications::serve(brume::Connection& connection, std::string user) {
  const std::string room = room_of(user);
  auto registration = co_await hub_.register_connection(user, connection);
  if (!registration) {
    (void)connection.close(kTryAgainLater, to_string(registration.error()));
    co_return;
  }
  if (const auto joined = co_await registration->join(room); !joined) {
    (void)connection.close(kTryAgainLater, to_string(joined.error()));
    co_return;
  }
  (void)connection.send_text(text_of(Json{{"type", "welcome"},
                                          {"message", "Connected, notifications for " + user + " come here"},
                                          {"time", rfc3339(sources_.wall_clock())}}));
  while (co_await connection.receive()) {
  }  // what a client says is read, so that its pongs are seen, and means nothing
}

// {"user_id", "type", "message"}: without a user's id (or with an empty one) it goes to all.
Task<Response> Notifications::notify(Request& request) {
  // No other site's page may notify in the name of who looks at it.
  if (!brume::codec::same_origin(request.head())) co_return failure(403, "another origin's page may not notify");
  std::string user;
  std::string type = "notification";
  std::string message;
  const std::array<TextMember, 3> members{{{"user_id", &user}, {"type", &type}, {"message", &message}}};
  if (const auto read = read_text_members(request.body_text(), members); !read) co_return failure(400, read.error());
  if (message.empty()) co_return failure(400, "\"message\" is missing or empty");

  const std::string text =
      text_of(Json{{"type", type}, {"message", message}, {"time", rfc3339(sources_.wall_clock())}});
  std::expected<std::size_t, brume::Error> sent = 0;
  if (user.empty()) {
    sent = co_await hub_.broadcast_text(text, brume::counted);
  } else {
    const std::string room = room_of(user);
    sent = co_await hub_.broadcast_text_to_room(room, text, brume::counted);
  }
  if (sent) co_return Response::json(text_of(Json{{"success", true}, {"sent_to", *sent}}));
  switch (sent.error()) {
    case brume::Error::name_too_long:
      co_return failure(
          400, "\"user_id\" has more than " + std::to_string(config_.max_name_size - kRoomPrefix.size()) + " bytes");
    case brume::Error::message_too_large:
      co_return failure(413, "\"message\" is too large");
    default:
      co_return failure(503, std::string(to_string(sent.error())));
  }
}

}  // namespace examples

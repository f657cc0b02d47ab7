#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <brume/examples/common/chat.h>
#include <brume/examples/common/chat_message.h>

namespace examples {

using brume::Connection;
using brume::Error;
using brume::Task;

namespace {

constexpr std::uint16_t kPolicyViolation = 1008;  // RFC 6455, section 7.4.1
constexpr std::uint16_t kTryAgainLater = 1013;

std::string in_quotes(const std::string& name) {
  return "\"" + name + "\"";
}

std::string to_string(const Rates& rates) {
  const std::string messages = std::to_string(rates.messages) + " messages";
  std::string bytes = std::to_string(rates.bytes) + " bytes";
  if (rates.messages == 0) return bytes;
  return rates.bytes == 0 ? messages : messages + " and " + bytes;
}

}  // namespace

// One connection's life in the chat; its end tells the others, whichever way it comes.
struct Chat::Member {
  Member(Chat& chat_, Connection& connection_, std::string id_)
      : chat(chat_), connection(connection_), id(std::move(id_)), limit(chat.options_.rates, chat.sources_.now()) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member() {
    registration.end();  // whoever has gone hears nothing of it, whatever its socket still does
    if (announced) (void)chat.hub_.broadcast_text(chat.from_server("User " + id + " left"));
  }

  Chat& chat;
  Connection& connection;
  const std::string id;
  brume::Registration registration{};
  std::set<std::string, std::less<>> rooms{};  // what the hub knows too; here it costs nothing to ask
  RateLimit limit;
  bool announced = false;
};

Chat::Chat(brume::Server& server, const ChatOptions& options, Sources sources)
    : options_(options), sources_(std::move(sources)), hub_(server, options.hub) {
  server.get("/ws/chat", brume::websocket([this](Connection& connection) { return serve(connection); }));
  server.get("/ws/status", [this](brume::Request& request) { return status(request); });
}

Task<> Chat::serve(Connection& connection) {
  Member member(*this, connection, sources_.new_id());
  connection.set_user_value("id", member.id);
  connection.set_user_value("joinTime", sources_.wall_clock());
  auto registered = co_await hub_.register_connection(member.id, connection);
  if (!registered) {
    notify(member, "The chat takes nobody now: " + std::string(to_string(registered.error())) + ".");
    (void)connection.close(kTryAgainLater, to_string(registered.error()));
    co_return;
  }
  member.registration = *std::move(registered);
  (void)connection.send_text(from_server(member.id, {}, "welcome"));
  (void)hub_.broadcast_text(from_server("New user joined"));
  member.announced = true;

  for (;;) {
    const auto message = co_await connection.receive();
    if (!message) {
      // Everybody goes then: each telling all the others would only be work.
      if (message.error().cause == brume::CloseCause::stopping) member.announced = false;
      co_return;
    }
    const auto verdict = member.limit.judge(message->data.size(), sources_.now());
    if (verdict == RateLimit::Verdict::end) {
      (void)connection.close(kPolicyViolation, "too many messages or bytes a second");
      co_return;
    }
    if (verdict == RateLimit::Verdict::warn) {
      notify(member, "Too fast: at most " + to_string(options_.rates) +
                         " a second. The last message was not sent; the next one too many closes the connection.");
      continue;
    }
    if (message->type == brume::MessageType::text) co_await take(member, message->text());
  }
}

Task<> Chat::take(Member& member, std::string_view json) {
  auto message = read_chat_message(json);
  if (!message) co_return;
  if (message->type == "join") {
    co_await join(member, std::move(message->room));
  } else if (message->type == "leave") {
    co_await leave(member, std::move(message->room));
  } else if (message->type == "room") {
    send_to_room(member, std::move(message->room), std::move(message->content));
  } else if (message->type == "chat") {
    message->sender = member.id;
    const auto sent = hub_.broadcast_text(to_json(*message, sources_.wall_clock()));
    if (!sent) notify(member, "Not sent: " + std::string(to_string(sent.error())) + ".");
  }
}

Task<> Chat::join(Member& member, std::string room) {
  if (member.rooms.contains(room)) {
    notify(member, "You are in room " + in_quotes(room) + " already.", room);
    co_return;
  }
  const auto joined = co_await member.registration.join(room);
  if (!joined) {
    notify(member, refusal(joined.error(), room), room);
    co_return;
  }
  (void)hub_.broadcast_text_to_room(room, from_server("User " + member.id + " joined " + in_quotes(room), room));
  member.rooms.insert(std::move(room));
}

Task<> Chat::leave(Member& member, std::string room) {
  const auto left = co_await member.registration.leave(room);
  if (!left) {
    notify(member, refusal(left.error(), room), room);
    co_return;
  }
  member.rooms.erase(room);
  (void)hub_.broadcast_text_to_room(room, from_server("User " + member.id + " left " + in_quotes(room), room));
}

void Chat::send_to_room(Member& member, std::string room, std::string content) {
  if (!member.rooms.contains(room)) {
    notify(member, refusal(Error::not_a_member, room), room);
    return;
  }
  ChatMessage message;
  message.type = "room";
  message.sender = member.id;
  message.room = std::move(room);
  message.content = std::move(content);
  const auto sent = hub_.broadcast_text_to_room(message.room, to_json(message, sources_.wall_clock()));
  if (!sent) notify(member, "Not sent: " + std::string(to_string(sent.error())) + ".", message.room);
}

std::string Chat::from_server(std::string content, std::string room, std::string type) const {
  ChatMessage message;
  message.type = std::move(type);
  message.sender = "server";
  message.room = std::move(room);
  message.content = std::move(content);
  return to_json(message, sources_.wall_clock());
}

// To this connection alone.
void Chat::notify(Member& member, std::string content, std::string room) const {
  // A name that was refused for its length may be a large one.
  if (room.size() > options_.hub.max_name_size) room.clear();
  (void)member.connection.send_text(from_server(std::move(content), std::move(room)));
}

std::string Chat::refusal(Error error, const std::string& room) const {
  const brume::HubConfig& hub = options_.hub;
  if (room.empty()) return "A room needs a name.";
  switch (error) {
    case Error::name_too_long:
      return "A room's name has at most " + std::to_string(hub.max_name_size) + " bytes.";
    case Error::too_many_rooms:
      return "Not joined: a connection is in at most " + std::to_string(hub.max_rooms_per_connection) + " rooms.";
    case Error::room_full:
      return "Not joined: room " + in_quotes(room) + " is full, at most " + std::to_string(hub.max_members_per_room) +
             " members.";
    case Error::not_a_member:
      // As far as a name could be one at all.
      return room.size() > hub.max_name_size ? "You are not in that room."
                                             : "You are not in room " + in_quotes(room) + ".";
    default:
      return "Not done: " + std::string(to_string(error)) + ".";
  }
}

Task<brume::Response> Chat::status(brume::Request& request) {
  const std::string room = request.query("room").value_or("");
  nlohmann::ordered_json answer;
  const auto connections = co_await hub_.connection_count();
  if (!connections) co_return brume::Response(503, std::string(to_string(connections.error())));
  auto rooms = co_await hub_.rooms();
  if (!rooms) co_return brume::Response(503, std::string(to_string(rooms.error())));
  std::ranges::sort(*rooms);
  answer["connections"] = *connections;
  answer["rooms"] = *std::move(rooms);
  if (!room.empty()) {
    auto members = co_await hub_.room_connections(room);
    // A name that no room may have is a room without members.
    if (!members && members.error() == Error::name_too_long) members.emplace();
    if (!members) co_return brume::Response(503, std::string(to_string(members.error())));
    std::ranges::sort(*members);
    answer["room"] = room;
    answer["room_connections"] = members->size();
    answer["connections_list"] = *std::move(members);
  }
  auto response = brume::Response::json(answer.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  response.header("Cache-Control", "no-store");
  co_return response;
}

}  // namespace examples

#include <array>

#include <nlohmann/json.hpp>

#include <brume/examples/common/chat_message.h>
#include <brume/examples/common/json_text.h>

namespace examples {

std::optional<ChatMessage> read_chat_message(std::string_view json) {
  ChatMessage message;
  const std::array<TextMember, 3> members{
      {{"type", &message.type}, {"room", &message.room}, {"content", &message.content}}};
  if (!read_text_members(json, members)) return std::nullopt;
  return message;
}

std::string to_json(const ChatMessage& message, WallTime time) {
  nlohmann::ordered_json json;
  json["type"] = message.type;
  json["sender"] = message.sender;
  if (!message.room.empty()) json["room"] = message.room;
  json["content"] = message.content;
  json["timestamp"] = unix_seconds(time);
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace examples

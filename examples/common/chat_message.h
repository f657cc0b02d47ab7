// chat_message.h: the chat's one kind of message, and the JSON it travels as.
//
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <brume/examples/common/sources.h>

namespace examples {

struct ChatMessage {
  std::string type{};
  std::string sender{};
  std::string room{};  // left out of the JSON when empty
  std::string content{};
};

// What a client sent; nullopt for what is no JSON object or has something else than text in a member that counts.
// Sender and timestamp are the server's to set and are not read.
std::optional<ChatMessage> read_chat_message(std::string_view json);

// {"type","sender","room","content","timestamp"(Unix seconds)}, in this order. Always valid UTF-8.
std::string to_json(const ChatMessage& message, WallTime time);

}  // namespace examples

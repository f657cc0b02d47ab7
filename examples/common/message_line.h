// message_line.h: a WebSocket message as a line of JSON, for programs that talk through wscat's stdin and stdout.
//
//   {"type":"text","data":"one line\nand another"}
//   {"type":"binary","data":"AAEC"}    base64 (RFC 4648, section 4)
//
// Pure functions; any thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include <brume/engine/message.h>

namespace examples {

struct LineMessage {
  brume::MessageType type = brume::MessageType::text;
  std::string data{};
};

// Without the line's end. Requires: text or binary; `data` is UTF-8 where it is text.
std::string to_line(brume::MessageType type, brume::Bytes data);

// Missing data is an empty message; other members are skipped. The error says in one line what is wrong.
std::expected<LineMessage, std::string> read_line(std::string_view line);

}  // namespace examples

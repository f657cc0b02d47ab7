#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include <nlohmann/json.hpp>

#include <brume/engine/error.h>
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

std::string_view close_as_told(brume::Connection& connection, std::string_view text) {
  std::uint16_t code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc{}) return "expected: CODE REASON";
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  const auto closed = connection.close(code, text);
  return closed ? std::string_view{} : to_string(closed.error());
}

brume::Task<> close_when_told(brume::Connection& connection) {
  while (auto message = co_await connection.receive()) {
    const bool is_text = message->type == brume::MessageType::text;
    const std::string_view complaint =
        is_text ? close_as_told(connection, message->text()) : "expected: a text message";
    if (!complaint.empty() && !connection.send_text(complaint)) break;
  }
}

brume::Task<> tell_who(brume::Connection& connection) {
  const brume::Request& request = connection.request();  // gone once this waits
  const nlohmann::json seen{{"client", request.client_address().host()},
                            {"remote", connection.remote_address().to_string()},
                            {"scheme", request.scheme()},
                            {"host", request.header("Host").value_or("")}};
  // Whoever may write anything into these fields gets it back as UTF-8.
  if (!connection.send_text(seen.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace))) co_return;
  while (co_await connection.receive()) {
  }
}

}  // namespace

brume::WebSocketEndpoint closing() {
  return brume::websocket(close_when_told);
}

brume::WebSocketEndpoint whoami() {
  return brume::websocket(tell_who);
}

brume::WebSocketEndpoint echo(bool callbacks) {
  return callbacks ? brume::websocket({.message = echo_back}) : brume::websocket(echo_messages);
}

}  // namespace examples

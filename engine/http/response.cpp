#include <algorithm>

#include <brume/codec/handshake.h>
#include <brume/engine/http/response.h>

namespace brume {

namespace {
bool frames_response(std::string_view name) {
  return codec::equals_ignore_case(name, "Content-Length") || codec::equals_ignore_case(name, "Transfer-Encoding") ||
         codec::equals_ignore_case(name, "Connection");
}

// RFC 6455, section 4.2.2: what a client must find once, as the server agreed to it.
bool is_of_handshake(std::string_view name) {
  return codec::equals_ignore_case(name, "Upgrade") || codec::equals_ignore_case(name, "Sec-WebSocket-Accept") ||
         codec::equals_ignore_case(name, "Sec-WebSocket-Protocol") ||
         codec::equals_ignore_case(name, "Sec-WebSocket-Extensions");
}
}  // namespace

bool Response::valid() const {
  if (!valid_) return false;
  if (!upgrade_) return status_ >= 200 && status_ <= 599;
  return std::ranges::none_of(headers_, [](const auto& field) { return is_of_handshake(field.first); });
}

Response& Response::header(std::string_view name, std::string_view value) {
  if (codec::is_valid_field(name, value) && !frames_response(name)) {
    headers_.emplace_back(name, value);
  } else {
    valid_ = false;
  }
  return *this;
}

Response Response::of(codec::HttpError error) {
  const codec::HttpErrorInfo& rule = codec::info(error);
  Response response(rule.status, std::string(rule.message) + "\n");
  response.error_ = error;
  if (rule.status == 426) {
    // RFC 9110, section 15.5.22, and RFC 6455, section 4.4: what to upgrade to, and by which version.
    response.header("Upgrade", "websocket").header("Sec-WebSocket-Version", "13");
  } else if (error == codec::HttpError::upgrade_method_not_get) {
    response.header("Allow", "GET");
  } else if (rule.status == 503) {
    response.header("Retry-After", "5");
  }
  return response;
}

}  // namespace brume

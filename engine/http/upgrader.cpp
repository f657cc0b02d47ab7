#include <stdexcept>
#include <vector>

#include <brume/codec/handshake.h>
#include <brume/codec/http_list.h>
#include <brume/engine/http/upgrader.h>

namespace brume {

namespace http {

namespace {
std::vector<std::string_view> offered_subprotocols(const codec::RequestHead& head) {
  std::vector<std::string_view> offered;
  codec::any_element(head, "Sec-WebSocket-Protocol", [&](std::string_view name) {
    offered.push_back(name);
    return false;
  });
  return offered;
}

// What is sent as Sec-WebSocket-Protocol (RFC 6455, section 4.2.2): the application's choice, else the first configured
// one that was offered. Empty: none. nullopt: the application chose what may not be sent.
std::optional<std::string> subprotocol_for(const Request& request, const RouteConfig& config, std::string_view chosen) {
  std::string choice(chosen);
  const bool asks = choice.empty() && config.choose_subprotocol;
  if (asks) choice = config.choose_subprotocol(request, offered_subprotocols(request.head()));
  if (!choice.empty()) {
    if (!codec::is_token(choice) || !codec::offers_subprotocol(request.head(), choice)) return std::nullopt;
    return choice;
  }
  if (asks) return std::string();
  const std::vector<std::string_view> supported(config.subprotocols.begin(), config.subprotocols.end());
  return std::string(codec::choose_subprotocol(request.head(), supported).value_or(std::string_view()));
}

std::optional<codec::DeflateAgreement> deflate_for(const Request& request, const Compression& compression) {
  if (!compression.enabled) return std::nullopt;
  return codec::choose_deflate(request.head(), {.server_no_context_takeover = !compression.server_context_takeover,
                                                .client_no_context_takeover = !compression.client_context_takeover,
                                                .server_max_window_bits = compression.server_max_window_bits,
                                                .client_max_window_bits = compression.client_max_window_bits});
}
}  // namespace

Response judge(const Request& request, const connection::RouteRef& route, std::string_view subprotocol) {
  const auto key = codec::judge_upgrade(request.head());
  if (!key) return Response::of(key.error());
  const RouteConfig& config = route->config;
  const bool welcome =
      config.check_origin ? config.check_origin(request) : codec::same_origin(request.head(), request.scheme());
  if (!welcome) return Response::of(codec::HttpError::origin_refused);
  auto agreed = subprotocol_for(request, config, subprotocol);
  if (!agreed) return Response::of(codec::HttpError::internal_error);
  Response response(101);
  const auto deflate = deflate_for(request, config.compression);
  response.set_upgrade(route, *std::move(agreed), deflate);
  if (config.on_upgrade) config.on_upgrade(request, response);
  return response;
}

}  // namespace http

Response Upgrader::upgrade(const Request& request, const WebSocketEndpoint& endpoint,
                           std::string_view subprotocol) const {
  const auto route = endpoint.bind(request.path(), config_);
  if (const auto error = validate(route->config)) throw std::invalid_argument(error->text);
  return http::judge(request, route, subprotocol);
}

}  // namespace brume

#include <stdexcept>
#include <vector>

#include <brume/codec/handshake.h>
#include <brume/codec/http_list.h>
#include <brume/engine/http/upgrader.h>

namespace brume {

namespace http {

namespace {
// The elements of a list, over all lines of that field.
std::vector<std::string_view> offered_in(const codec::RequestHead& head, std::string_view field) {
  std::vector<std::string_view> offered;
  codec::any_element(head, field, [&](std::string_view element) {
    offered.push_back(element);
    return false;
  });
  return offered;
}

// What is sent as Sec-WebSocket-Protocol (RFC 6455, section 4.2.2): the application's choice, else the first configured
// one that was offered. Empty: none. nullopt: the application chose what may not be sent.
std::optional<std::string> subprotocol_for(const Request& request, const RouteConfig& config, std::string_view chosen) {
  std::string choice(chosen);
  const bool asks = choice.empty() && config.choose_subprotocol;
  if (asks) choice = config.choose_subprotocol(request, offered_in(request.head(), "Sec-WebSocket-Protocol"));
  if (!choice.empty()) {
    if (!codec::is_token(choice) || !codec::offers_subprotocol(request.head(), choice)) return std::nullopt;
    return choice;
  }
  if (asks) return std::string();
  const std::vector<std::string_view> supported(config.subprotocols.begin(), config.subprotocols.end());
  return std::string(codec::choose_subprotocol(request.head(), supported).value_or(std::string_view()));
}

// What the request may use of compression; nullopt where the application's wish for it is out of range.
std::optional<Compression> compression_for(const Request& request, const RouteConfig& config) {
  Compression use = config.compression;
  if (!config.choose_compression) return use;
  const auto offered = offered_in(request.head(), "Sec-WebSocket-Extensions");
  if (offered.empty()) return use;
  config.choose_compression(request, offered, use);
  if (validate(use)) return std::nullopt;
  return use;
}

std::optional<codec::DeflateAgreement> deflate_for(const Request& request, const Compression& use) {
  if (!use.enabled) return std::nullopt;
  return codec::choose_deflate(request.head(), {.server_no_context_takeover = !use.server_context_takeover,
                                                .client_no_context_takeover = !use.client_context_takeover,
                                                .server_max_window_bits = use.server_max_window_bits,
                                                .client_max_window_bits = use.client_max_window_bits});
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
  const auto compression = compression_for(request, config);
  if (!agreed || !compression) return Response::of(codec::HttpError::internal_error);
  Response response(101);
  response.set_upgrade(route, *std::move(agreed), deflate_for(request, *compression));
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

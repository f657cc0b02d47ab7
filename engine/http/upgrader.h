// upgrader.h: upgrades inside an ordinary route handler, after the user's own checks (RFC 6455, section 4.2).
//
//   server.get("/private", [&](Request& request) -> Task<Response> {
//     if (!allowed(request)) co_return Response::unauthorized("no session");
//     co_return upgrader.upgrade(request, serve);
//   });
// Immutable; any core's thread. Must outlive the server's stop.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <brume/engine/http/request.h>
#include <brume/engine/http/response.h>
#include <brume/engine/websocket.h>

namespace brume {

class Upgrader {
 public:
  explicit Upgrader(RouteConfig config = {}) : config_(std::move(config)) {}

  // The response that gives 101 and runs the handler, or the right refusal (400, 403, 405, 426); what fields it is to
  // have besides the handshake's own are added by its header(). `subprotocol`: overrides the configured choice; one the
  // client did not offer, or that is no token, gives a 500. Throws std::invalid_argument where a field of the
  // configuration is out of range, which makes the request a 500 and the log name the field.
  Response upgrade(const Request& request, const WebSocketEndpoint& endpoint, std::string_view subprotocol = {}) const;
  template <class Handler>
    requires requires(Handler handler) { websocket(std::move(handler)); }
  Response upgrade(const Request& request, Handler handler, std::string_view subprotocol = {}) const {
    return upgrade(request, websocket(std::move(handler)), subprotocol);
  }

 private:
  RouteConfig config_;
};

namespace http {
// Judges an upgrade to `route`: the response with its upgrade set, or the refusal.
Response judge(const Request& request, const connection::RouteRef& route, std::string_view subprotocol = {});
}  // namespace http

}  // namespace brume

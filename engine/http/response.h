// response.h: what a route's handler answers with. A value; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/http_error.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/engine/connection/route_ref.h>

namespace brume {

class Response {
 public:
  explicit Response(std::uint16_t status = 200, std::string body = {},
                    std::string_view content_type = "text/plain; charset=utf-8")
      : status_(status), body_(std::move(body)) {
    if (!body_.empty()) header("Content-Type", content_type);
  }

  static Response text(std::string body) { return Response(200, std::move(body)); }
  static Response html(std::string body) { return Response(200, std::move(body), "text/html; charset=utf-8"); }
  static Response json(std::string body) { return Response(200, std::move(body), "application/json"); }
  static Response bad_request(std::string body) { return Response(400, std::move(body)); }
  static Response unauthorized(std::string body) { return Response(401, std::move(body)); }
  static Response forbidden(std::string body) { return Response(403, std::move(body)); }
  static Response not_found(std::string body = "not found") { return Response(404, std::move(body)); }
  // The answer to a broken rule: its status, its sentence, and the fields its status demands. It is counted, logged,
  // and ends the connection: what follows a request that was refused is not another request.
  static Response of(codec::HttpError error);

  // Adds a field. A name or value that may not be sent (a line break above all) makes the whole response a 500, and so
  // do the fields that frame the response, which are the server's: Content-Length, Transfer-Encoding, Connection.
  Response& header(std::string_view name, std::string_view value);

  std::uint16_t status() const { return status_; }
  const std::string& body() const { return body_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }
  // Whether it can be sent: its fields, of which none is the handshake's own where it upgrades, and its status, which
  // is final (200 to 599) unless it upgrades.
  bool valid() const;
  std::optional<codec::HttpError> error() const { return error_; }

  // Made by Upgrader::upgrade(): instead of being sent it turns the connection into a WebSocket.
  const connection::RouteRef& upgrade() const { return upgrade_; }
  const std::string& subprotocol() const { return subprotocol_; }
  // What of permessage-deflate was agreed on: on_upgrade may look.
  const std::optional<codec::DeflateAgreement>& deflate() const { return deflate_; }
  void set_upgrade(connection::RouteRef route, std::string subprotocol,
                   const std::optional<codec::DeflateAgreement>& deflate = {}) {
    upgrade_ = std::move(route);
    subprotocol_ = std::move(subprotocol);
    deflate_ = deflate;
  }

 private:
  std::uint16_t status_;
  bool valid_ = true;
  std::optional<codec::HttpError> error_;
  std::string body_;
  std::vector<std::pair<std::string, std::string>> headers_;
  connection::RouteRef upgrade_;
  std::string subprotocol_;
  std::optional<codec::DeflateAgreement> deflate_;
};

}  // namespace brume

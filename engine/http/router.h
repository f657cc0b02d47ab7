// router.h: which handler serves a method and a path with ":name" parts.
//
// Filled before the server starts, then immutable and shared by all cores. A path is matched segment by segment: a
// fixed segment beats a parameter; "*" as the last segment takes the rest of the path, which may be empty, and gives it
// to the handler as the parameter "*": its segments decoded, with '/' between them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/core/task.h>
#include <brume/engine/http/request.h>
#include <brume/engine/http/response.h>

namespace brume::http {

using Handler = std::function<core::Task<Response>(Request&)>;

struct Route {
  std::string path;
  std::string method;
  Handler handler;                 // or
  connection::RouteRef websocket;  // upgraded without a coroutine of its own
};

class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Fails (false) where the path is not absolute, names a parameter twice, has "*" before its end or a segment no
  // request can have, or method and path are taken. Fixed segments are given decoded.
  bool add(Route route);

  struct Match {
    const Route* route = nullptr;  // null: not found, or the method is not allowed
    std::string allow;             // the methods the path has, where only the method did not fit: "GET, HEAD, POST"
  };
  // HEAD finds the handler of GET too (RFC 9110, section 9.3.2); a WebSocket route has GET alone. `parameters` is
  // filled with the route's. Each path segment is percent-decoded before it is compared; a broken escape, an encoded
  // NUL or slash, or a dot segment matches nothing.
  Match find(std::string_view method, std::string_view path, std::vector<PathParameter>& parameters) const;

 private:
  struct Node;
  std::unique_ptr<Node> root_;
};

}  // namespace brume::http

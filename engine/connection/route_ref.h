// route_ref.h: a counted reference to a WebSocket route (websocket_route.h): one pointer, as every connection has one.
//
// Any thread; cheap to copy. The route goes with its last reference.
#pragma once

#include <utility>

namespace brume::connection {

struct WebSocketRoute;

class RouteRef {
 public:
  RouteRef() = default;
  // Takes the route over. May throw std::bad_alloc.
  explicit RouteRef(WebSocketRoute route);
  RouteRef(const RouteRef& other);
  RouteRef(RouteRef&& other) noexcept : route_(std::exchange(other.route_, nullptr)) {}
  RouteRef& operator=(RouteRef other) noexcept {
    std::swap(route_, other.route_);
    return *this;
  }
  ~RouteRef();

  explicit operator bool() const { return route_ != nullptr; }
  const WebSocketRoute* operator->() const { return route_; }

 private:
  const WebSocketRoute* route_ = nullptr;
};

}  // namespace brume::connection

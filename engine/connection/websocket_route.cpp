#include <brume/engine/connection/websocket_route.h>

namespace brume::connection {

RouteRef::RouteRef(WebSocketRoute route) : route_(new WebSocketRoute(std::move(route))) {
  route_->references.count.store(1, std::memory_order_relaxed);
}

RouteRef::RouteRef(const RouteRef& other) : route_(other.route_) {
  if (route_) route_->references.count.fetch_add(1, std::memory_order_relaxed);
}

RouteRef::~RouteRef() {
  // Each holder's release pairs with the last one's acquire: it destroys what all of them have finished with.
  if (route_ && route_->references.count.fetch_sub(1, std::memory_order_acq_rel) == 1) delete route_;
}

}  // namespace brume::connection

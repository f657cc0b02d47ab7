// websocket.h: makes a route handler that upgrades the request and runs a WebSocket handler.
//
//   server.get("/ws/echo", websocket(echo));                       // Task<> echo(Connection&)
//   server.get("/ws/echo", websocket({.message = [](Connection& c, const Message& m) { ... }}));
//   server.get("/ws/game", websocket<Player>(config, play));       // Task<> play(Connection&, Player&)
//
// Handlers and callbacks run on the connection's core; one route serves all cores, so what a function captures is
// shared by threads. One that throws ends its connection with 1011. Without a RouteConfig the server's Config holds.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <brume/engine/connection/websocket_route.h>

namespace brume {

struct Callbacks {
  std::function<void(Connection&)> open{};
  std::function<void(Connection&, const Message&)> message{};
  std::function<void(Connection&, const CloseInfo&)> close{};  // once for each connection that was opened
  std::function<void(Connection&)> drained{};                  // the outbox was more than half full, and no longer is
  // Messages that a full outbox cost since the last call: by a slow-consumer policy, or sent by a handle.
  std::function<void(Connection&, std::uint64_t)> dropped{};
  std::function<void(Connection&, Bytes)> pong{};  // the payload is valid during the call
};

// The same, each with the connection's own State.
template <class State>
struct StateCallbacks {
  std::function<void(Connection&, State&)> open{};
  std::function<void(Connection&, State&, const Message&)> message{};
  std::function<void(Connection&, State&, const CloseInfo&)> close{};
  std::function<void(Connection&, State&)> drained{};
  std::function<void(Connection&, State&, std::uint64_t)> dropped{};
  std::function<void(Connection&, State&, Bytes)> pong{};
};

// A WebSocket handler with its configuration, ready for Server::get() or Upgrader::upgrade().
class WebSocketEndpoint {
 public:
  WebSocketEndpoint(connection::WebSocketRoute route, std::optional<RouteConfig> config)
      : route_(std::move(route)), config_(std::move(config)) {}

  // The route as it is served under that name. A copy: an endpoint that is kept may be bound again and again, by any
  // thread, and what is being served already does not change.
  connection::RouteRef bind(std::string_view name, const RouteConfig& fallback) const {
    connection::WebSocketRoute route = route_;
    route.name = name;
    route.config = config_ ? *config_ : fallback;
    return connection::RouteRef(std::move(route));
  }

 private:
  connection::WebSocketRoute route_;
  std::optional<RouteConfig> config_;
};

namespace connection {

template <class H>
concept CoroutineHandler = std::same_as<std::invoke_result_t<const H&, Connection&>, Task<>>;
template <class H, class State>
concept StateCoroutineHandler = std::same_as<std::invoke_result_t<const H&, Connection&, State&>, Task<>>;

template <class State>
WebSocketRoute route_with_state() {
  static_assert(std::is_default_constructible_v<State> && alignof(State) <= alignof(std::max_align_t));
  WebSocketRoute route;
  route.state = {sizeof(State), [](void* memory) { new (memory) State(); },
                 [](void* memory) noexcept { static_cast<State*>(memory)->~State(); }};
  return route;
}

template <class State, class Result, class... Arguments>
std::function<Result(Connection&, Arguments...)> bind_state(
    std::function<Result(Connection&, State&, Arguments...)> function) {
  if (!function) return {};
  return [f = std::move(function)](Connection& c, Arguments... arguments) -> Result {
    return f(c, *static_cast<State*>(user_state(c)), std::forward<Arguments>(arguments)...);
  };
}

}  // namespace connection

inline WebSocketEndpoint websocket(std::optional<RouteConfig> config, Callbacks callbacks) {
  connection::WebSocketRoute route;
  route.open = std::move(callbacks.open);
  route.message = std::move(callbacks.message);
  route.close = std::move(callbacks.close);
  route.drained = std::move(callbacks.drained);
  route.dropped = std::move(callbacks.dropped);
  route.pong = std::move(callbacks.pong);
  return WebSocketEndpoint(std::move(route), std::move(config));
}
inline WebSocketEndpoint websocket(Callbacks callbacks) {
  return websocket(std::nullopt, std::move(callbacks));
}

template <connection::CoroutineHandler H>
WebSocketEndpoint websocket(std::optional<RouteConfig> config, H handler) {
  connection::WebSocketRoute route;
  route.handler = std::move(handler);
  return WebSocketEndpoint(std::move(route), std::move(config));
}
template <connection::CoroutineHandler H>
WebSocketEndpoint websocket(H handler) {
  return websocket(std::nullopt, std::move(handler));
}

template <class State, connection::StateCoroutineHandler<State> H>
WebSocketEndpoint websocket(std::optional<RouteConfig> config, H handler) {
  connection::WebSocketRoute route = connection::route_with_state<State>();
  route.handler = connection::bind_state<State, Task<>>(std::function<Task<>(Connection&, State&)>(std::move(handler)));
  return WebSocketEndpoint(std::move(route), std::move(config));
}
template <class State, connection::StateCoroutineHandler<State> H>
WebSocketEndpoint websocket(H handler) {
  return websocket<State>(std::nullopt, std::move(handler));
}

template <class State>
WebSocketEndpoint websocket(std::optional<RouteConfig> config, StateCallbacks<State> callbacks) {
  connection::WebSocketRoute route = connection::route_with_state<State>();
  route.open = connection::bind_state<State, void>(std::move(callbacks.open));
  route.message = connection::bind_state<State, void, const Message&>(std::move(callbacks.message));
  route.close = connection::bind_state<State, void, const CloseInfo&>(std::move(callbacks.close));
  route.drained = connection::bind_state<State, void>(std::move(callbacks.drained));
  route.dropped = connection::bind_state<State, void, std::uint64_t>(std::move(callbacks.dropped));
  route.pong = connection::bind_state<State, void, Bytes>(std::move(callbacks.pong));
  return WebSocketEndpoint(std::move(route), std::move(config));
}
template <class State>
WebSocketEndpoint websocket(StateCallbacks<State> callbacks) {
  return websocket<State>(std::nullopt, std::move(callbacks));
}

}  // namespace brume

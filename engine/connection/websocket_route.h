// websocket_route.h: what a WebSocket route does with each of its connections.
//
// Made by websocket() (engine/websocket.h); immutable once a server has it, and then shared by all cores, so what the
// functions capture is used by several threads. It outlives every connection it serves.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include <brume/engine/config.h>
#include <brume/engine/connection.h>
#include <brume/engine/connection/route_ref.h>

namespace brume::connection {

struct WebSocketRoute {
  std::string name;  // the route's path, for log lines
  RouteConfig config;

  // One of the two styles: a coroutine for the connection's whole life, or callbacks.
  std::function<Task<>(Connection&)> handler;

  std::function<void(Connection&)> open;
  std::function<void(Connection&, const Message&)> message;
  std::function<void(Connection&, const CloseInfo&)> close;
  std::function<void(Connection&)> drained;  // the outbox, once more than half full, is at most half full
  std::function<void(Connection&, std::uint64_t)> dropped;  // messages that a full outbox cost since the last call
  std::function<void(Connection&, Bytes)> pong;             // a pong came, asked for or not

  // Typed state in the connection's own memory: websocket<State>(...).
  struct State {
    std::size_t size = 0;  // bytes; 0: none
    void (*construct)(void* memory) = nullptr;
    void (*destroy)(void* memory) noexcept = nullptr;
  } state;

  // Counted by RouteRef. A copy is a route of its own, which nobody refers to yet.
  struct References {
    References() = default;
    References(const References&) noexcept {}
    References& operator=(const References&) noexcept { return *this; }
    std::atomic<std::uint32_t> count{0};
  };
  mutable References references;
};

// The typed state of a connection whose route has one.
void* user_state(Connection& connection);

}  // namespace brume::connection

// echo.h: /ws/echo sends each message back with its type; /ws/close closes as a client asks, so that its author sees
// how a close arrives; /ws/whoami tells whom the server sees, for who sets up a proxy.
#pragma once

#include <brume/engine/server.h>

namespace examples {

// Any core's thread; `callbacks`: the callback style instead of a coroutine.
brume::WebSocketEndpoint echo(bool callbacks);

// The text message "CODE REASON" (the reason may be missing) closes the connection so. Another message, and a code that
// no Close frame may carry (RFC 6455, 7.4), is answered with what is wrong with it.
brume::WebSocketEndpoint closing();

// The first message is JSON: "client" (Request::client_address(), without a port), "remote" (the connection's address,
// or what a PROXY header says), "scheme" (empty: not known), "host". What comes is ignored.
brume::WebSocketEndpoint whoami();

}  // namespace examples

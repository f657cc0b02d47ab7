// echo.h: /ws/echo sends each message back with its type.
#pragma once

#include <brume/engine/server.h>

namespace examples {

// Any core's thread; `callbacks`: the callback style instead of a coroutine.
brume::WebSocketEndpoint echo(bool callbacks);

}  // namespace examples

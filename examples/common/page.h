// page.h: the example programs' pages (examples/www), which are part of the programs: they run from any folder.
#pragma once

#include <brume/engine/http/request.h>
#include <brume/engine/http/response.h>

namespace examples {

// A route handler that answers with examples/www/echo.html. Any core's thread.
brume::Response echo_page(brume::Request& request);

}  // namespace examples

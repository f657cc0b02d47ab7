// errno_map.h: the one place where errno values get a meaning.
//
// Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

#include <brume/engine/error.h>

namespace brume::io {

// "address already in use". One line, also for a number nobody knows.
std::string errno_text(int code);

// `code` (positive) as the error of `what` ("bind 127.0.0.1:8080"): its kind and a one-line text.
SystemError system_error(int code, std::string_view what);

// What a failed accept means for its listener.
enum class AcceptFailure {
  none,      // nobody was waiting, or a signal came: try again
  one_peer,  // that connection went away before it was taken: go on with the next
  process,   // descriptors or memory ran out, or the listener itself is unusable: pause
};
AcceptFailure classify_accept_failure(int code);

}  // namespace brume::io

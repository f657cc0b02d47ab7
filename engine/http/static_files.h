// static_files.h: serves the files of a folder.
//
//   server.get("/assets/*", static_files("public"));  // /assets/app.js is public/app.js, /assets/ is public/index.html
//
// What it sends is inside the folder: dot segments, encoded slashes, backslashes and NUL, and symbolic links that are
// absolute or lead outside are 404. It lists no folders. Each request reads the file anew and has it whole in memory
// until it is sent: nothing is cached, and what is changed on disk is seen at once. The reading happens on the core's
// own thread and is bounded by max_file_size, well below a millisecond a MiB from the page cache; a folder on a slow or
// remote disk makes all connections of the core wait for it.
//
// Immutable, shared by all cores' threads. Holds the folder open: one that takes its name later is not served.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <brume/engine/error.h>
#include <brume/engine/http/request.h>
#include <brume/engine/http/response.h>

namespace brume {

inline constexpr std::size_t kLargestStaticFile = 64 * 1024 * 1024;  // bytes: what max_file_size may be at most

struct StaticFilesOptions {
  std::size_t max_file_size = 4 * 1024 * 1024;  // bytes; a larger file is a 500
  std::string index = "index.html";             // the file that answers for a folder; empty: none does
  std::string cache_control = "no-cache";       // the Cache-Control field; by default clients ask whether it changed
  bool hidden_files = false;                    // serves names that begin with a dot
};

// A route handler for GET and HEAD.
class StaticFiles {
 public:
  StaticFiles(std::string_view folder, StaticFilesOptions options);

  // Answers with the file at request.parameter("*"), which is empty for a route without "*": 200, 304 where the client
  // has it already (If-None-Match, If-Modified-Since: RFC 9110, section 13), 301 to a folder's name with a slash, 404,
  // or 500 where the file is too large or cannot be read. May also be called by a handler with checks of its own.
  Response operator()(const Request& request) const;

  // Why nothing can be served: the folder cannot be opened, or an option is out of range. Server::listen() or start()
  // reports it.
  const std::optional<SystemError>& error() const { return error_; }

 private:
  struct Folder;
  std::shared_ptr<const Folder> folder_;
  std::optional<SystemError> error_;
};

inline StaticFiles static_files(std::string_view folder, StaticFilesOptions options = {}) {
  return StaticFiles(folder, std::move(options));
}

}  // namespace brume

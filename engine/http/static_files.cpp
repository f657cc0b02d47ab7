#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <expected>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <brume/codec/handshake.h>
#include <brume/codec/http_list.h>
#include <brume/engine/http/content_type.h>
#include <brume/engine/http/http_date.h>
#include <brume/engine/http/open_beneath.h>
#include <brume/engine/http/static_files.h>

namespace brume {

using std::chrono::sys_seconds;

struct StaticFiles::Folder {
  io::OwnedDescriptor descriptor;
  StaticFilesOptions options;
};

namespace {

SystemError config_error(std::string text, int code = 0) {
  return {SystemError::Kind::config, code, std::move(text)};
}

std::optional<SystemError> validate(const StaticFilesOptions& options) {
  if (options.max_file_size == 0 || options.max_file_size > kLargestStaticFile) {
    return config_error("max_file_size is " + std::to_string(options.max_file_size) + ", but must be from 1 to " +
                        std::to_string(kLargestStaticFile) + " bytes");
  }
  if (options.index.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos || options.index == "." ||
      options.index == "..") {
    return config_error("index must be the name of a file");
  }
  if (!codec::is_valid_field("Cache-Control", options.cache_control)) {
    return config_error("cache_control must be a field's value, without a line break");
  }
  return std::nullopt;
}

// Whether a path ("a/b", "a/" or "") names something that may be served at all. The router refuses most of this
// already; a handler may take its path from elsewhere.
bool may_be_served(std::string_view path, bool hidden_files) {
  if (path.find_first_of(std::string_view("\\\0", 2)) != std::string_view::npos) return false;
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string_view segment = path.substr(0, end);
    if (segment == "." || segment == ".." || (!hidden_files && segment.starts_with('.'))) return false;
    if (end == std::string_view::npos) return true;
    if (segment.empty()) return false;
    path.remove_prefix(end + 1);
  }
}

// What a path that leads to no file gives, whatever the reason: who asks learns nothing about the disk.
bool is_missing(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EXDEV:  // it leads outside
    case EACCES:
    case EPERM:
    case ENAMETOOLONG:
    case EINVAL:
    case ENXIO:  // a socket's name
    case ENODEV:
      return true;
    default:
      return false;
  }
}

Response failed(int error) {
  return is_missing(error) ? Response::not_found() : Response::of(codec::HttpError::internal_error);
}

// Weak (RFC 9110, section 8.8.1): two writes within one tick of the clock are not told apart. By the time of the last
// change rather than of modification, which a copied or an unpacked file takes over from another.
std::string entity_tag(const struct stat& file) {
  char text[64];
  std::snprintf(text, sizeof text, "W/\"%llx.%lx-%llx\"", static_cast<unsigned long long>(file.st_ctim.tv_sec),
                static_cast<unsigned long>(file.st_ctim.tv_nsec), static_cast<unsigned long long>(file.st_size));
  return text;
}

sys_seconds modified(const struct stat& file) {
  return sys_seconds(std::chrono::seconds(file.st_mtim.tv_sec));
}

std::string_view opaque_part(std::string_view tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// RFC 9110, section 13.2.2: If-Modified-Since counts only where there is no If-None-Match.
bool client_has_it(const Request& request, std::string_view tag, sys_seconds time) {
  if (request.header("If-None-Match")) {
    return codec::any_element(request.head(), "If-None-Match", [tag](std::string_view element) {
      return element == "*" || opaque_part(element) == opaque_part(tag);
    });
  }
  const auto since = request.header("If-Modified-Since");
  const auto date = since ? http::parse_date(*since) : std::nullopt;
  return date && time <= *date;
}

// The first `size` bytes, or fewer where the file got shorter meanwhile; or the errno.
std::expected<std::string, int> read_whole(int descriptor, std::size_t size) {
  std::string content;
  int error = 0;
  content.resize_and_overwrite(size, [&](char* bytes, std::size_t) {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = ::read(descriptor, bytes + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) error = errno;
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  });
  if (error != 0) return std::unexpected(error);
  return content;
}

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

Response redirect_to_folder(const Request& request) {
  // "//host/" would lead to another server.
  if (request.path().starts_with("//")) return Response::not_found();
  std::string location(request.path());
  location += '/';
  if (!request.query_string().empty()) location.append("?").append(request.query_string());
  return Response(301).header("Location", location);
}

Response send_file(const Request& request, int descriptor, const struct stat& file, std::string_view path,
                   const StaticFilesOptions& options) {
  if (static_cast<std::uint64_t>(file.st_size) > options.max_file_size)
    return Response(500, "This file is larger than this server sends.\n");
  const std::string tag = entity_tag(file);
  const auto add_validators = [&](Response& response) {
    response.header("ETag", tag);
    // RFC 9110, section 8.8.2.1: never a time that is still to come.
    if (modified(file) <= std::chrono::system_clock::now())
      response.header("Last-Modified", http::format_date(modified(file)));
  };
  Response response(304);
  if (client_has_it(request, tag, modified(file))) {
    add_validators(response);
  } else {
    auto content = read_whole(descriptor, static_cast<std::size_t>(file.st_size));
    if (!content) return failed(content.error());
    response = Response(200, *std::move(content), http::content_type_of(path));
    struct stat after{};
    // What was changed while it was read is of no version.
    if (::fstat(descriptor, &after) == 0 && same_version(file, after)) add_validators(response);
    response.header("X-Content-Type-Options", "nosniff");
  }
  if (!options.cache_control.empty()) response.header("Cache-Control", options.cache_control);
  return response;
}

}  // namespace

StaticFiles::StaticFiles(std::string_view folder, StaticFilesOptions options) {
  const std::string name(folder);
  error_ = validate(options);
  if (error_) return;
  io::OwnedDescriptor descriptor(::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) {
    error_ = config_error("folder \"" + name + "\": " + std::strerror(errno), errno);
    return;
  }
  folder_ = std::make_shared<const Folder>(Folder{std::move(descriptor), std::move(options)});
}

Response StaticFiles::operator()(const Request& request) const {
  if (!folder_) return Response::of(codec::HttpError::internal_error);
  const StaticFilesOptions& options = folder_->options;
  std::string path(request.parameter("*"));
  if (!may_be_served(path, options.hidden_files)) return Response::not_found();
  if (path.empty() || path.ends_with('/')) {
    if (options.index.empty()) return Response::not_found();
    path += options.index;
  }
  const auto opened = http::open_beneath(folder_->descriptor.get(), path);
  if (!opened) return failed(opened.error());
  struct stat file{};
  if (::fstat(opened->get(), &file) != 0) return failed(errno);
  if (S_ISDIR(file.st_mode)) return options.index.empty() ? Response::not_found() : redirect_to_folder(request);
  if (!S_ISREG(file.st_mode)) return Response::not_found();
  return send_file(request, opened->get(), file, path, options);
}

}  // namespace brume

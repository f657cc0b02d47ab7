#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/owned_descriptor.h>
#include <brume/engine/io/unix_listeners.h>

namespace brume::io {

namespace {

struct UnixAddress {
  sockaddr_un storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

bool is_abstract(std::string_view path) {
  return path.starts_with('@');
}

// 0 or a positive errno.
int make_address(std::string_view path, UnixAddress& address) {
  address.storage.sun_family = AF_UNIX;
  // A name that fills sun_path would have no room for the zero byte that others look for.
  if (path.size() >= sizeof address.storage.sun_path) return ENAMETOOLONG;
  if (path.empty() || path == "@" || path.find('\0') != std::string_view::npos) return EINVAL;
  std::memcpy(address.storage.sun_path, path.data(), path.size());
  if (is_abstract(path)) address.storage.sun_path[0] = '\0';
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (is_abstract(path) ? 0 : 1));
  return 0;
}

OwnedDescriptor make_socket() {
  return OwnedDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

// Keeps other servers from looking at the same folder's sockets meanwhile: between one's bind() and its listen() its
// file looks as if nobody were there. Where the folder may not be read there is no such lock.
OwnedDescriptor lock_folder(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder(slash == std::string_view::npos ? "." : slash == 0 ? "/" : path.substr(0, slash));
  OwnedDescriptor lock(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock && flock(lock.get(), LOCK_EX) != 0) lock.reset();
  return lock;
}

// Whether the file is a socket that nobody listens at.
bool is_stale(const std::string& path, const UnixAddress& address) {
  struct stat file{};
  if (lstat(path.c_str(), &file) != 0 || !S_ISSOCK(file.st_mode)) return false;
  const OwnedDescriptor probe = make_socket();
  return probe && connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED;
}

// 0 or a positive errno.
int bind_file(int descriptor, const std::string& path, const UnixAddress& address, std::uint32_t mode) {
  if (bind(descriptor, address.get(), address.size) != 0) {
    if (errno != EADDRINUSE) return errno;
    if (!is_stale(path, address)) return EADDRINUSE;
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return errno;
    if (bind(descriptor, address.get(), address.size) != 0) return errno;
  }
  // Nobody can connect before listen(): the file never has another mode that counts.
  if (chmod(path.c_str(), static_cast<mode_t>(mode)) == 0) return 0;
  const int error = errno;
  unlink(path.c_str());
  return error;
}

}  // namespace

SocketFile::SocketFile(std::string path) : path_(std::move(path)) {
  struct stat file{};
  if (lstat(path_.c_str(), &file) != 0) {
    path_.clear();
    return;
  }
  device_ = file.st_dev;
  inode_ = file.st_ino;
  made_ = file.st_mtim;
}

SocketFile& SocketFile::operator=(SocketFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(device_, other.device_);
  std::swap(inode_, other.inode_);
  std::swap(made_, other.made_);
  return *this;
}

SocketFile::~SocketFile() {
  struct stat file{};
  if (path_.empty() || lstat(path_.c_str(), &file) != 0) return;
  const bool same = file.st_dev == device_ && file.st_ino == inode_ && file.st_mtim.tv_sec == made_.tv_sec &&
                    file.st_mtim.tv_nsec == made_.tv_nsec;
  if (same) unlink(path_.c_str());
}

std::expected<UnixListeners, SystemError> open_unix_listeners(std::size_t count, const ListenOptions& options) {
  const std::string& path = options.unix_path;
  const auto failure = [&](int error) { return std::unexpected(system_error(error, "listen on unix:" + path)); };
  UnixAddress address;
  if (const int error = make_address(path, address)) {
    return std::unexpected(SystemError{SystemError::Kind::bad_address, error,
                                       "the path of a Unix-domain socket must have 1 to " +
                                           std::to_string(sizeof address.storage.sun_path - 1) +
                                           " bytes, without a zero byte"});
  }
  std::vector<OwnedDescriptor> descriptors(count);
  OwnedDescriptor& first = descriptors.front();
  first = make_socket();
  if (!first) return failure(errno);

  UnixListeners made;
  OwnedDescriptor lock;
  if (is_abstract(path)) {
    if (bind(first.get(), address.get(), address.size) != 0) return failure(errno);
  } else {
    lock = lock_folder(path);
    if (const int error = bind_file(first.get(), path, address, options.unix_mode)) return failure(error);
    made.file = SocketFile(path);
  }
  if (listen(first.get(), options.backlog) != 0) return failure(errno);
  for (std::size_t i = 1; i < count; i++) {
    descriptors[i] = OwnedDescriptor(fcntl(first.get(), F_DUPFD_CLOEXEC, 0));
    if (!descriptors[i]) return failure(errno);
  }
  for (OwnedDescriptor& descriptor : descriptors) made.handles.push_back(descriptor.release());
  return made;
}

}  // namespace brume::io

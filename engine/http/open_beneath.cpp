#include <cerrno>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <brume/engine/http/open_beneath.h>

namespace brume::http {

namespace {

// O_NONBLOCK: a pipe must not make a core wait for its writer.
constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
// openat2() says EAGAIN where a rename under it left it unsure about a "..".
constexpr int kOpenAttempts = 4;

std::expected<io::OwnedDescriptor, int> owned(long descriptor) {
  if (descriptor < 0) return std::unexpected(errno);
  return io::OwnedDescriptor(static_cast<int>(descriptor));
}

}  // namespace

std::expected<io::OwnedDescriptor, int> open_beneath(int folder, const std::string& path) {
  open_how how{};
  how.flags = kReadFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  std::expected<io::OwnedDescriptor, int> opened = std::unexpected(EAGAIN);
  for (int i = 0; i < kOpenAttempts && !opened && (opened.error() == EAGAIN || opened.error() == EINTR); i++)
    opened = owned(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
  const bool forbidden = !opened && (opened.error() == ENOSYS || opened.error() == EPERM);
  return forbidden ? open_without_links(folder, path) : std::move(opened);
}

std::expected<io::OwnedDescriptor, int> open_without_links(int folder, std::string_view path) {
  io::OwnedDescriptor above;  // the folder that was reached, but for the first
  for (;;) {
    const std::size_t end = path.find('/');
    const std::string segment(path.substr(0, end));
    if (segment.empty() || segment == "." || segment == "..") return std::unexpected(ENOENT);
    const int at = above ? above.get() : folder;
    if (end == std::string_view::npos) return owned(::openat(at, segment.c_str(), kReadFlags | O_NOFOLLOW));
    auto next = owned(::openat(at, segment.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return std::unexpected(next.error());
    above = *std::move(next);
    path.remove_prefix(end + 1);
  }
}

}  // namespace brume::http

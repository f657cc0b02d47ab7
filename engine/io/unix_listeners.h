// unix_listeners.h: a listening Unix-domain socket, shared by several cores, and its file's life (unix(7)).
//
// There is no SO_REUSEPORT here: all cores have the one socket, each by a descriptor of its own, and whoever is first
// takes a connection. Any thread.
#pragma once

#include <cstddef>
#include <ctime>
#include <expected>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include <brume/engine/io/environment.h>

namespace brume::io {

// The file of a listening socket; removed with this object, unless another one has taken its place meanwhile.
class SocketFile {
 public:
  SocketFile() = default;
  // Remembers the file that is there now.
  explicit SocketFile(std::string path);
  SocketFile(SocketFile&& other) noexcept
      : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_), made_(other.made_) {}
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile();

 private:
  std::string path_;  // empty: none
  dev_t device_ = 0;
  ino_t inode_ = 0;
  timespec made_{};  // inode numbers are used again at once
};

struct UnixListeners {
  std::vector<ListenerHandle> handles;
  SocketFile file;  // none of an abstract name
};

// Listens at options.unix_path, with options.unix_mode on its file; `count` descriptors of one socket. A file that is
// left of a socket nobody listens at any more is replaced; one that somebody listens at, or that is no socket, fails
// with address_in_use. Servers that start at the same time do it one after the other.
std::expected<UnixListeners, SystemError> open_unix_listeners(std::size_t count, const ListenOptions& options);

}  // namespace brume::io

// The connecting half of EpollIo: a non-blocking connect, whose outcome an edge announces.
#include <algorithm>
#include <cassert>
#include <cerrno>
#include <sys/socket.h>

#include <brume/engine/io/client_socket.h>
#include <brume/engine/io/epoll_io.h>
#include <brume/engine/io/socket_address.h>

namespace brume::io {

void EpollIo::connect(const Address& to, Token token, const ConnectOptions& options) {
  Connect made{.token = token, .peer = to};
  connects_.reserve(connects_.size() + 1);
  ended_connects_.reserve(connects_.size() + 1);  // telling of them must not fail
  auto opened = open_client_socket(to, options, true);
  if (!opened) {
    made.error = opened.error();
    made.done = true;
  } else {
    made.socket = adopt(opened->get());  // may throw: then the descriptor goes with `opened`
    const int descriptor = opened->release();
    Socket& s = entry(made.socket);
    s.connecting = true;
    const SocketAddress address = to_socket_address(to);
    const int result = ::connect(descriptor, address.get(), address.size);
    if (result != 0 && errno != EINPROGRESS && errno != EINTR) {
      made.error = errno;
      made.done = true;
    } else if (const int error =
                   ensure_registered(made.socket)) {  // after connect(): an unconnected socket has hung up
      made.error = error;
      made.done = true;
    }
  }
  connects_.push_back(made);
  operations_++;
}

void EpollIo::cancel_connect(Token token) {
  const auto found = std::ranges::find(connects_, token, &Connect::token);
  if (found == connects_.end() || found->done) return;
  found->error = ECANCELED;
  found->done = true;
}

void EpollIo::on_connect_ready(SocketId socket) {
  const auto found = std::ranges::find(connects_, socket, &Connect::socket);
  assert(found != connects_.end());
  if (found->done) return;
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(descriptor_of(socket), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  found->error = error;
  found->done = true;
}

bool EpollIo::any_connect_done() const {
  return std::ranges::any_of(connects_, &Connect::done);
}

void EpollIo::tell_connects(Events& events) {
  // Only what is there now: a handler may connect again at once.
  ended_connects_.clear();
  for (const Connect& connect : connects_)
    if (connect.done) ended_connects_.push_back(connect);
  std::erase_if(connects_, [](const Connect& c) { return c.done; });
  for (std::size_t i = 0; i < ended_connects_.size(); i++) {  // by index: a handler's connect() may make it grow
    const Connect connect = ended_connects_[i];
    operations_--;
    delivered_++;
    SocketId socket = connect.socket;
    if (socket != kNoSocket) entry(socket).connecting = false;
    if (connect.error != 0 && socket != kNoSocket) {
      close(socket, false);
      socket = kNoSocket;
    }
    events.on_connected(connect.token, socket, connect.peer, connect.error);
  }
  ended_connects_.clear();
}

}  // namespace brume::io

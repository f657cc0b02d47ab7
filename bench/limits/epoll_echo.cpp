// epoll_echo: what a server on epoll could reach at best: bare TCP, one hot receive buffer, no protocol at all.
//
// usage: epoll_echo PORT [echo|fan]
// echo: bytes go back. fan: the bytes of one turn go to every connection, with one send each.
#include <array>
#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <unistd.h>
#include <vector>

#include <brume/bench/limits/listener.h>

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
constexpr std::size_t kEvents = 1024;

class Server {
 public:
  Server(int listener, bool fan) : epoll_(epoll_create1(0)), listener_(listener), fan_(fan), buffer_(kBufferBytes) {
    watch(EPOLL_CTL_ADD, listener_, EPOLLIN);
  }

  [[noreturn]] void run() {
    for (;;) {
      const int ready = epoll_wait(epoll_, events_.data(), kEvents, -1);
      turn_.clear();
      for (int i = 0; i < ready; ++i) handle(events_[static_cast<std::size_t>(i)]);
      if (turn_.empty()) continue;
      for (const int connection : connections_) send_all(connection, turn_);
    }
  }

 private:
  void watch(int operation, int descriptor, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor;
    epoll_ctl(epoll_, operation, descriptor, &event);
  }

  std::string& unsent(int connection) {
    const auto index = static_cast<std::size_t>(connection);
    if (index >= unsent_.size()) unsent_.resize(index + 1);
    return unsent_[index];
  }

  void handle(const epoll_event& event) {
    const int descriptor = event.data.fd;
    if (descriptor == listener_) {
      accept_all();
      return;
    }
    if ((event.events & EPOLLOUT) != 0) {
      std::string rest;
      rest.swap(unsent(descriptor));
      watch(EPOLL_CTL_MOD, descriptor, EPOLLIN);
      send_all(descriptor, rest);
    }
    if ((event.events & EPOLLIN) != 0) receive(descriptor);
  }

  void accept_all() {
    for (int accepted = 0; (accepted = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK)) >= 0;) {
      watch(EPOLL_CTL_ADD, accepted, EPOLLIN);
      connections_.push_back(accepted);
    }
  }

  void receive(int connection) {
    const ssize_t got = recv(connection, buffer_.data(), buffer_.size(), 0);
    if (got > 0) {
      const std::string_view bytes(buffer_.data(), static_cast<std::size_t>(got));
      if (fan_) {
        turn_.append(bytes);
      } else {
        send_all(connection, bytes);
      }
    } else if (got == 0 || errno != EAGAIN) {
      close(connection);
      std::erase(connections_, connection);
      unsent(connection).clear();
    }
  }

  void send_all(int connection, std::string_view bytes) {
    std::string& rest = unsent(connection);
    if (!rest.empty()) {
      rest.append(bytes);
      return;
    }
    const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == static_cast<ssize_t>(bytes.size())) return;
    rest.assign(bytes.substr(sent > 0 ? static_cast<std::size_t>(sent) : 0));
    watch(EPOLL_CTL_MOD, connection, EPOLLIN | EPOLLOUT);
  }

  int epoll_;
  int listener_;
  bool fan_;
  std::vector<char> buffer_;
  std::array<epoll_event, kEvents> events_{};
  std::vector<int> connections_;
  std::vector<std::string> unsent_;  // by descriptor
  std::string turn_;                 // what arrived this turn, for fan
};

}  // namespace

int main(int argc, char** argv) {
  const std::span<char*> arguments(argv, static_cast<std::size_t>(argc));
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: epoll_echo PORT [echo|fan]\n");
    return 2;
  }
  const auto port = static_cast<std::uint16_t>(std::atoi(arguments[1]));
  const bool fan = arguments.size() > 2 && std::string_view(arguments[2]) == "fan";
  Server(limits::open_listener(port, SOCK_NONBLOCK), fan).run();
}

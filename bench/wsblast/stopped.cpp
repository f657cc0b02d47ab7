#include <array>
#include <cstdio>
#include <poll.h>
#include <signal.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/figures.h>
#include <brume/bench/wsblast/tape.h>
#include <brume/bench/wsblast/traffic.h>

namespace wsblast {
namespace {

constexpr std::size_t kEchoedBeforeStop = 16 << 20;  // bytes back from the server: by then everything runs full
constexpr int kPatienceMs = 10'000;

// The client that will be stopped: writes as fast as the server takes it, reads what comes back, without end.
// Writes a byte to `ready` once enough came back.
void flood(const Options& options, int ready) {
  const Dialer dialer(options);
  const std::vector<Socket> connections = dialer.open(1);
  const Tape tape({options.stopped_size}, options, 1);
  std::vector<std::byte> input(1 << 16);
  std::span<const std::byte> rest;
  std::size_t cursor = 0;
  std::size_t echoed = 0;
  bool told = false;
  pollfd events{connections.front().descriptor(), POLLIN | POLLOUT, 0};
  while (poll(&events, 1, -1) > 0) {
    if ((events.revents & POLLOUT) != 0) {
      if (rest.empty()) {
        rest = tape.frames(cursor, 1);
        cursor = (cursor + 1) % tape.frame_count();
      }
      const ssize_t sent = send(events.fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    if ((events.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const ssize_t got = recv(events.fd, input.data(), input.size(), MSG_DONTWAIT);
      if (got == 0 || (got < 0 && (events.revents & (POLLHUP | POLLERR)) != 0)) return;
      if (got > 0) echoed += static_cast<std::size_t>(got);
    }
    if (!told && echoed >= kEchoedBeforeStop) told = write(ready, "r", 1) == 1;
  }
}

// The flooding client in a process of its own; ended with this object.
class StoppedClient {
 public:
  explicit StoppedClient(const Options& options) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) throw std::runtime_error("pipe failed");
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(ready[0]);
      run_child(options, ready[1]);
    }
    close(ready[1]);
    pollfd event{ready[0], POLLIN, 0};
    char byte = 0;
    const bool flooding = poll(&event, 1, kPatienceMs) == 1 && read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    if (!flooding || !stop()) {
      end();
      throw std::runtime_error("the client to be stopped got no echo of its flood");
    }
  }
  StoppedClient(const StoppedClient&) = delete;
  StoppedClient& operator=(const StoppedClient&) = delete;
  ~StoppedClient() { end(); }

 private:
  [[noreturn]] static void run_child(const Options& options, int ready) {
    try {
      flood(options, ready);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "wsblast: the client to be stopped: %s\n", error.what());
    }
    _exit(1);
  }

  bool stop() const {
    int status = 0;
    return kill(process_, SIGSTOP) == 0 && waitpid(process_, &status, WUNTRACED) == process_ && WIFSTOPPED(status);
  }

  void end() const {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }

  pid_t process_ = -1;
};

}  // namespace

int run_stopped(const Options& options) {
  const Dialer dialer(options);
  std::vector<Socket> connections = dialer.open(options.connections);
  const StoppedClient stopped(options);
  Traffic traffic(options, connections);
  return print_traffic("stopped", options, traffic.run());
}

}  // namespace wsblast

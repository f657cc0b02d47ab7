#include <cerrno>
#include <sched.h>
#include <sys/random.h>
#include <system_error>
#include <unistd.h>

#include <brume/engine/io/epoll_io.h>
#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/listeners.h>
#include <brume/engine/io/machine.h>
#include <brume/engine/io/uring_io.h>

namespace brume::io {

namespace {

// 0 or a positive errno.
int pin_this_thread(std::size_t core) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return errno;
  const auto count = static_cast<std::size_t>(CPU_COUNT(&allowed));
  std::size_t left = count == 0 ? 0 : core % count;
  for (std::size_t processor = 0; processor < CPU_SETSIZE; processor++) {
    if (!CPU_ISSET(processor, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0 ? 0 : errno;
  }
  return EINVAL;
}

}  // namespace

Machine::~Machine() {
  join();
}

std::expected<std::vector<ListenerHandle>, SystemError> Machine::open_listeners(const Address& address,
                                                                                std::size_t count,
                                                                                const ListenOptions& options) {
  if (address.family != Address::Family::local) return open_tcp_listeners(address, count, options);
  auto made = open_unix_listeners(count, options);
  if (!made) return std::unexpected(std::move(made.error()));
  socket_files_.push_back(std::move(made->file));
  return std::move(made->handles);
}

Address Machine::local_address(ListenerHandle listener) const {
  return bound_address(listener);
}

void Machine::close_listener(ListenerHandle listener) {
  ::close(listener);
}

std::expected<std::unique_ptr<Io>, SystemError> Machine::make_uring(const IoOptions& options) {
  if (!probed_) probed_ = probe_uring();
  if (!*probed_) return std::unexpected(probed_->error());
  UringOptions uring;
  uring.max_sockets = options.max_sockets;
  uring.receive_pool_size = options.receive_pool_size;
  return UringIo::create(uring, **probed_);
}

std::expected<Environment::MadeIo, SystemError> Machine::make_io(std::size_t, const IoOptions& options) {
  std::string notice;
  if (options.backend != Backend::epoll) {
    auto made = make_uring(options);
    if (made) return MadeIo{std::move(*made), {}};
    if (options.backend == Backend::io_uring) return std::unexpected(std::move(made.error()));
    notice = "io_uring is not available here (" + made.error().text + "); running on epoll";
  }
  auto made = EpollIo::create(options.receive_pool_size);
  if (!made) return std::unexpected(std::move(made.error()));
  return MadeIo{std::move(*made), std::move(notice)};
}

std::expected<void, SystemError> Machine::start(std::size_t core, Driven& driven, bool pin) {
  try {
    threads_.emplace_back([core, &driven, pin] {
      // Not being pinned costs speed only.
      if (pin) pin_this_thread(core);
      while (driven.turn(Time(-1))) {
      }
    });
  } catch (const std::system_error& error) {
    return std::unexpected(system_error(error.code().value(), "start a thread"));
  }
  return {};
}

void Machine::join() {
  for (std::jthread& thread : threads_) thread.join();
  threads_.clear();
  resolver_.end();
  socket_files_.clear();
}

std::uint64_t Machine::random() {
  std::uint64_t value = 0;
  fill_random(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void Machine::fill_random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t count = getrandom(out.data(), out.size(), 0);  // a signal may cut it short; nothing else can
    if (count > 0) out = out.subspan(static_cast<std::size_t>(count));
  }
}

void Machine::resolve(const std::string& host, std::uint16_t port, Resolved resolved) {
  const bool v6 = host.find(':') != std::string::npos;
  const bool is_address = host != "localhost" && Address::parse((v6 ? "[" + host + "]:1" : host + ":1")).has_value();
  if (is_address) return Environment::resolve(host, port, std::move(resolved));
  resolver_.resolve(host, port, std::move(resolved));
}

}  // namespace brume::io

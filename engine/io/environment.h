// environment.h: what a server runs on: this machine, or a simulated one.
//
// The machine makes an Io for each core and a thread to drive it; a simulator makes simulated Ios and turns the cores
// itself. Lives longer than every Io it made. Used by the server's own thread only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <brume/engine/error.h>
#include <brume/engine/io/io.h>

namespace brume::io {

enum class Backend : std::uint8_t { automatic, io_uring, epoll };

struct IoOptions {
  Backend backend = Backend::automatic;
  std::size_t max_sockets = 0;              // of this core: the size of a direct-descriptor table
  std::size_t receive_pool_size = 1 << 20;  // bytes: one small pool stays in cache
};

struct ListenOptions {
  int backlog = 4096;
  std::chrono::milliseconds user_timeout{0};  // TCP_USER_TIMEOUT of accepted sockets; 0: the kernel's default
  std::string unix_path{};                    // of the family `local`; one that begins with '@' is an abstract name
  std::uint32_t unix_mode = 0660;             // of the socket's file
};

// Something a thread (or a simulator) turns until it is finished.
class Driven {
 public:
  // One turn; waits for events at most `max_wait` (negative: as long as it takes). False once it is finished.
  virtual bool turn(Time max_wait) = 0;
  virtual Io& io() = 0;
  // Called after each turn of a simulation.
  virtual void check_invariants() const = 0;

 protected:
  ~Driven() = default;
};

class Environment {
 public:
  virtual ~Environment() = default;

  // Opens `count` listeners on one address and port (port 0: a free one, the same for all), or on the Unix-domain
  // socket that `options` names. An address in use fails with address_in_use, also where its holder would share it.
  virtual std::expected<std::vector<ListenerHandle>, SystemError> open_listeners(const Address& address,
                                                                                 std::size_t count,
                                                                                 const ListenOptions& options) = 0;
  // The address a listener is bound to, with its port.
  virtual Address local_address(ListenerHandle listener) const = 0;
  // Closes a listener no Io was given.
  virtual void close_listener(ListenerHandle listener) = 0;

  struct MadeIo {
    std::unique_ptr<Io> io;
    std::string notice;  // one line where the backend asked for first was refused; else empty
  };
  virtual std::expected<MadeIo, SystemError> make_io(std::size_t core, const IoOptions& options) = 0;

  // Drives `driven` until it is finished: on a thread of its own (pinned to a processor where asked), or by the
  // simulator's turns.
  virtual std::expected<void, SystemError> start(std::size_t core, Driven& driven, bool pin) = 0;
  // Returns once all that was started has finished (a simulator turns until then).
  virtual void join() = 0;
  // The same for some of what was started: others may run in the same environment.
  virtual void join_these(std::span<const Driven* const> /*driven*/) { join(); }
  // The descriptors this process may have (the soft limit now, and the hard one it may be raised to); 0: not limited.
  struct DescriptorLimit {
    std::size_t soft = 0;
    std::size_t hard = 0;
  };
  virtual DescriptorLimit descriptor_limit() const { return {}; }
  // Bytes of memory this process may use, by the machine and its cgroup; 0: not known.
  virtual std::size_t available_memory() const { return 0; }
  // Cores a server uses where its configuration names no number.
  virtual std::size_t available_cores() const { return 1; }
  // Bytes of entropy: from the kernel, or from the simulation's seed.
  virtual std::uint64_t random() = 0;
  // The same in bulk, fit for keys. Any thread of a machine.
  virtual void fill_random(std::span<std::byte> out);

  // The addresses of a host, in the order they should be tried, each with the port asked for; or why there are none.
  struct Resolution {
    std::vector<Address> addresses;
    std::string error;  // one line; empty where there are addresses
  };
  using Resolved = std::function<void(Resolution)>;
  // Looks a host name up; IP addresses (IPv6 without brackets) are taken as they are. `resolved` is called once: inside
  // this call, or by another thread; where the machine ends before, never. It must not throw. Any thread.
  virtual void resolve(const std::string& host, std::uint16_t port, Resolved resolved);
  // Seconds since 1970, for log lines and messages only. Any thread.
  virtual std::chrono::system_clock::time_point wall_clock() const = 0;
};

}  // namespace brume::io

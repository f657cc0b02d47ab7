// machine.h: the real Environment: this machine's network, clock, entropy and threads.
//
// Used by the server's own thread; the threads it starts, those of its resolver among them, belong to it and are waited
// for by join() and by its end, which also remove the files of its Unix-domain sockets.
#pragma once

#include <expected>
#include <optional>
#include <thread>
#include <vector>

#include <brume/engine/io/environment.h>
#include <brume/engine/io/machine_limits.h>
#include <brume/engine/io/resolver.h>
#include <brume/engine/io/unix_listeners.h>
#include <brume/engine/io/uring_probe.h>

namespace brume::io {

class Machine final : public Environment {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  // Waits for what was started.
  ~Machine() override;

  std::expected<std::vector<ListenerHandle>, SystemError> open_listeners(const Address& address, std::size_t count,
                                                                         const ListenOptions& options) override;
  Address local_address(ListenerHandle listener) const override;
  void close_listener(ListenerHandle listener) override;

  // Automatic: io_uring where it works, else epoll and a notice. What io_uring can do is found out once for each
  // Machine.
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const IoOptions& options) override;

  // `pin`: to the processor that is the `core`th of those this process may use.
  std::expected<void, SystemError> start(std::size_t core, Driven& driven, bool pin) override;
  void join() override;
  DescriptorLimit descriptor_limit() const override { return descriptor_limits(); }
  std::size_t available_memory() const override { return usable_memory(); }
  std::size_t available_cores() const override { return usable_cores(); }
  std::uint64_t random() override;
  void fill_random(std::span<std::byte> out) override;
  void resolve(const std::string& host, std::uint16_t port, Resolved resolved) override;
  std::chrono::system_clock::time_point wall_clock() const override { return std::chrono::system_clock::now(); }

 private:
  std::expected<std::unique_ptr<Io>, SystemError> make_uring(const IoOptions& options);

  std::optional<std::expected<UringFeatures, SystemError>> probed_;
  std::vector<SocketFile> socket_files_;  // removed once nothing runs any more
  std::vector<std::jthread> threads_;
  Resolver resolver_;
};

}  // namespace brume::io

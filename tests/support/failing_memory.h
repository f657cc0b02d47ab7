// failing_memory.h: memory that runs out where a test wants it to, in the code under test and nowhere else.
//
// Included by one file of a test binary only: it replaces operator new, and mmap() where the library takes pages by it.
// An allocation may fail only while a MayFail lives on its thread and no Masked lives inside it, so that what belongs
// to the test or to the simulator never does. MemoryWorld draws that line for a server in a simulator: its cores' turns
// may fail, but not what the simulated Io does for them.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <new>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <brume/engine/core/pages.h>
#include <brume/engine/simulator.h>

namespace brume::test {

class FailingMemory {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // From now on the allocations number `first` to `first + count - 1` (from 1) fail, of those that may.
  void arm(std::uint64_t first, std::uint64_t count) {
    first_ = first;
    last_ = first > kNever - count ? kNever : first + count - 1;
    asked_ = 0;
    failed_ = 0;
    on_ = true;
  }
  // A pause, in which nothing is counted.
  void disarm() { on_ = false; }
  void go_on() { on_ = true; }
  std::uint64_t asked() const { return asked_; }
  std::uint64_t failed() const { return failed_; }

  // Whether the allocation that is asked for now has to fail.
  bool strikes() {
    if (!on_ || !may_fail_) return false;
    if (++asked_ < first_ || asked_ > last_) return false;
    failed_++;
    return true;
  }

 private:
  friend class MayFail;
  friend class Masked;
  std::uint64_t first_ = kNever;
  std::uint64_t last_ = kNever;
  std::uint64_t asked_ = 0;
  std::uint64_t failed_ = 0;
  bool on_ = false;
  bool may_fail_ = false;
};

// Of this thread: a test on the simulator has only one.
inline constinit thread_local FailingMemory memory;

class MayFail {
 public:
  MayFail() : before_(std::exchange(memory.may_fail_, true)) {}
  MayFail(const MayFail&) = delete;
  MayFail& operator=(const MayFail&) = delete;
  ~MayFail() { memory.may_fail_ = before_; }

 private:
  bool before_;
};

class Masked {
 public:
  Masked() : before_(std::exchange(memory.may_fail_, false)) {}
  Masked(const Masked&) = delete;
  Masked& operator=(const Masked&) = delete;
  ~Masked() { memory.may_fail_ = before_; }

 private:
  bool before_;
};

// An Io whose own allocations never fail, while those of the events it tells may.
class MaskedIo final : public io::Io, private io::Events {
 public:
  explicit MaskedIo(std::unique_ptr<io::Io> inner) : inner_(std::move(inner)) {}
  io::Io& inner() { return *inner_; }

  std::string_view name() const override { return inner_->name(); }
  std::string describe() const override { return inner_->describe(); }
  void add_listener(io::ListenerHandle listener) override {
    const Masked masked;
    inner_->add_listener(listener);
  }
  void pause_accept(io::ListenerHandle listener) override {
    const Masked masked;
    inner_->pause_accept(listener);
  }
  void resume_accept(io::ListenerHandle listener) override {
    const Masked masked;
    inner_->resume_accept(listener);
  }
  void close_listener(io::ListenerHandle listener) override {
    const Masked masked;
    inner_->close_listener(listener);
  }
  bool refuse_one(io::ListenerHandle listener) override {
    const Masked masked;
    return inner_->refuse_one(listener);
  }
  void connect(const io::Address& to, io::Token token, const io::ConnectOptions& options) override {
    const Masked masked;
    inner_->connect(to, token, options);
  }
  void cancel_connect(io::Token token) override {
    const Masked masked;
    inner_->cancel_connect(token);
  }
  void receive(io::SocketId socket, io::Token token) override {
    const Masked masked;
    inner_->receive(socket, token);
  }
  void stop_receive(io::SocketId socket, io::Token token) override {
    const Masked masked;
    inner_->stop_receive(socket, token);
  }
  std::int32_t send(io::SocketId socket, io::Token token, std::span<const iovec> segments) override {
    const Masked masked;
    return inner_->send(socket, token, segments);
  }
  void cancel(io::SocketId socket, io::Token token) override {
    const Masked masked;
    inner_->cancel(socket, token);
  }
  void shutdown_write(io::SocketId socket) override {
    const Masked masked;
    inner_->shutdown_write(socket);
  }
  void close(io::SocketId socket, bool abort) override {
    const Masked masked;
    inner_->close(socket, abort);
  }
  void hand_over(io::SocketId socket, io::ListenerHandle listener, const io::Address& peer, io::Io& target) override {
    const Masked masked;
    inner_->hand_over(socket, listener, peer, static_cast<MaskedIo&>(target).inner());
  }
  std::size_t poll(io::Events& events, io::Time timeout) override {
    const Masked masked;
    events_ = &events;
    return inner_->poll(*this, timeout);
  }
  void wake() override { inner_->wake(); }
  io::Time now() const override { return inner_->now(); }
  std::size_t operations_in_flight() const override { return inner_->operations_in_flight(); }
  void check_invariants() const override { inner_->check_invariants(); }

 private:
  void on_accepted(io::ListenerHandle listener, io::SocketId socket, const io::Address& peer) override {
    const MayFail may_fail;
    events_->on_accepted(listener, socket, peer);
  }
  void on_accept_failed(io::ListenerHandle listener, int error) override {
    const MayFail may_fail;
    events_->on_accept_failed(listener, error);
  }
  void on_received(io::Token token, std::span<std::byte> bytes) override {
    const MayFail may_fail;
    events_->on_received(token, bytes);
  }
  void on_receive_ended(io::Token token, int error) override {
    const MayFail may_fail;
    events_->on_receive_ended(token, error);
  }
  void on_connected(io::Token token, io::SocketId socket, const io::Address& peer, int error) override {
    const MayFail may_fail;
    events_->on_connected(token, socket, peer, error);
  }
  void on_sent(io::Token token, std::int32_t result) override {
    const MayFail may_fail;
    events_->on_sent(token, result);
  }

  std::unique_ptr<io::Io> inner_;
  io::Events* events_ = nullptr;
};

// A simulator for one server, in whose cores' turns memory may fail. Ends after the server.
class MemoryWorld final : public io::Environment {
 public:
  explicit MemoryWorld(Simulator& simulator) : simulator_(simulator) {}

  std::expected<std::vector<io::ListenerHandle>, SystemError> open_listeners(
      const io::Address& address, std::size_t count, const io::ListenOptions& options) override {
    return simulator_.open_listeners(address, count, options);
  }
  io::Address local_address(io::ListenerHandle listener) const override { return simulator_.local_address(listener); }
  void close_listener(io::ListenerHandle listener) override { simulator_.close_listener(listener); }
  std::expected<MadeIo, SystemError> make_io(std::size_t core, const io::IoOptions& options) override {
    auto made = simulator_.make_io(core, options);
    if (made) made->io = std::make_unique<MaskedIo>(std::move(made->io));
    return made;
  }
  std::expected<void, SystemError> start(std::size_t core, io::Driven& driven, bool pin) override {
    cores_.push_back(std::make_unique<Core>(driven));
    return simulator_.start(core, *cores_.back(), pin);
  }
  void join() override { simulator_.join(); }
  std::size_t available_cores() const override { return simulator_.available_cores(); }
  std::uint64_t random() override { return simulator_.random(); }
  std::chrono::system_clock::time_point wall_clock() const override { return simulator_.wall_clock(); }

 private:
  class Core final : public io::Driven {
   public:
    explicit Core(io::Driven& driven) : driven_(driven) {}
    bool turn(io::Time max_wait) override {
      const MayFail may_fail;
      return driven_.turn(max_wait);
    }
    io::Io& io() override { return static_cast<MaskedIo&>(driven_.io()).inner(); }
    void check_invariants() const override { driven_.check_invariants(); }

   private:
    io::Driven& driven_;
  };

  Simulator& simulator_;
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace brume::test

// ---- what the whole binary allocates with

void* operator new(std::size_t size) {
  if (brume::test::memory.strikes()) throw std::bad_alloc();
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  if (brume::test::memory.strikes()) throw std::bad_alloc();
  if (void* memory = std::aligned_alloc(static_cast<std::size_t>(alignment), size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return brume::test::memory.strikes() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}

#if !defined(BRUME_ADDRESS_SANITIZER) && !defined(__SANITIZE_THREAD__)
// What take_pages() calls; the C library's own calls do not come by here.
extern "C" void* mmap(void* address, std::size_t size, int protection, int flags, int descriptor,
                      off_t offset) noexcept {
  if (brume::test::memory.strikes()) {
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return reinterpret_cast<void*>(syscall(SYS_mmap, address, size, protection, flags, descriptor, offset));
}
#endif

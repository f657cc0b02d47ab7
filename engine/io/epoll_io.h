// epoll_io.h: Io on epoll, for machines where io_uring is missing or forbidden.
//
// Sockets are registered once, edge-triggered, for both directions; what an edge said is remembered in the socket's
// entry until a read or a send finds nothing more to do, so pausing and resuming costs no system call. All connections
// share one receive buffer. Made on any thread, then used by one. The Io named in hand_over() must live until that
// returns.
#pragma once

#include <array>
#include <expected>
#include <memory>
#include <sys/epoll.h>
#include <vector>

#include <brume/engine/error.h>
#include <brume/engine/io/descriptor_reserve.h>
#include <brume/engine/io/door.h>
#include <brume/engine/io/io.h>
#include <brume/engine/io/mapped_memory.h>

namespace brume::io {

class EpollIo final : public Io {
 public:
  static constexpr std::string_view kName = "epoll";
  // Of the one receive buffer: as much as one socket may deliver in one poll().
  static constexpr std::size_t kMinReceiveBytes = 64;
  static constexpr std::size_t kMaxReceiveBytes = std::size_t{1} << 18;

  // `receive_bytes` is brought between the bounds above.
  static std::expected<std::unique_ptr<EpollIo>, SystemError> create(std::size_t receive_bytes);
  ~EpollIo() override;

  std::string_view name() const override { return kName; }
  std::string describe() const override;

  void add_listener(ListenerHandle listener) override;
  void pause_accept(ListenerHandle listener) override;
  void resume_accept(ListenerHandle listener) override;
  void close_listener(ListenerHandle listener) override;
  bool refuse_one(ListenerHandle listener) override;

  void connect(const Address& to, Token token, const ConnectOptions& options) override;
  void cancel_connect(Token token) override;

  void receive(SocketId socket, Token token) override;
  void stop_receive(SocketId socket, Token token) override;
  std::int32_t send(SocketId socket, Token token, std::span<const iovec> segments) override;
  void cancel(SocketId socket, Token token) override;
  void shutdown_write(SocketId socket) override;
  void close(SocketId socket, bool abort) override;
  void hand_over(SocketId socket, ListenerHandle listener, const Address& peer, Io& target) override;

  std::size_t poll(Events& events, Time timeout) override;
  void wake() override { door_->wake.ring(); }
  Time now() const override;

  std::size_t operations_in_flight() const override { return operations_; }
  void check_invariants() const override;

 private:
  static constexpr std::size_t kEventsPerPoll = 512;
  static constexpr int kAcceptsPerPoll = 64;
  static constexpr Time kHandOverRetry = std::chrono::milliseconds(1);
  static constexpr std::uint32_t kNoSend = ~std::uint32_t{0};
  static constexpr std::size_t kSocketsPerChunk = 256;

  // What an edge is about: epoll's 64 bits hold this, and a socket's use count and index or a descriptor.
  enum class Watched : std::uint64_t { socket = 0, listener = 1, wake = 2 };
  static constexpr int kWatchedShift = 62;
  static constexpr int kUseShift = 32;
  static constexpr std::uint32_t kUseMask = (std::uint32_t{1} << (kWatchedShift - kUseShift)) - 1;
  static std::uint64_t tag(Watched watched, std::uint32_t number, std::uint32_t use = 0) {
    return static_cast<std::uint64_t>(watched) << kWatchedShift | static_cast<std::uint64_t>(use) << kUseShift | number;
  }

  // Small, as every connection has one. A SocketId is an index of these rather than a descriptor: of the process's
  // descriptors each core has but its share.
  struct Socket {
    Token token{};  // of the operations under way
    int descriptor = -1;
    std::uint32_t use = 0;  // counts the sockets that had this entry: a stale edge finds out
    std::uint32_t send_slot_or_next =
        kNoSend;                     // in waiting_sends_ while a send waits for room; of a free entry: the next
    std::int16_t receive_error = 0;  // an errno: what on_receive_ended() is to tell in the next poll()
    bool open : 1 = false;
    bool registered : 1 = false;
    bool receiving : 1 = false;
    bool send_cancelled : 1 = false;
    bool readable : 1 = false;    // an edge came and no read has found the end since
    bool ending : 1 = false;      // the peer's FIN or an error is somewhere behind the bytes
    bool connecting : 1 = false;  // until on_connected()
    bool queued : 1 = false;      // in ready_
  };
  static_assert(sizeof(Socket) == 24);
  struct WaitingSend {
    std::array<iovec, kMaxSegments> segments;
    std::size_t count = 0;
    std::uint32_t next_free = kNoSend;
  };
  struct Listener {
    ListenerHandle handle;
    bool paused;
  };
  // A socket whose next core has no place in its inbox just now.
  struct WaitingHandOver {
    HandOverInbox::Record record;
    std::shared_ptr<Door> target;
  };
  struct Ready {
    SocketId socket;
    std::uint32_t use;
  };

  // A connect under way, or one whose outcome the next poll() tells.
  struct Connect {
    Token token;
    Address peer;
    SocketId socket = kNoSocket;
    int error = 0;
    bool done = false;
  };

  EpollIo() = default;
  int open(std::size_t receive_bytes);

  // May throw std::bad_alloc; then nothing changed.
  SocketId adopt(int descriptor);
  // kNoSocket where there is no memory for it: the descriptor is closed.
  SocketId try_adopt(int descriptor);
  // Takes the socket out and gives its entry up; returns the descriptor.
  int release(SocketId socket);
  Socket& entry(SocketId socket) { return chunks_[socket / kSocketsPerChunk][socket % kSocketsPerChunk]; }
  const Socket& entry(SocketId socket) const { return chunks_[socket / kSocketsPerChunk][socket % kSocketsPerChunk]; }
  int descriptor_of(SocketId socket) const { return entry(socket).descriptor; }
  bool still(SocketId socket, std::uint32_t use) const { return entry(socket).open && entry(socket).use == use; }
  int ensure_registered(SocketId socket);
  void queue(SocketId socket);

  int wait(Time timeout);
  void on_ready(Events& events, const epoll_event& event);
  void serve(Events& events, Ready ready);
  void read_once(Events& events, SocketId socket);
  void end_receive(Events& events, SocketId socket, int error);
  void retry_send(Events& events, SocketId socket);
  void end_send(Events& events, SocketId socket, std::int32_t result);
  // epoll_connect.cpp
  void on_connect_ready(SocketId socket);
  bool any_connect_done() const;
  void tell_connects(Events& events);
  void accept_some(Events& events, ListenerHandle handle);
  void take_hand_overs(Events& events);
  static bool try_hand_over(const WaitingHandOver& waiting);

  Listener* find(ListenerHandle listener);
  void watch(ListenerHandle listener);
  void unwatch(ListenerHandle listener);

  OwnedDescriptor epoll_;
  std::shared_ptr<Door> door_;
  DescriptorReserve reserve_;
  MappedMemory buffer_;
  std::vector<Listener> listeners_;
  std::vector<std::unique_ptr<Socket[]>> chunks_;  // of kSocketsPerChunk, so that growing moves none
  SocketId free_socket_ = kNoSocket;
  SocketId used_sockets_ = 0;  // entries that were ever used
  std::vector<WaitingSend> waiting_sends_;
  std::uint32_t free_send_ = kNoSend;
  std::vector<Ready> ready_;    // to be looked at in the next poll() without an edge
  std::vector<Ready> serving_;  // those of this one
  std::vector<Connect> connects_;
  std::vector<Connect> ended_connects_;  // those whose outcome is being told
  std::vector<epoll_event> edges_;
  std::vector<WaitingHandOver> waiting_hand_overs_;
  std::size_t operations_ = 0;
  std::size_t delivered_ = 0;
  bool nanosecond_wait_ = true;  // until epoll_pwait2 turns out to be missing
};

}  // namespace brume::io

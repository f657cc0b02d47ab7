// uring_io.h: Io on io_uring: direct descriptors, one-shot accepts each with its own peer address, multishot receives
// into a ReceivePool.
//
// Made on any thread; from the first poll() on it belongs to the thread that polls. Sockets are slots of the ring's own
// file table and have no descriptor in the process. The Io named in hand_over() and wake_peer() must live until this
// one's next poll() has returned. After the last poll() nothing is submitted any more: wake(), which is a system call
// of its own, still works then, wake_peer() does not.
#pragma once

#include <array>
#include <bitset>
#include <deque>
#include <expected>
#include <memory>
#include <sys/socket.h>
#include <vector>

#include <brume/engine/error.h>
#include <brume/engine/io/descriptor_reserve.h>
#include <brume/engine/io/door.h>
#include <brume/engine/io/io.h>
#include <brume/engine/io/mapped_memory.h>
#include <brume/engine/io/receive_pool.h>
#include <brume/engine/io/socket_address.h>
#include <brume/engine/io/uring_probe.h>
#include <brume/engine/io/uring_ring.h>
#include <brume/engine/io/uring_tag.h>

namespace brume::io {

struct UringOptions {
  std::size_t max_sockets = 0;  // 0: as many as kDefaultSockets and the descriptor limit allow
  std::size_t receive_pool_size = 1 << 20;
  unsigned entries = 1024;       // of the submission queue
  unsigned completions = 16384;  // of the completion queue; what does not fit waits in the kernel's memory
};

class UringIo final : public Io {
 public:
  static constexpr std::string_view kName = "io_uring";
  static constexpr std::size_t kDefaultSockets = 16384;
  static constexpr std::size_t kMaxTable = std::size_t{1} << 20;  // the kernel's own bound
  // Of the file table, above max_sockets: sockets being closed, handed over or just accepted.
  static constexpr std::size_t kTableMargin = 64;
  static constexpr std::size_t kAcceptsInFlight = 32;  // for each listener
  static constexpr Time kHandOverRetry = std::chrono::milliseconds(1);

  // `features` as probe_uring() found them, or fewer.
  static std::expected<std::unique_ptr<UringIo>, SystemError> create(const UringOptions& options,
                                                                     const UringFeatures& features);
  // With operations in flight: cancels them and waits for their end, at most a second; then leaks what the kernel may
  // still write into.
  ~UringIo() override;

  std::string_view name() const override { return kName; }
  std::string describe() const override;

  void add_listener(ListenerHandle listener) override;
  // A connection accepted in the kernel by then is still announced.
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
  void wake_peer(Io& target) override;
  Time now() const override;

  std::size_t operations_in_flight() const override { return operations_; }
  void check_invariants() const override;

  // For a kernel that had no memory for a completion (-EBADR): which operation it was cannot be known, so all of them
  // are cancelled and told to have ended with ECANCELED; accepting goes on. poll() calls it by itself.
  void recover_lost_completions(Events& events);

  // Receives that found the pool empty and were started again.
  std::uint64_t pool_dry_count() const { return pool_dry_count_; }
  // Times the completion queue was too small for a while.
  std::uint64_t completion_overflow_count() const { return ring_.overflows(); }

 private:
  // Small, as every connection has one. All zero: never used.
  struct Socket {
    Token token;                // of the operations under way
    std::uint32_t use;          // counts the sockets this slot has had
    std::uint8_t before_close;  // operations that a close has to wait for, as they look the slot up late
    bool open : 1;
    bool receiving : 1;  // until on_receive_ended()
    bool stopping : 1;   // the receive was asked to end
    bool starved : 1;    // the receive found no buffer and is to be started again
    bool fed : 1;        // got bytes since it last found no buffer
    bool sending : 1;    // until on_sent()
    bool closing : 1;    // close() was called, or the socket is being handed over
  };
  static_assert(sizeof(Socket) == 16);
  struct AcceptRecord {
    sockaddr_storage peer;
    socklen_t peer_size;
  };
  struct Listener {
    ListenerHandle handle = -1;
    bool paused = false;
    bool closing = false;
    std::bitset<kAcceptsInFlight> armed;
    MappedMemory memory;  // of the records, which the kernel writes
    AcceptRecord* records = nullptr;
  };
  // A socket on its way to another core.
  struct HandOver {
    std::shared_ptr<Door> target;  // null: this place is free
    HandOverInbox::Record record;
    SocketId socket = kNoSocket;
    std::uint32_t inbox_slot = 0;
  };
  // A connect under way: first of an ordinary descriptor, which is then put into the file table.
  struct Connect {
    Token token{};
    Address peer;
    SocketAddress to;     // the kernel reads it
    int descriptor = -1;  // the ordinary one
    int slot = -1;        // the kernel reads the descriptor here, and writes the table's slot
    int error = 0;        // what there is to tell already
    bool used = false;
    bool cancelled = false;
  };
  // What a sendmsg needs until it is submitted.
  struct Message {
    msghdr header;
    std::array<iovec, kMaxSegments> segments;
  };

  UringIo() = default;
  int open(const UringOptions& options);

  // uring_io.cpp: operations and the turn
  // Counts the operation that `sqe` is prepared for and tags it.
  void track(io_uring_sqe& sqe, const UringTag& tag);
  UringTag tag(UringOp op, SocketId socket) const { return {op, socket, sockets_[socket].use}; }
  void adopt(SocketId socket);
  void arm_receive(SocketId socket);
  void submit_close(SocketId socket);
  void watch_wake();
  // Null where there is no memory.
  msghdr* keep_message(std::span<const iovec> segments);

  // uring_connect.cpp
  void on_connect(Events& events, const UringTag& tag, const UringCompletion& completion);
  void on_install(Events& events, const UringTag& tag, const UringCompletion& completion);
  void end_connect(Events& events, std::uint32_t index, SocketId socket, int error);
  void discard_connect(const UringTag& tag, const UringCompletion& completion);
  void drop_connects();

  // uring_peers.cpp: other cores
  std::uint32_t peer_index(const std::shared_ptr<Door>& door);
  bool try_hand_over(std::uint32_t index);
  void on_hand_over(const UringTag& tag, const UringCompletion& completion);
  void on_handed_over(Events& events, const UringTag& tag, const UringCompletion& completion);

  // uring_events.cpp: completions
  void handle(Events& events, const UringCompletion& completion);
  void on_receive(Events& events, const UringTag& tag, const UringCompletion& completion);
  void on_send(Events& events, const UringTag& tag, const UringCompletion& completion);
  void end_receive(Events& events, SocketId socket, int error);
  void end_send(Events& events, SocketId socket, std::int32_t result);
  void ready_to_close(const UringTag& tag);
  void feed_starved(Events& events);

  // uring_accept.cpp
  Listener* find(ListenerHandle listener);
  void arm_accepts(std::size_t index);
  void arm_accept(std::size_t index, std::size_t record);
  void cancel_accepts(const Listener& listener);
  void on_accept(Events& events, const UringTag& tag, const UringCompletion& completion);
  void finish_close(std::size_t index);

  // uring_teardown.cpp
  void cancel_everything();
  std::size_t discard_completions();
  bool settle();

  UringFeatures features_;
  ReceivePool pool_;  // outlives the ring
  UringRing ring_;
  std::shared_ptr<Door> door_;
  MappedMemory table_;
  std::span<Socket> sockets_;  // by slot
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<SocketId> starved_;
  std::deque<Message> messages_;  // the first messages_used_ are not submitted yet
  std::size_t messages_used_ = 0;
  std::deque<Connect> connects_;  // the kernel points into them
  std::vector<std::shared_ptr<Door>> peers_;
  std::vector<HandOver> hand_overs_;
  std::vector<std::uint32_t> waiting_hand_overs_;  // those whose target cannot take them just now
  DescriptorReserve reserve_;
  bool watching_ = false;
  std::size_t operations_ = 0;
  std::size_t delivered_ = 0;
  std::uint64_t pool_dry_count_ = 0;
};

}  // namespace brume::io

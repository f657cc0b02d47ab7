#include <cerrno>
#include <cstddef>
#include <optional>
#include <sys/socket.h>
#include <sys/un.h>

#include <brume/engine/io/errno_map.h>
#include <brume/engine/io/owned_descriptor.h>
#include <brume/engine/io/receive_pool.h>
#include <brume/engine/io/uring_constants.h>
#include <brume/engine/io/uring_probe.h>
#include <brume/engine/io/uring_ring.h>

namespace brume::io {

namespace {

constexpr unsigned kEntries = 16;
constexpr unsigned kTableSlots = 4;
constexpr std::size_t kPoolBytes = 4096;
constexpr Time kPatience = std::chrono::seconds(1);  // for one completion: all of this is within one process
constexpr linger kNoLinger{.l_onoff = 0, .l_linger = 0};

enum Data : std::uint64_t {
  kNop,
  kAccept,
  kReceive,
  kSend,
  kOption,
  kMessage,
  kDescriptor,
  kCancel,
  kShutdown,
  kClose
};

// What was refused first, with its errno.
struct Refusal {
  const char* what;
  int error;
};

// A stream connection that needs no network: a listener, and a client connected to it.
struct Loop {
  OwnedDescriptor listener;
  OwnedDescriptor client;

  int open() {
    listener = OwnedDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    client = OwnedDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;  // without a name: the kernel chooses one outside the file system
    socklen_t size = sizeof(sa_family_t);
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (!listener || !client || bind(listener.get(), raw, size) != 0 || listen(listener.get(), 1) != 0) return errno;
    size = sizeof address;
    if (getsockname(listener.get(), raw, &size) != 0 || connect(client.get(), raw, size) != 0) return errno;
    return 0;
  }
};

class Probe {
 public:
  explicit Probe(bool deferred) { features_.deferred = deferred; }

  std::optional<Refusal> run() {
    if (auto refusal = open()) return refusal;
    if (auto refusal = accept()) return refusal;
    if (auto refusal = talk()) return refusal;
    if (auto refusal = reach_other_ring()) return refusal;
    return end();
  }
  const UringFeatures& features() const { return features_; }

 private:
  static std::optional<Refusal> open_ring(UringRing& ring, bool deferred) {
    if (const int error = ring.open({kEntries, kEntries * 4, deferred})) return Refusal{"set-up", error};
    if (const int error = io_uring_register_files_sparse(ring.raw(), kTableSlots)) return Refusal{"file table", -error};
    return std::nullopt;
  }

  std::optional<Refusal> open() {
    if (auto refusal = open_ring(ring_, features_.deferred)) return refusal;
    if (auto refusal = open_ring(other_, features_.deferred)) return refusal;
    if (incremental_pool_.open(ring_.raw(), kPoolBytes, true) != 0) {
      features_.incremental = false;
      if (const int error = whole_pool_.open(ring_.raw(), kPoolBytes, false)) return Refusal{"buffer ring", error};
    }
    if (const int error = loop_.open()) return Refusal{"local socket", error};
    if (const int error = other_.enter(Time::zero())) return Refusal{"enter", -error};
    io_uring_sqe& nop = ring_.entry();
    io_uring_prep_nop(&nop);
    nop.user_data = kNop;
    return expect(kNop, "nop");
  }

  std::optional<Refusal> accept() {
    io_uring_sqe& sqe = ring_.entry();
    uring::prep_accept_direct(sqe, loop_.listener.get(), nullptr, nullptr);
    sqe.user_data = kAccept;
    if (auto refusal = expect(kAccept, "accept")) return refusal;
    slot_ = static_cast<std::uint32_t>(last_.result);
    return std::nullopt;
  }

  // A byte in, by a receive that stays armed, and a byte out.
  std::optional<Refusal> talk() {
    io_uring_sqe& receive = ring_.entry();
    io_uring_prep_recv(&receive, static_cast<int>(slot_), nullptr, 0, 0);
    receive.ioprio |= IORING_RECV_MULTISHOT;
    receive.flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE;
    receive.buf_group = ReceivePool::kGroup;
    receive.user_data = kReceive;
    if (::send(loop_.client.get(), "?", 1, MSG_NOSIGNAL) != 1) return Refusal{"local socket", errno};
    if (auto refusal = expect(kReceive, "multishot receive")) return refusal;
    constexpr unsigned kFlags = IORING_CQE_F_BUFFER | IORING_CQE_F_MORE;
    if (last_.result != 1 || (last_.flags & kFlags) != kFlags) return Refusal{"multishot receive", EOPNOTSUPP};
    if (features_.incremental && !(last_.flags & uring::kCqeBufferMore)) return Refusal{"buffer ring", EOPNOTSUPP};

    io_uring_sqe& send = ring_.entry();
    io_uring_prep_send(&send, static_cast<int>(slot_), "!", 1, MSG_NOSIGNAL);
    send.flags |= IOSQE_FIXED_FILE;
    send.user_data = kSend;
    if (auto refusal = expect(kSend, "send")) return refusal;

    io_uring_sqe& option = ring_.entry();
    uring::prep_set_option(option, static_cast<int>(slot_), SOL_SOCKET, SO_LINGER, &kNoLinger, sizeof kNoLinger);
    option.flags |= IOSQE_FIXED_FILE;
    option.user_data = kOption;
    if (expect(kOption, "socket option")) features_.set_option = false;
    return std::nullopt;
  }

  std::optional<Refusal> reach_other_ring() {
    io_uring_sqe& message = ring_.entry();
    io_uring_prep_msg_ring(&message, other_.descriptor(), 0, kMessage, 0);
    message.user_data = kMessage;
    if (auto refusal = expect(kMessage, "ring message")) return refusal;
    if (auto refusal = expect_on(other_, kMessage, "ring message")) return refusal;

    io_uring_sqe& descriptor = ring_.entry();
    uring::prep_send_descriptor(descriptor, other_.descriptor(), slot_, kDescriptor);
    descriptor.user_data = kDescriptor;
    if (auto refusal = expect(kDescriptor, "descriptor message")) return refusal;
    return expect_on(other_, kDescriptor, "descriptor message");
  }

  // In the order that a connection ends in.
  std::optional<Refusal> end() {
    io_uring_sqe& shutdown = ring_.entry();
    io_uring_prep_shutdown(&shutdown, static_cast<int>(slot_), SHUT_WR);
    shutdown.flags |= IOSQE_FIXED_FILE;
    shutdown.user_data = kShutdown;
    if (auto refusal = expect(kShutdown, "shutdown")) return refusal;

    io_uring_sqe& cancel = ring_.entry();
    io_uring_prep_cancel_fd(&cancel, static_cast<int>(slot_), IORING_ASYNC_CANCEL_FD_FIXED | IORING_ASYNC_CANCEL_ALL);
    cancel.user_data = kCancel;
    if (auto refusal = expect(kCancel, "cancel")) return refusal;
    if (last_.result != 1) return Refusal{"cancel", EOPNOTSUPP};
    if (!receive_ended_) {
      const auto ended = expect(kReceive, "cancel");
      if (!ended || ended->error != ECANCELED) return Refusal{"cancel", EOPNOTSUPP};
    }

    io_uring_sqe& close = ring_.entry();
    io_uring_prep_close_direct(&close, slot_);
    close.user_data = kClose;
    return expect(kClose, "close");
  }

  std::optional<Refusal> expect(Data data, const char* what) { return expect_on(ring_, data, what); }

  // Waits for the completion of `data`, which has to have succeeded, and keeps it in last_.
  std::optional<Refusal> expect_on(UringRing& ring, Data data, const char* what) {
    for (unsigned i = 0; i < kEntries; i++) {
      while (ring.take(last_)) {
        if (&ring == &ring_ && last_.user_data == kReceive && !(last_.flags & IORING_CQE_F_MORE)) receive_ended_ = true;
        if (last_.user_data != data) continue;
        if (last_.result < 0) return Refusal{what, -last_.result};
        return std::nullopt;
      }
      if (const int error = ring.enter(kPatience)) return Refusal{what, -error};
    }
    return Refusal{what, ETIME};
  }

  UringFeatures features_;
  ReceivePool incremental_pool_;
  ReceivePool whole_pool_;
  UringRing other_;
  UringRing ring_;
  Loop loop_;
  std::uint32_t slot_ = 0;
  bool receive_ended_ = false;
  UringCompletion last_{};
};

}  // namespace

std::expected<UringFeatures, SystemError> probe_uring() {
  std::optional<Refusal> refusal;
  for (const bool deferred : {true, false}) {
    Probe probe(deferred);
    refusal = probe.run();
    if (!refusal) return probe.features();
  }
  SystemError failure = system_error(refusal->error, refusal->what);
  failure.kind = SystemError::Kind::io_unavailable;
  return std::unexpected(std::move(failure));
}

}  // namespace brume::io

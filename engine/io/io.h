// io.h: the one door to the kernel, or to a simulated network: accept, connect, receive, send, close, and a
// wait.
//
// Completion-shaped: an operation is submitted and its outcome arrives through Events while the owner polls. One Io
// belongs to one core and is used by that core's thread alone; only wake() may be called from any thread.
// Backends: uring_io.h, epoll_io.h, ../sim/sim_io.h. All keep the same promises, and the same tests hold them to it:
//   * Events are called only inside poll(), never inside a submitting call.
//   * A socket's receive delivers bytes in order, then ends exactly once; at most one send is in flight for a socket.
//   * Memory given to send() stays the kernel's until on_sent(); a token's owner therefore lives until the last
//     operation it submitted has ended. close() is called only then.
//   * A Token comes back exactly as given; the Io never looks inside.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

#include <brume/engine/io/address.h>

namespace brume::io {

// A socket as its own Io knows it: a direct-descriptor slot, a descriptor, or a simulated one.
using SocketId = std::uint32_t;
inline constexpr SocketId kNoSocket = ~SocketId{0};

// A listener as Environment::open_listeners() made it; each is given to one Io.
using ListenerHandle = int;

// Who submitted an operation: slot and generation in the owner's slab (never a pointer: a late completion must find out
// that its owner is gone). Operations of one socket that are under way at the same time have the same token.
struct Token {
  std::uint32_t slot;
  std::uint32_t generation;
  friend bool operator==(Token, Token) = default;
};

struct ConnectOptions {
  std::chrono::milliseconds user_timeout{0};  // TCP_USER_TIMEOUT; 0: the kernel's default
};

// Nanoseconds since some start; never goes back. Virtual in a simulation.
using Time = std::chrono::nanoseconds;

class Events {
 public:
  // A fresh connection. Nothing is read from it until receive().
  virtual void on_accepted(ListenerHandle listener, SocketId socket, const Address& peer) = 0;
  // Accepting met `error` (a positive errno) that concerns the process or the listener, not one peer: EMFILE, ENFILE,
  // ENOBUFS, ENOMEM. The Io has paused this listener; resume_accept() goes on.
  virtual void on_accept_failed(ListenerHandle listener, int error) = 0;
  // Bytes that arrived; they may be changed in place and are valid during the call only.
  virtual void on_received(Token token, std::span<std::byte> bytes) = 0;
  // The receive is over: 0 after the peer's FIN, ECANCELED after stop_receive() or cancel(), else the errno.
  virtual void on_receive_ended(Token token, int error) = 0;
  // The send in flight is over: bytes taken (at least one, perhaps fewer than given), or a negative errno.
  virtual void on_sent(Token token, std::int32_t result) = 0;
  // What connect() came to: 0 and the socket, from which nothing is read until receive(); or a positive errno and
  // kNoSocket: ECANCELED after cancel_connect(), ECONNREFUSED, ETIMEDOUT and so on. Told only to who connects.
  virtual void on_connected(Token /*token*/, SocketId /*socket*/, const Address& /*peer*/, int /*error*/) {}

 protected:
  ~Events() = default;
};

class Io {
 public:
  virtual ~Io() = default;

  // "io_uring", "epoll" or "simulated".
  virtual std::string_view name() const = 0;
  // One line for the start-up log: features in use, pools and tables with their bytes.
  virtual std::string describe() const = 0;

  // Starts accepting. The Io owns the listener from here on.
  virtual void add_listener(ListenerHandle listener) = 0;
  virtual void pause_accept(ListenerHandle listener) = 0;
  virtual void resume_accept(ListenerHandle listener) = 0;
  // Stops accepting for good and closes the listener; connections waiting in its backlog are reset by the kernel.
  virtual void close_listener(ListenerHandle listener) = 0;
  // With the process out of descriptors: accepts one waiting connection by means of a reserve and closes it at once, so
  // that its peer need not wait. False where there was none or no reserve.
  virtual bool refuse_one(ListenerHandle listener) = 0;

  // Connects to `to`; on_connected() tells what came of it, once and within a later poll(). `token` names this
  // operation until then and is no other connect's. May throw std::bad_alloc; then nothing changed.
  // Requires: an address with a family and a port.
  virtual void connect(const Address& to, Token token, const ConnectOptions& options) = 0;
  // Asks a connect to end; on_connected() still comes, with ECANCELED or what it had come to. Nothing where it is over.
  virtual void cancel_connect(Token token) = 0;

  // Receives until on_receive_ended(). Requires: no receive under way for this socket.
  virtual void receive(SocketId socket, Token token) = 0;
  // Asks a receive to end; bytes may still arrive before on_receive_ended().
  virtual void stop_receive(SocketId socket, Token token) = 0;

  static constexpr std::int32_t kPending = INT32_MIN;
  static constexpr std::size_t kMaxSegments = 16;
  // Sends at least one byte of `segments` (1 to kMaxSegments, none empty). Returns kPending: on_sent() will tell, and
  // the bytes must stay until then; or at once what on_sent() would have told (bytes taken or a negative errno). The
  // span itself need not outlive the call. Requires: no send under way for this socket.
  virtual std::int32_t send(SocketId socket, Token token, std::span<const iovec> segments) = 0;

  // Ends the receive and the send under way, if any, with ECANCELED (or what they had already come to).
  virtual void cancel(SocketId socket, Token token) = 0;
  // Sends FIN after what was sent. Its outcome is not told.
  virtual void shutdown_write(SocketId socket) = 0;
  // Gives the socket back. Requires: no operation under way. `abort` resets the connection instead of finishing it.
  virtual void close(SocketId socket, bool abort) = 0;

  // Gives a fresh socket (nothing was received on it) to another core's Io of the same kind, whose on_accepted()
  // announces it. Own thread only; where the target has no room the connection is closed.
  virtual void hand_over(SocketId socket, ListenerHandle listener, const Address& peer, Io& target) = 0;

  // Submits what is queued, waits until something completes, wake() is called or `timeout` is over (negative: for ever;
  // zero: does not wait), and delivers what completed to `events`. Returns the number of events delivered.
  virtual std::size_t poll(Events& events, Time timeout) = 0;

  // Makes a poll() that waits, or the next one, return. Any thread. Wakes are not counted.
  virtual void wake() = 0;
  // wake() on the Io of another core, from this core's thread, by the cheapest means the two have.
  virtual void wake_peer(Io& target) { target.wake(); }

  // Whether its owner sleeps between any two of its turns, and never in poll(), as a simulation's cores do: then it has
  // to be woken for what comes, or is left, between them.
  virtual bool sleeps_between_turns() const { return false; }

  virtual Time now() const = 0;

  // Operations submitted whose final completion has not been delivered, accepts included: zero before destruction is
  // clean.
  virtual std::size_t operations_in_flight() const = 0;
  virtual void check_invariants() const = 0;
};

}  // namespace brume::io

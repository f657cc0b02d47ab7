// sim_network.h: simulated TCP: connections of two streams with latency and bounded buffers, FIN, RST, half-close, and
// listeners with a backlog.
//
// The simulation's thread only; owned by the World. Every effect of one end on the other takes its way through the
// event queue, so no call here calls an owner back; owners are told from handle() alone. What it keeps of real TCP,
// because servers go wrong about it:
//   * a close with unread bytes, or bytes that arrive at a closed end, reset the connection;
//   * a broken connection tells its error once, to whichever of receive and send asks first; after that a receive ends
//     as after FIN and a send gets EPIPE;
//   * a connection that was reset while it waited in the backlog can still be accepted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include <brume/engine/io/address.h>
#include <brume/engine/io/io.h>
#include <brume/engine/sim/due_queue.h>
#include <brume/engine/sim/fifo.h>
#include <brume/engine/sim/sim_context.h>

namespace brume::sim {

// One end of a connection: the client's is even, the server's is the next.
using EndId = std::uint32_t;
inline constexpr EndId kNoEnd = ~EndId{0};

// Whoever holds an end. `key` is what it gave with it.
class EndOwner {
 public:
  // The outcome of connect(): 0 or an errno. Only ends that connect are told.
  virtual void on_connected(std::uint32_t key, int error) = 0;
  // Bytes, FIN or an error can be read.
  virtual void on_readable(std::uint32_t key) = 0;
  // There is room, or an error to be told, after a write that took less than it was given.
  virtual void on_writable(std::uint32_t key) = 0;

 protected:
  ~EndOwner() = default;
};

class ListenerOwner {
 public:
  // A connection waits in the backlog.
  virtual void on_backlog(io::ListenerHandle listener) = 0;

 protected:
  ~ListenerOwner() = default;
};

struct NetworkOptions {
  io::Time min_latency;  // one way; drawn for each direction of each connection
  io::Time max_latency;
  std::size_t window_size;  // bytes on their way and unread together, each direction
};

class SimNetwork {
 public:
  SimNetwork(SimContext& context, const NetworkOptions& options) : context_(context), options_(options) {}
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // --- what the scheduler calls
  io::Time next_due() const { return events_.next_due(); }
  // Lets the earliest event happen. Requires: it is due.
  void handle_next();

  // --- listeners; their handles are never used again
  io::ListenerHandle listen(const io::Address& address, int backlog);
  // Whether a listener stands in the way of another one on `address`.
  bool in_use(const io::Address& address) const;
  void set_owner(io::ListenerHandle listener, ListenerOwner* owner);
  bool is_listening(io::ListenerHandle listener) const;
  const io::Address& address_of(io::ListenerHandle listener) const;
  std::size_t backlog_size(io::ListenerHandle listener) const;
  // The longest waiting connection's end. Requires: backlog_size() > 0.
  EndId accept(io::ListenerHandle listener);
  // Resets what waits in the backlog.
  void close_listener(io::ListenerHandle listener);

  // --- ends
  EndId connect(EndOwner& owner, std::uint32_t key, const io::Address& from, const io::Address& to);
  // From now on nobody answers what is sent to `to`: connects to it come to nothing (ETIMEDOUT, two minutes later).
  void swallow(const io::Address& to) { swallowed_.push_back(to); }
  void set_owner(EndId end, EndOwner* owner, std::uint32_t key);
  // The address the connection was made from.
  const io::Address& client_address(EndId end) const;

  // Bytes that arrived and were not read; valid until the next call for this connection.
  std::span<const std::byte> unread(EndId end) const;
  void consume(EndId end, std::size_t size);
  // Where nothing is unread: how the stream ended (0 after FIN, or the errno, which is then told), else nullopt.
  std::optional<int> take_end(EndId end);
  // Whether there is anything to read: bytes or an end.
  bool is_readable(EndId end) const;

  // The errno a write meets (and that is then told), else 0.
  int take_write_error(EndId end);
  bool has_write_error(EndId end) const;
  std::size_t room(EndId end) const;
  // Takes what fits of the first `limit` bytes of `segments`; each piece arrives at least `gap` after the one before
  // it. Where it takes less than there is, on_writable() follows. Requires: has_write_error() is false.
  std::size_t write(EndId end, std::span<const iovec> segments, std::size_t limit, io::Time gap = io::Time::zero());
  // on_writable() once there is room.
  void want_room(EndId end);
  void shutdown_write(EndId end);
  // Gives the end back. RST where asked, or where bytes are unread; else FIN.
  void close(EndId end, bool abort);

  // The network breaks the connection: both ends are told in time, or the one at `end` at once.
  void break_connection(EndId end, bool at_once);
  // From now on everything on its way is lost, as with the cable pulled.
  void cut(EndId end);

  // Connections one end of which at least is open.
  std::size_t connection_count() const { return connections_.size() - free_.size(); }
  void check_invariants() const;

 private:
  struct Segment {
    io::Time due;
    std::uint32_t size;  // bytes; 0 for FIN and RST
    bool fin;
    int error;  // not 0: RST, or the network gave up
  };
  // What comes towards an end: first the unread bytes, then those on their way, cut into segments.
  struct Stream {
    Fifo<std::byte> bytes;
    Fifo<Segment> segments;
    std::size_t unread = 0;
    std::size_t window = 0;
    io::Time latency{};
    bool arrival_queued = false;
    bool room_queued = false;
    bool writer_waits = false;
    bool fin_sent = false;
    bool fin_arrived = false;
  };
  struct End {
    EndOwner* owner = nullptr;
    std::uint32_t key = 0;
    Stream in;
    int error = 0;  // not told yet
    bool broken = false;
    bool closed = true;
  };
  struct Connection {
    std::uint32_t generation = 0;
    bool used = false;
    bool lost = false;  // cut()
    std::uint8_t attempts = 0;
    int connect_error = 0;
    io::Address client;
    io::Address server;
    End ends[2];
  };
  struct Listener {
    io::Address address;
    std::size_t backlog;
    bool open;
    ListenerOwner* owner;
    Fifo<EndId> waiting;
  };
  enum class EventKind : std::uint8_t { arrival, room, attempt, established };
  struct Event {
    EndId end;
    std::uint32_t generation;
    EventKind kind;
  };

  static constexpr io::ListenerHandle kFirstListener = 1000;  // unlike a SocketId or a descriptor

  Connection& connection(EndId end) { return connections_[end / 2]; }
  const Connection& connection(EndId end) const { return connections_[end / 2]; }
  End& at(EndId end) { return connections_[end / 2].ends[end % 2]; }
  const End& at(EndId end) const { return connections_[end / 2].ends[end % 2]; }
  static EndId peer(EndId end) { return end ^ 1; }
  Listener& at_listener(io::ListenerHandle listener);
  const Listener& at_listener(io::ListenerHandle listener) const;

  void schedule(EventKind kind, EndId end, io::Time due);
  void schedule_arrival(EndId end);
  void add_segment(EndId end, Segment segment);
  void queue_pieces(EndId end, std::size_t size, io::Time gap);
  void send_reset(EndId from);
  void drop_in_flight(Stream& stream);
  void arrive(EndId end);
  void arrive_error(EndId end, int error);
  void attempt(EndId client);
  std::optional<io::ListenerHandle> choose_listener(const io::Address& to);
  void set_up_stream(Stream& stream);
  void release_if_over(EndId end);

  SimContext& context_;
  NetworkOptions options_;
  DueQueue<Event> events_;
  std::deque<Connection> connections_;  // a deque: references stay valid while it grows
  std::vector<std::uint32_t> free_;
  std::vector<Listener> listeners_;
  std::vector<io::Address> swallowed_;
};

}  // namespace brume::sim

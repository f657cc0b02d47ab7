#include <algorithm>
#include <cerrno>
#include <utility>

#include <brume/engine/sim/sim_network.h>

namespace brume::sim {
namespace {

using namespace std::chrono_literals;

constexpr io::Time kMaxSlowness = 20ms;      // what slow_segment adds
constexpr io::Time kMaxBreakDelay = 2ms;     // until an end learns that the network broke its connection
constexpr std::uint32_t kMaxPieces = 8;      // of one write
constexpr std::uint32_t kSmallWindows = 12;  // 1, 2, 4, ... bytes
constexpr std::uint8_t kMaxAttempts = 6;     // Linux: tcp_syn_retries
constexpr io::Time kFirstRetry = 1s;         // doubled each time
constexpr io::Time kGivenUp = 127s;          // after the last of them

}  // namespace

void SimNetwork::schedule(EventKind kind, EndId end, io::Time due) {
  // A random tie: things that happen at one time in different places have no order.
  events_.push(due, context_.random.next(), {end, connection(end).generation, kind});
}

void SimNetwork::handle_next() {
  const Event event = events_.pop();
  Connection& c = connection(event.end);
  if (!c.used || c.generation != event.generation) return;
  End& end = at(event.end);
  switch (event.kind) {
    case EventKind::arrival:
      end.in.arrival_queued = false;
      arrive(event.end);
      return;
    case EventKind::room: {
      End& writer = at(peer(event.end));
      end.in.room_queued = false;
      if (!end.in.writer_waits || writer.closed) return;
      end.in.writer_waits = false;
      if (writer.owner) writer.owner->on_writable(writer.key);
      return;
    }
    case EventKind::attempt:
      return attempt(event.end);
    case EventKind::established:
      if (end.closed || end.broken) return;
      context_.note(Step::connected, event.end, static_cast<std::uint64_t>(c.connect_error));
      if (end.owner) end.owner->on_connected(end.key, c.connect_error);
      return;
  }
}

// --- connecting

void SimNetwork::set_up_stream(Stream& stream) {
  stream = Stream{};
  stream.latency = context_.duration(options_.min_latency, options_.max_latency);
  stream.window = options_.window_size;
  if (context_.strikes(FaultKind::small_window))
    stream.window = std::min<std::size_t>(stream.window, std::size_t{1} << context_.random.below(kSmallWindows));
}

EndId SimNetwork::connect(EndOwner& owner, std::uint32_t key, const io::Address& from, const io::Address& to) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(connections_.size()));
    connections_.emplace_back();
  }
  const EndId client = free_.back() * 2;
  free_.pop_back();
  Connection& c = connection(client);
  c.used = true;
  c.lost = false;
  c.attempts = 0;
  c.connect_error = 0;
  c.client = from;
  c.server = to;
  for (End& end : c.ends) {
    end.owner = nullptr;
    end.error = 0;
    end.broken = false;
    set_up_stream(end.in);
  }
  c.ends[0].closed = false;
  c.ends[1].closed = true;  // until the listener's machine answers
  set_owner(client, &owner, key);
  schedule(EventKind::attempt, client, context_.now() + c.ends[1].in.latency);
  return client;
}

void SimNetwork::attempt(EndId client) {
  Connection& c = connection(client);
  if (c.lost) return;
  const io::Time answer_due = context_.now() + c.ends[0].in.latency;
  if (std::ranges::find(swallowed_, c.server) != swallowed_.end()) {
    c.connect_error = ETIMEDOUT;
    return schedule(EventKind::established, client, context_.now() + kGivenUp);
  }
  const auto listener = choose_listener(c.server);
  if (!listener) {
    c.connect_error = ECONNREFUSED;
    return schedule(EventKind::established, client, answer_due);
  }
  Listener& l = at_listener(*listener);
  if (l.waiting.size() >= l.backlog) {
    // As Linux does: the SYN is dropped, and the client tries again.
    if (++c.attempts > kMaxAttempts) {
      c.connect_error = ETIMEDOUT;
      return schedule(EventKind::established, client, answer_due);
    }
    return schedule(EventKind::attempt, client, context_.now() + kFirstRetry * (1 << (c.attempts - 1)));
  }
  c.ends[1].closed = false;
  l.waiting.push(peer(client));
  schedule(EventKind::established, client, answer_due);
  if (l.owner) l.owner->on_backlog(*listener);
}

void SimNetwork::set_owner(EndId end, EndOwner* owner, std::uint32_t key) {
  at(end).owner = owner;
  at(end).key = key;
}

const io::Address& SimNetwork::client_address(EndId end) const {
  return connection(end).client;
}

// --- reading

std::span<const std::byte> SimNetwork::unread(EndId end) const {
  const Stream& in = at(end).in;
  return in.bytes.items().first(in.unread);
}

void SimNetwork::consume(EndId end, std::size_t size) {
  Stream& in = at(end).in;
  in.bytes.pop(size);
  in.unread -= size;
  if (!in.writer_waits || in.room_queued || connection(end).lost) return;
  in.room_queued = true;
  schedule(EventKind::room, end, context_.now() + at(peer(end)).in.latency);
}

bool SimNetwork::is_readable(EndId end) const {
  const End& e = at(end);
  return e.in.unread != 0 || e.broken || e.in.fin_arrived;
}

std::optional<int> SimNetwork::take_end(EndId end) {
  End& e = at(end);
  if (e.in.unread != 0 || !is_readable(end)) return std::nullopt;
  return std::exchange(e.error, 0);
}

// --- writing

bool SimNetwork::has_write_error(EndId end) const {
  return at(end).broken || at(peer(end)).in.fin_sent;
}

int SimNetwork::take_write_error(EndId end) {
  if (!has_write_error(end)) return 0;
  const int error = std::exchange(at(end).error, 0);
  return error != 0 ? error : EPIPE;
}

std::size_t SimNetwork::room(EndId end) const {
  const Stream& out = at(peer(end)).in;
  return out.window - std::min(out.window, out.bytes.size());
}

void SimNetwork::want_room(EndId end) {
  Stream& out = at(peer(end)).in;
  out.writer_waits = true;
  // Room that came about before anybody waited for it is told as well.
  if (room(end) == 0 || out.room_queued || connection(end).lost) return;
  out.room_queued = true;
  schedule(EventKind::room, peer(end), context_.now());
}

std::size_t SimNetwork::write(EndId end, std::span<const iovec> segments, std::size_t limit, io::Time gap) {
  Stream& out = at(peer(end)).in;
  const std::size_t fits = std::min(limit, room(end));
  std::size_t taken = 0;
  std::size_t offered = 0;
  for (const iovec& segment : segments) {
    offered += segment.iov_len;
    const std::size_t size = std::min(segment.iov_len, fits - taken);
    out.bytes.push(std::span(static_cast<const std::byte*>(segment.iov_base), size));
    taken += size;
  }
  if (taken < std::min(offered, limit)) out.writer_waits = true;
  if (taken != 0) queue_pieces(peer(end), taken, gap);
  return taken;
}

void SimNetwork::queue_pieces(EndId end, std::size_t size, io::Time gap) {
  std::size_t pieces = 1;
  if (size > 1 && context_.strikes(FaultKind::split_segment))
    pieces = std::min<std::size_t>(size, context_.random.between(2, kMaxPieces));
  for (; pieces != 0; --pieces) {
    const std::size_t spare = size - (pieces - 1);  // each later piece has at least one byte
    const std::size_t piece = pieces == 1 ? size : 1 + context_.random.below(static_cast<std::uint32_t>(spare));
    Segment segment{context_.now() + at(end).in.latency, static_cast<std::uint32_t>(piece), false, 0};
    if (context_.strikes(FaultKind::slow_segment)) segment.due += context_.duration(1us, kMaxSlowness);
    if (!at(end).in.segments.empty()) segment.due = std::max(segment.due, at(end).in.segments.back().due + gap);
    add_segment(end, segment);
    size -= piece;
  }
}

void SimNetwork::shutdown_write(EndId end) {
  Stream& out = at(peer(end)).in;
  if (out.fin_sent || at(end).broken) return;
  out.fin_sent = true;
  add_segment(peer(end), {context_.now() + out.latency, 0, true, 0});
}

// --- what travels

void SimNetwork::add_segment(EndId end, Segment segment) {
  Stream& in = at(end).in;
  if (!in.segments.empty()) segment.due = std::max(segment.due, in.segments.back().due);
  in.segments.push(segment);
  schedule_arrival(end);
}

void SimNetwork::schedule_arrival(EndId end) {
  Stream& in = at(end).in;
  if (in.arrival_queued || in.segments.empty()) return;
  in.arrival_queued = true;
  schedule(EventKind::arrival, end, in.segments.front().due);
}

void SimNetwork::arrive(EndId id) {
  Connection& c = connection(id);
  End& end = at(id);
  Stream& in = end.in;
  if (in.segments.empty()) return;
  if (c.lost) return in.segments.clear();
  // Sent before its sender heard of the reset: behind a gap, and nobody takes it.
  if (end.broken) return drop_in_flight(in);
  // The segment this event was meant for may have been dropped, with a later one in its place.
  if (in.segments.front().due > context_.now()) return schedule_arrival(id);
  const Segment segment = in.segments.front();
  if (segment.error == 0 && !end.closed && context_.strikes(FaultKind::reset)) return break_connection(id, false);
  in.segments.pop();
  schedule_arrival(id);

  if (segment.error != 0) return arrive_error(id, segment.error);
  if (end.closed) {
    if (segment.size == 0) return;
    in.bytes.pop(segment.size);
    return send_reset(id);
  }
  in.unread += segment.size;
  in.fin_arrived |= segment.fin;
  context_.note(segment.fin ? Step::fin_arrived : Step::arrived, id, segment.size);
  if (end.owner) end.owner->on_readable(end.key);
}

void SimNetwork::arrive_error(EndId id, int error) {
  End& end = at(id);
  if (end.closed || end.broken) return;
  context_.note(Step::reset_arrived, id, static_cast<std::uint64_t>(error));
  end.broken = true;
  end.error = end.in.fin_arrived && error == ECONNRESET ? EPIPE : error;
  drop_in_flight(end.in);
  drop_in_flight(at(peer(id)).in);
  if (end.in.unread != 0 && context_.strikes(FaultKind::reset_discards)) {
    end.in.unread = 0;
    end.in.bytes.clear();
  }
  EndOwner* const owner = end.owner;
  if (!owner) return;
  const std::uint32_t key = end.key;
  const std::uint32_t generation = connection(id).generation;
  owner->on_readable(key);
  // The owner may have closed this end meanwhile, and the place may be another connection's.
  if (connection(id).generation == generation && !end.closed) owner->on_writable(key);
}

void SimNetwork::drop_in_flight(Stream& stream) {
  // What breaks the connection is not held up by the loss of what went before it.
  Segment last{};
  for (const Segment& segment : stream.segments.items())
    if (segment.error != 0) last = segment;
  stream.segments.clear();
  stream.bytes.truncate(stream.unread);
  if (last.error != 0) stream.segments.push(last);
}

void SimNetwork::send_reset(EndId from) {
  End& to = at(peer(from));
  if (to.closed || to.broken) return;
  if (!to.in.segments.empty() && context_.strikes(FaultKind::reset_overtakes)) drop_in_flight(to.in);
  add_segment(peer(from), {context_.now() + to.in.latency, 0, false, ECONNRESET});
}

void SimNetwork::close(EndId id, bool abort) {
  End& end = at(id);
  if (end.closed) context_.fail("an end of a connection is closed twice");
  const bool reset = abort || end.in.unread != 0;
  if (!end.broken) {
    if (reset)
      send_reset(id);
    else
      shutdown_write(id);
  }
  end.closed = true;
  end.owner = nullptr;
  // What is still unread counts as arrived at a closed end: the writer has to learn that nobody reads it.
  end.in.bytes.pop(end.in.unread);
  end.in.unread = 0;
  if (end.in.writer_waits && !end.in.room_queued) {
    end.in.room_queued = true;
    schedule(EventKind::room, id, context_.now() + at(peer(id)).in.latency);
  }
  release_if_over(id);
}

void SimNetwork::release_if_over(EndId id) {
  Connection& c = connection(id);
  if (!c.ends[0].closed || !c.ends[1].closed) return;
  c.used = false;
  ++c.generation;  // events that are still queued for it find nothing
  free_.push_back(id / 2);
}

void SimNetwork::break_connection(EndId id, bool at_once) {
  Connection& c = connection(id);
  const int error = context_.random.below(4) == 0 ? ETIMEDOUT : ECONNRESET;
  for (const EndId end : {id, peer(id)}) {
    if (at(end).closed || at(end).broken || c.lost) continue;
    drop_in_flight(at(end).in);
    if (end == id && at_once) {
      at(end).broken = true;
      at(end).error = error;
      at(end).in.segments.clear();
    } else {
      add_segment(end, {context_.now() + context_.duration(0us, kMaxBreakDelay), 0, false, error});
    }
  }
}

void SimNetwork::cut(EndId end) {
  connection(end).lost = true;
}

void SimNetwork::check_invariants() const {
  for (const Connection& c : connections_) {
    if (!c.used) continue;
    if (c.ends[0].closed && c.ends[1].closed) context_.fail("a connection outlives both of its ends");
    for (const End& end : c.ends) {
      std::size_t in_flight = 0;
      for (const Segment& segment : end.in.segments.items()) in_flight += segment.size;
      if (end.in.unread > end.in.bytes.size()) context_.fail("more bytes are unread than there are");
      if (!c.lost && end.in.unread + in_flight != end.in.bytes.size())
        context_.fail("a stream's bytes and its segments disagree");
      if (end.in.bytes.size() > end.in.window) context_.fail("a stream holds more than its window");
    }
  }
}

}  // namespace brume::sim

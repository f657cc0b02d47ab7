#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <thread>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/fan.h>
#include <brume/bench/wsblast/figures.h>

namespace wsblast {
namespace {

// A server may take a moment longer to make a connection a member than to answer its handshake.
constexpr auto kSettle = std::chrono::milliseconds(300);
// Rooms begin at different frames of the tape, so that none passes for another.
constexpr std::size_t kCursorStride = 97;

}  // namespace

Fan::Fan(const Options& options, std::vector<Socket>& connections)
    : Measurement(options, connections, options.window),
      window_(options.window),
      rooms_(options.rooms),
      members_(connections.size()) {
  for (std::size_t i = 0; i < rooms_.size(); ++i) {
    rooms_[i].cursor = i * kCursorStride % tape_.frame_count();
    rooms_[i].members_at.resize(window_ + 1);  // a member is at most a window behind what was published
    rooms_[i].published_ns.resize(window_);
  }
  // The sampled ones are spread over connections and over rooms.
  const std::size_t samples = std::min(options_.verified, members_.size());
  for (std::size_t k = 0; k < samples; ++k)
    members_[k * (members_.size() / samples + 1) % members_.size()].sampled = true;
  for (std::uint32_t i = 0; i < members_.size(); ++i) {
    Room& room = rooms_[i % rooms_.size()];
    ++room.members_at[0];
    if (members_[i].sampled) members_[i].reader.expect(tape_, room.cursor);
    transport_.receive(i);
  }
}

TrafficResult Fan::run() {
  for (std::uint32_t i = 0; i < rooms_.size(); ++i) publish(i);
  return measure_all(*this, members_);
}

void Fan::publish(std::uint32_t index) {
  Room& room = rooms_[index];
  const auto count = static_cast<std::size_t>(window_ - (room.published - room.complete));
  if (room.sending || count == 0 || members_[index].ended) return;
  const std::uint64_t now = now_ns();
  for (std::size_t i = 0; i < count; ++i) room.published_ns[room.published++ % window_] = now;
  room.sending = true;
  transport_.send(index, tape_.frames(room.cursor, count));
  room.cursor = (room.cursor + count) % tape_.frame_count();
}

void Fan::received(std::uint32_t index, std::span<const std::byte> bytes) {
  const auto room_index = static_cast<std::uint32_t>(index % rooms_.size());
  Room& room = rooms_[room_index];
  Member& member = members_[index];
  std::uint64_t messages = member.reader.read(bytes);
  result_.bytes += bytes.size();
  if (messages > room.published - member.received) {  // nobody has sent so many
    result_.mismatches += messages - (room.published - member.received);
    messages = room.published - member.received;
  }
  if (messages == 0) return;
  result_.messages += messages;
  if (publishes(index)) {
    record_latency(room, member, messages, result_.latency);
  } else if (member.sampled) {
    record_latency(room, member, messages, result_.sampled_latency);
  }
  --room.members_at[member.received % room.members_at.size()];
  member.received += messages;
  ++room.members_at[member.received % room.members_at.size()];
  while (room.complete < room.published && room.members_at[room.complete % room.members_at.size()] == 0)
    ++room.complete;
  publish(room_index);
}

void Fan::record_latency(const Room& room, const Member& member, std::uint64_t messages, Histogram& histogram) {
  for (std::uint64_t n = member.received; n < member.received + messages; ++n)
    histogram.add(age_ns(room.published_ns[n % window_]), 1);
}

void Fan::sent(std::uint32_t index, int result) {
  rooms_[index].sending = false;
  if (result > 0) publish(index);
}

void Fan::ended(std::uint32_t index) {
  members_[index].ended = true;
  ++result_.ended;
}

int run_fan(const Options& options) {
  if (options.rooms > options.connections) throw std::runtime_error("--rooms: more rooms than connections");
  const Dialer dialer(options);
  std::vector<Socket> connections = dialer.open(options.connections);
  // Members of the first room that never read: the server's output for them stands still once the kernel's buffers are
  // full, as for a client that was stopped.
  std::vector<Socket> stopped = dialer.open(options.stopped_members, 1);
  send_hello(options, stopped);
  Fan fan(options, connections);
  std::this_thread::sleep_for(kSettle);
  return print_traffic("fan", options, fan.run());
}

}  // namespace wsblast

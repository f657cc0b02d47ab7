#include <algorithm>
#include <stdexcept>
#include <sys/socket.h>

#include <brume/bench/wsblast/traffic.h>

namespace wsblast {
namespace {

constexpr std::uint32_t kPublisher = 0;
constexpr std::size_t kCursorStride = 97;  // connections begin at different frames of the tape

std::vector<int> descriptors_of(const std::vector<Socket>& connections) {
  std::vector<int> descriptors;
  for (const Socket& connection : connections) descriptors.push_back(connection.descriptor());
  return descriptors;
}

}  // namespace

Traffic::Traffic(const Options& options, const std::vector<Socket>& connections)
    : options_(options),
      fan_(options.mode == Mode::fan),
      in_flight_(fan_ ? options.window : options.depth),
      tape_(options.sizes, options.text, !options.raw, in_flight_),
      ring_(descriptors_of(connections)),
      connections_(connections.size()) {
  if (!options_.hello.empty()) send_hello(connections);
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    connection.cursor = fan_ ? 0 : i * kCursorStride % tape_.frame_count();
    connection.batches.resize(in_flight_);
    if (i < options_.verified) connection.reader.expect(tape_, connection.cursor);
    ring_.receive(i);
  }
}

void Traffic::send_hello(const std::vector<Socket>& connections) const {
  if (options_.hello.size() > 125) throw std::runtime_error("--hello takes at most 125 bytes");
  std::vector<std::byte> frame = {std::byte{0x81}, static_cast<std::byte>(0x80 | options_.hello.size())};
  frame.resize(6);  // a mask key of zeros leaves the text as it is
  for (const char letter : options_.hello) frame.push_back(static_cast<std::byte>(letter));
  for (const Socket& connection : connections) {
    if (::send(connection.descriptor(), frame.data(), frame.size(), MSG_NOSIGNAL) < 0) {
      throw std::runtime_error("the server ended a connection at once");
    }
  }
}

TrafficResult Traffic::run() {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    if (fan_ && i != kPublisher) continue;
    connections_[i].to_send = in_flight_;
    pump(i);
  }
  const std::uint64_t start_ns = now_ns();
  const std::uint64_t warm_ns = start_ns + static_cast<std::uint64_t>(options_.warm_seconds * 1e9);
  while (now_ns() < warm_ns) ring_.turn(*this);
  begin_measurement();
  const std::uint64_t end_ns = measured_from_ns_ + static_cast<std::uint64_t>(options_.seconds * 1e9);
  while (turn_ns_ < end_ns && result_.ended < connections_.size()) ring_.turn(*this);
  return finish();
}

void Traffic::begin_measurement() {
  result_.messages = 0;
  result_.bytes = 0;
  result_.latency.clear();
  server_cpu_before_ = cpu_time_of(options_.server_pid);
  client_cpu_before_s_ = own_cpu_s();
  measured_from_ns_ = now_ns();
}

TrafficResult Traffic::finish() {
  result_.seconds = static_cast<double>(now_ns() - measured_from_ns_) / 1e9;
  result_.client_cpu_s = own_cpu_s() - client_cpu_before_s_;
  const std::optional<CpuTime> after = cpu_time_of(options_.server_pid);
  if (after && server_cpu_before_) {
    result_.server_cpu = {after->total_s - server_cpu_before_->total_s, after->user_s - server_cpu_before_->user_s};
  }
  for (const Connection& connection : connections_) {
    result_.verified += connection.reader.verified();
    result_.mismatches += connection.reader.mismatches();
    if (connection.reader.close_seen() && !connection.ended) ++result_.ended;
  }
  return result_;
}

void Traffic::pump(std::uint32_t index) {
  Connection& connection = connections_[index];
  const bool room = connection.batch_count < in_flight_;
  if (connection.sending || connection.to_send == 0 || connection.ended || !room) return;
  const std::uint32_t count = std::min(connection.to_send, in_flight_);
  const std::uint32_t slot = (connection.first_batch + connection.batch_count) % in_flight_;
  connection.batches[slot] = {now_ns(), count};
  ++connection.batch_count;
  connection.to_send -= count;
  connection.sending = true;
  ring_.send(index, tape_.frames(connection.cursor, count));
  connection.cursor = (connection.cursor + count) % tape_.frame_count();
}

void Traffic::received(std::uint32_t index, std::span<const std::byte> bytes) {
  Connection& connection = connections_[index];
  const std::uint32_t messages = connection.reader.read(bytes);
  result_.bytes += bytes.size();
  if (messages == 0) return;
  result_.messages += messages;
  if (fan_) {
    if (index == kPublisher) record_latency(connection, messages);
    credit_publisher(messages);
  } else {
    connection.to_send += record_latency(connection, messages);
    pump(index);
  }
}

// Returns how many of them answer something that was sent: a greeting, for one, does not.
std::uint32_t Traffic::record_latency(Connection& connection, std::uint32_t messages) {
  std::uint32_t answers = 0;
  while (messages > 0 && connection.batch_count > 0) {
    Batch& batch = connection.batches[connection.first_batch];
    const std::uint32_t taken = std::min(messages, batch.messages);
    result_.latency.add(turn_ns_ > batch.sent_ns ? turn_ns_ - batch.sent_ns : 0, taken);
    answers += taken;
    messages -= taken;
    batch.messages -= taken;
    if (batch.messages > 0) break;
    connection.first_batch = (connection.first_batch + 1) % in_flight_;
    --connection.batch_count;
  }
  return answers;
}

// The window counts messages that have reached everyone.
void Traffic::credit_publisher(std::uint32_t messages) {
  fan_received_ += messages;
  const std::uint64_t complete = fan_received_ / connections_.size();
  connections_[kPublisher].to_send += static_cast<std::uint32_t>(complete - fan_credited_);
  fan_credited_ = complete;
  pump(kPublisher);
}

void Traffic::sent(std::uint32_t index, int result) {
  connections_[index].sending = false;
  if (result > 0) pump(index);
}

void Traffic::ended(std::uint32_t index) {
  connections_[index].ended = true;
  ++result_.ended;
}

}  // namespace wsblast

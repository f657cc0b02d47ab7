#include <algorithm>

#include <brume/bench/wsblast/traffic.h>

namespace wsblast {
namespace {

constexpr std::size_t kCursorStride = 97;  // connections begin at different frames of the tape

}  // namespace

Traffic::Traffic(const Options& options, std::vector<Socket>& connections)
    : Measurement(options, connections, options.depth), depth_(options.depth), connections_(connections.size()) {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    Connection& connection = connections_[i];
    connection.cursor = i * kCursorStride % tape_.frame_count();
    connection.batches.resize(depth_);
    if (i < options_.verified) connection.reader.expect(tape_, connection.cursor);
    transport_.receive(i);
  }
}

TrafficResult Traffic::run() {
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    connections_[i].to_send = depth_;
    pump(i);
  }
  return measure_all(*this, connections_);
}

void Traffic::pump(std::uint32_t index) {
  Connection& connection = connections_[index];
  const bool room = connection.batch_count < depth_;
  if (connection.sending || connection.to_send == 0 || connection.ended || !room) return;
  const std::uint32_t count = std::min(connection.to_send, depth_);
  const std::uint32_t slot = (connection.first_batch + connection.batch_count) % depth_;
  connection.batches[slot] = {now_ns(), count};
  ++connection.batch_count;
  connection.to_send -= count;
  connection.sending = true;
  transport_.send(index, tape_.frames(connection.cursor, count));
  connection.cursor = (connection.cursor + count) % tape_.frame_count();
}

void Traffic::received(std::uint32_t index, std::span<const std::byte> bytes) {
  Connection& connection = connections_[index];
  const std::uint32_t messages = connection.reader.read(bytes);
  result_.bytes += bytes.size();
  if (messages == 0) return;
  result_.messages += messages;
  connection.to_send += record_latency(connection, messages);
  pump(index);
}

// Returns how many of them answer something that was sent: a greeting, for one, does not.
std::uint32_t Traffic::record_latency(Connection& connection, std::uint32_t messages) {
  std::uint32_t answers = 0;
  while (messages > 0 && connection.batch_count > 0) {
    Batch& batch = connection.batches[connection.first_batch];
    const std::uint32_t taken = std::min(messages, batch.messages);
    result_.latency.add(age_ns(batch.sent_ns), taken);
    answers += taken;
    messages -= taken;
    batch.messages -= taken;
    if (batch.messages > 0) break;
    connection.first_batch = (connection.first_batch + 1) % depth_;
    --connection.batch_count;
  }
  return answers;
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

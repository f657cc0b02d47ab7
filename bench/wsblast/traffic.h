// traffic.h: echo over open connections for a time: every connection keeps `depth` messages in flight.
//
// One thread, one ring. What is counted begins after the warm-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <brume/bench/wsblast/measurement.h>

namespace wsblast {

class Traffic : public Measurement {
 public:
  Traffic(const Options& options, std::vector<Socket>& connections);

  TrafficResult run();

  // Called by the transport.
  void received(std::uint32_t index, std::span<const std::byte> bytes);
  void sent(std::uint32_t index, int result);
  void ended(std::uint32_t index);

 private:
  struct Batch {
    std::uint64_t sent_ns;
    std::uint32_t messages;
  };
  struct Connection {
    FrameReader reader;
    std::size_t cursor = 0;     // the tape's next frame
    std::uint32_t to_send = 0;  // messages due as soon as the send in flight is done
    bool sending = false;
    bool ended = false;
    // A ring of the batches in flight: no more of them than messages, so `depth` slots are enough.
    std::vector<Batch> batches;
    std::uint32_t first_batch = 0;
    std::uint32_t batch_count = 0;
  };

  void pump(std::uint32_t index);
  std::uint32_t record_latency(Connection& connection, std::uint32_t messages);

  const std::uint32_t depth_;
  std::vector<Connection> connections_;
};

}  // namespace wsblast

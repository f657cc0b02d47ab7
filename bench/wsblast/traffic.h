// traffic.h: messages over open connections for a time: echo (everyone keeps `depth` in flight) and fan (one publisher
// keeps `window` in flight, everyone receives).
//
// One thread, one ring. What is counted begins after the warm-up.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/frame_reader.h>
#include <brume/bench/wsblast/histogram.h>
#include <brume/bench/wsblast/options.h>
#include <brume/bench/wsblast/process_stats.h>
#include <brume/bench/wsblast/ring.h>
#include <brume/bench/wsblast/tape.h>

namespace wsblast {

struct TrafficResult {
  double seconds = 0;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // received, framing included
  Histogram latency;
  std::optional<CpuTime> server_cpu;
  double client_cpu_s = 0;
  std::uint64_t verified = 0;    // messages compared byte for byte, the warm-up's included
  std::uint64_t mismatches = 0;  // of them
  std::uint64_t ended = 0;       // connections that the server ended
};

class Traffic {
 public:
  Traffic(const Options& options, const std::vector<Socket>& connections);

  TrafficResult run();

  // Called by the ring.
  void begin_turn() { turn_ns_ = now_ns(); }
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
    // A ring of the batches in flight: no more of them than messages, so `in_flight` slots are enough.
    std::vector<Batch> batches;
    std::uint32_t first_batch = 0;
    std::uint32_t batch_count = 0;
  };

  static std::uint64_t now_ns() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  }

  void send_hello(const std::vector<Socket>& connections) const;
  void pump(std::uint32_t index);
  std::uint32_t record_latency(Connection& connection, std::uint32_t messages);
  void credit_publisher(std::uint32_t messages);
  void begin_measurement();
  TrafficResult finish();

  const Options& options_;
  const bool fan_;
  const std::uint32_t in_flight_;
  Tape tape_;
  Ring ring_;
  std::vector<Connection> connections_;

  std::uint64_t turn_ns_ = 0;
  std::uint64_t measured_from_ns_ = 0;
  std::optional<CpuTime> server_cpu_before_;
  double client_cpu_before_s_ = 0;
  std::uint64_t fan_received_ = 0;
  std::uint64_t fan_credited_ = 0;
  TrafficResult result_;
};

}  // namespace wsblast

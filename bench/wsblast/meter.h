// meter.h: what came of a measurement: messages, latencies, and the CPU time of the server and of the generator.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <brume/bench/wsblast/histogram.h>
#include <brume/bench/wsblast/process_stats.h>

namespace wsblast {

struct TrafficResult {
  double seconds = 0;
  std::uint64_t messages = 0;  // received by all connections together
  std::uint64_t bytes = 0;     // received, framing included
  Histogram latency;           // echo: of every message; fan: of the publishers' own copies
  Histogram sampled_latency;   // fan: of what sampled members that publish nothing received
  std::optional<CpuTime> server_cpu;
  double client_cpu_s = 0;
  std::uint64_t verified = 0;    // messages compared byte for byte, the warm-up's included
  std::uint64_t mismatches = 0;  // of them, and messages nobody sent
  std::uint64_t ended = 0;       // connections that the server ended
  std::uint64_t compressed = 0;  // messages, the warm-up's included, as are those of the next
  std::uint64_t read = 0;
  std::string tls;  // agreed on
};

inline std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

// Takes the times between begin() and end(). One thread.
class Meter {
 public:
  explicit Meter(int server_pid) : server_pid_(server_pid) {}

  // Forgets what the warm-up counted.
  void begin(TrafficResult& result) {
    result.messages = 0;
    result.bytes = 0;
    result.latency.clear();
    result.sampled_latency.clear();
    server_cpu_before_ = cpu_time_of(server_pid_);
    client_cpu_before_s_ = own_cpu_s();
    begun_ns_ = now_ns();
  }
  std::uint64_t begun_ns() const { return begun_ns_; }

  void end(TrafficResult& result) const {
    result.seconds = static_cast<double>(now_ns() - begun_ns_) / 1e9;
    result.client_cpu_s = own_cpu_s() - client_cpu_before_s_;
    const std::optional<CpuTime> after = cpu_time_of(server_pid_);
    if (after && server_cpu_before_) {
      result.server_cpu = {after->total_s - server_cpu_before_->total_s, after->user_s - server_cpu_before_->user_s};
    }
  }

 private:
  int server_pid_;
  std::uint64_t begun_ns_ = 0;
  std::optional<CpuTime> server_cpu_before_;
  double client_cpu_before_s_ = 0;
};

// Turns `ring` for the warm-up, then for the time that is measured, or until every connection has ended.
template <typename Ring, typename Handler>
void measure(Ring& ring, Handler& handler, Meter& meter, TrafficResult& result, double warm_seconds, double seconds,
             std::size_t connections) {
  const std::uint64_t warm_ns = now_ns() + static_cast<std::uint64_t>(warm_seconds * 1e9);
  while (now_ns() < warm_ns) ring.turn(handler);
  meter.begin(result);
  const std::uint64_t end_ns = meter.begun_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  while (now_ns() < end_ns && result.ended < connections) ring.turn(handler);
  meter.end(result);
}

}  // namespace wsblast

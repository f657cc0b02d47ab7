#include <chrono>
#include <cstdio>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/figures.h>
#include <brume/bench/wsblast/process_stats.h>

namespace wsblast {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Opens and resets connections for a time; returns how many.
double open_and_reset(const Options& options, double seconds) {
  const Clock::time_point start = Clock::now();
  double handshakes = 0;
  while (seconds_since(start) < seconds) {
    for (Socket& connection : open_connections(options, options.connections)) {
      connection.reset();
      ++handshakes;
    }
  }
  return handshakes;
}

}  // namespace

int run_churn(const Options& options) {
  open_and_reset(options, options.warm_seconds);
  const std::optional<CpuTime> server_before = cpu_time_of(options.server_pid);
  const double client_before_s = own_cpu_s();
  const Clock::time_point start = Clock::now();
  const double handshakes = open_and_reset(options, options.seconds);
  const double seconds = seconds_since(start);
  const std::optional<CpuTime> server_after = cpu_time_of(options.server_pid);

  std::optional<double> server_us;
  if (server_before && server_after) server_us = (server_after->total_s - server_before->total_s) * 1e6 / handshakes;
  const double client_share = (own_cpu_s() - client_before_s) / seconds;
  std::printf("mode=churn conns=%zu", options.connections);
  print_figure("handshakes_per_s", handshakes / seconds, 0);
  print_figure("server_us_per_handshake", server_us, 2);
  print_figure("client_cpu", client_share, 2);
  std::printf("\n");
  return 0;
}

}  // namespace wsblast

#include <chrono>
#include <cstdio>
#include <string>

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

struct Handshakes {
  double all = 0;
  double resumed = 0;  // by a ticket
  std::string tls = "none";
};

// Opens and resets connections for a time.
Handshakes open_and_reset(const Dialer& dialer, const Options& options, double seconds) {
  const Clock::time_point start = Clock::now();
  Handshakes handshakes;
  while (seconds_since(start) < seconds) {
    for (Socket& connection : dialer.open(options.connections)) {
      ++handshakes.all;
      if (connection.tls() != nullptr) {
        if (connection.tls()->resumed()) ++handshakes.resumed;
        if (handshakes.all == 1) handshakes.tls = connection.tls()->description();
      }
      connection.reset();
    }
  }
  return handshakes;
}

}  // namespace

int run_churn(const Options& options) {
  const Dialer dialer(options);
  dialer.open(1);  // for the first ticket
  open_and_reset(dialer, options, options.warm_seconds);
  const std::optional<CpuTime> server_before = cpu_time_of(options.server_pid);
  const double client_before_s = own_cpu_s();
  const Clock::time_point start = Clock::now();
  const Handshakes handshakes = open_and_reset(dialer, options, options.seconds);
  const double seconds = seconds_since(start);
  const std::optional<CpuTime> server_after = cpu_time_of(options.server_pid);

  std::optional<double> server_us;
  if (server_before && server_after)
    server_us = (server_after->total_s - server_before->total_s) * 1e6 / handshakes.all;
  const double client_share = (own_cpu_s() - client_before_s) / seconds;
  std::printf("mode=churn conns=%zu tls=%s", options.connections, handshakes.tls.c_str());
  if (options.tls) print_figure("resumed", handshakes.resumed / handshakes.all, 3);
  print_figure("handshakes_per_s", handshakes.all / seconds, 0);
  print_figure("server_us_per_handshake", server_us, 2);
  print_figure("client_cpu", client_share, 2);
  std::printf("\n");
  return 0;
}

}  // namespace wsblast

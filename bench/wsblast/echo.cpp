#include <algorithm>
#include <cstdio>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/figures.h>
#include <brume/bench/wsblast/traffic.h>

namespace wsblast {
namespace {

constexpr double kBusy = 0.97;  // above this share of its core the generator, not the server, sets the figure

}  // namespace

int print_traffic(const char* mode, const Options& options, const TrafficResult& result) {
  const auto messages = static_cast<double>(std::max<std::uint64_t>(1, result.messages));
  const double client_share = result.client_cpu_s / result.seconds;
  std::optional<double> server_share;
  std::optional<double> server_us;
  std::optional<double> server_user_ns;
  if (result.server_cpu) {
    server_share = result.server_cpu->total_s / result.seconds;
    server_us = result.server_cpu->total_s * 1e6 / messages;
    server_user_ns = result.server_cpu->user_s * 1e9 / messages;
  }
  std::optional<double> resident_kb;
  if (const auto bytes = resident_bytes_of(options.server_pid)) resident_kb = static_cast<double>(*bytes) / 1024;

  const bool fan = options.mode == Mode::fan;
  std::printf("mode=%s conns=%zu %s=%u size=%zu%s", mode, options.connections, fan ? "window" : "depth",
              fan ? options.window : options.depth, options.sizes.front(), options.sizes.size() > 1 ? "+mixed" : "");
  std::printf(" tls=%s", result.tls.c_str());
  if (options.deflate) {
    print_figure("compressed",
                 static_cast<double>(result.compressed) / static_cast<double>(std::max<std::uint64_t>(1, result.read)),
                 3);
  }
  if (fan) std::printf(" rooms=%zu stopped=%zu", options.rooms, options.stopped_members);
  print_figure("msgs_per_s", messages / result.seconds, 0);
  print_figure("mb_per_s", static_cast<double>(result.bytes) / result.seconds / 1e6, 1);
  print_figure("p50_us", result.latency.percentile_us(0.5), 1);
  print_figure("p99_us", result.latency.percentile_us(0.99), 1);
  print_figure("p999_us", result.latency.percentile_us(0.999), 1);
  if (fan) {
    print_figure("others_p50_us", result.sampled_latency.percentile_us(0.5), 1);
    print_figure("others_p99_us", result.sampled_latency.percentile_us(0.99), 1);
  }
  print_figure("server_cpu", server_share, 2);
  print_figure("server_us_per_msg", server_us, 4);
  print_figure("server_user_ns_per_msg", server_user_ns, 1);
  print_figure("rss_kb", resident_kb, 0);
  print_figure("client_cpu", client_share, 2);
  std::printf(" client_bound=%s verified=%llu mismatches=%llu ended=%llu\n", client_share > kBusy ? "yes" : "no",
              static_cast<unsigned long long>(result.verified), static_cast<unsigned long long>(result.mismatches),
              static_cast<unsigned long long>(result.ended));
  return result.mismatches > 0 || result.ended > 0 || result.messages == 0 ? 1 : 0;
}

int run_echo(const Options& options) {
  const Dialer dialer(options);
  std::vector<Socket> connections = dialer.open(options.connections);
  Traffic traffic(options, connections);
  return print_traffic("echo", options, traffic.run());
}

}  // namespace wsblast

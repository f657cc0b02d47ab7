#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/dial.h>
#include <brume/bench/wsblast/figures.h>
#include <brume/bench/wsblast/frame_reader.h>
#include <brume/bench/wsblast/process_stats.h>
#include <brume/bench/wsblast/tape.h>

namespace wsblast {
namespace {

// What a server frees a little later (the request, a pooled buffer) is not memory of an idle connection.
constexpr auto kSettle = std::chrono::milliseconds(700);

std::optional<double> as_figure(std::optional<std::uint64_t> bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<double>(*bytes);
}

void print_step(const Options& options, std::size_t connections) {
  std::this_thread::sleep_for(kSettle);
  std::printf("mode=idle conns=%zu used=%s", connections, options.used ? "yes" : "no");
  print_figure("rss_bytes", as_figure(resident_bytes_of(options.server_pid)), 0);
  print_figure("cgroup_bytes", as_figure(cgroup_bytes_of(options.server_pid)), 0);
  std::printf("\n");
  std::fflush(stdout);
}

void echo_once(Socket& connection, const Tape& tape) {
  connection.write(tape.frames(0, 1));
  FrameReader reader;
  reader.expect(tape, 0);
  std::array<std::byte, 4096> buffer{};
  for (std::uint32_t messages = 0; messages == 0;) {
    const std::size_t got = connection.read(buffer);
    if (got == 0) throw std::runtime_error("the server ended a connection");
    messages = reader.read(std::span(buffer).first(got));
  }
  if (reader.mismatches() > 0) throw std::runtime_error("the echo differs from what was sent");
}

}  // namespace

int run_idle(const Options& options) {
  const Dialer dialer(options);
  std::vector<Socket> open;
  const Tape tape(options, 1);
  print_step(options, 0);
  for (const std::size_t step : options.steps) {
    if (step <= open.size()) throw std::runtime_error("--steps has to grow");
    for (Socket& connection : dialer.open(step - open.size())) {
      if (options.used) echo_once(connection, tape);
      open.push_back(std::move(connection));
    }
    print_step(options, open.size());
  }
  return 0;
}

}  // namespace wsblast

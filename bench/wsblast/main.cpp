// wsblast: a WebSocket load generator for servers on loopback. One thread, io_uring, one line of figures.
#include <cstdio>
#include <exception>
#include <map>

#include <CLI/CLI.hpp>

#include <brume/bench/wsblast/commands.h>
#include <brume/bench/wsblast/dial.h>

namespace {

using wsblast::Mode;
using wsblast::Options;

constexpr std::size_t kMaxConnections = 60'000;
constexpr std::uint32_t kMaxInFlight = 4096;
constexpr std::size_t kMaxMessage = 64 << 20;

void add_common_options(CLI::App& app, Options& options) {
  app.add_option("--port", options.port, "port on 127.0.0.1")->required();
  app.add_option("--path", options.path, "request target")->capture_default_str();
  app.add_option("--conns", options.connections, "connections")
      ->check(CLI::Range(std::size_t{1}, kMaxConnections))
      ->capture_default_str();
  app.add_option("--size,--sizes", options.sizes, "payload bytes; several, by commas, are mixed at random")
      ->delimiter(',')
      ->check(CLI::Range(std::size_t{0}, kMaxMessage))
      ->capture_default_str();
  app.add_option("--secs", options.seconds, "seconds measured")->check(CLI::Range(0.1, 3600.0))->capture_default_str();
  app.add_option("--warm", options.warm_seconds, "seconds before that")
      ->check(CLI::Range(0.0, 60.0))
      ->capture_default_str();
  app.add_option("--pid", options.server_pid, "the server's process, for its CPU time and memory");
  app.add_flag("--raw", options.raw, "a bare TCP echo: no handshake, frames unmasked");
}

void add_connection_options(CLI::App& app, Options& options) {
  app.add_flag("--tls", options.tls, "TLS 1.3 with TLS_AES_128_GCM_SHA256");
  app.add_flag("--deflate", options.deflate, "permessage-deflate without context takeover; payloads are like JSON");
}

void add_traffic_options(CLI::App& app, Options& options) {
  app.add_flag("--text", options.text, "text messages instead of binary ones");
  app.add_option("--verify", options.verified, "connections whose every message is compared byte for byte")
      ->capture_default_str();
  app.add_option("--hello", options.hello, "a text message that every connection sends first");
}

void add_depth(CLI::App& app, Options& options) {
  app.add_option("--depth", options.depth, "messages in flight on each connection")
      ->check(CLI::Range(1U, kMaxInFlight))
      ->capture_default_str();
}

void add_modes(CLI::App& app, Options& options) {
  const auto mode = [&](const char* name, const char* help, Mode value) {
    CLI::App* command = app.add_subcommand(name, help);
    command->callback([&options, value] { options.mode = value; });
    add_common_options(*command, options);
    return command;
  };
  CLI::App* echo = mode("echo", "every connection keeps messages in flight and gets them back", Mode::echo);
  add_connection_options(*echo, options);
  add_traffic_options(*echo, options);
  add_depth(*echo, options);

  CLI::App* fan = mode("fan", "in each room one connection publishes, all receive", Mode::fan);
  add_connection_options(*fan, options);
  add_traffic_options(*fan, options);
  fan->add_option("--window", options.window, "messages in flight from the publisher of a room")
      ->check(CLI::Range(1U, kMaxInFlight))
      ->capture_default_str();
  fan->add_option("--rooms", options.rooms, "rooms, of PATH/room/0 and up; with one, PATH itself")
      ->check(CLI::Range(std::size_t{1}, kMaxConnections))
      ->capture_default_str();
  fan->add_option("--stopped", options.stopped_members, "further members of the first room, which never read")
      ->check(CLI::Range(std::size_t{0}, kMaxConnections))
      ->capture_default_str();

  CLI::App* idle = mode("idle", "memory of the server as connections are opened and left alone", Mode::idle);
  add_connection_options(*idle, options);
  idle->add_option("--steps", options.steps, "connections to measure at")->delimiter(',')->capture_default_str();
  idle->add_flag("--used", options.used, "one echo on each connection first");

  CLI::App* churn = mode("churn", "handshakes: connections opened and reset", Mode::churn);
  add_connection_options(*churn, options);
  churn->add_flag("--resume", options.resume, "TLS handshakes by a ticket of the connection before");

  CLI::App* stopped = mode("stopped", "echo while one more client is stopped with output on its way", Mode::stopped);
  add_traffic_options(*stopped, options);
  add_depth(*stopped, options);
  stopped->add_option("--stopped-size", options.stopped_size, "payload bytes of the stopped client's messages")
      ->check(CLI::Range(std::size_t{1}, kMaxMessage))
      ->capture_default_str();
}

int run(const Options& options) {
  switch (options.mode) {
    case Mode::echo:
      return wsblast::run_echo(options);
    case Mode::fan:
      return wsblast::run_fan(options);
    case Mode::idle:
      return wsblast::run_idle(options);
    case Mode::churn:
      return wsblast::run_churn(options);
    case Mode::stopped:
      return wsblast::run_stopped(options);
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"A WebSocket load generator for servers on loopback", "wsblast"};
  app.require_subcommand(1);
  Options options;
  add_modes(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  try {
    wsblast::raise_descriptor_limit();
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "wsblast: %s\n", error.what());
    return 2;
  }
}

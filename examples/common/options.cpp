#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <brume/examples/common/options.h>

namespace examples {

namespace {
constexpr int kBadOption = 2;  // exit code
}

Options parse_options(int argc, char** argv, const char* description, const AddOptions& add_options) {
  Options options;
  CLI::App app(description);
  std::uint16_t port = 8080;
  std::string host;
  std::uint64_t busy_poll_us = 0;
  auto drain_timeout_ms = static_cast<std::uint64_t>(options.config.drain_timeout.count());
  auto ping_interval_ms = static_cast<std::uint64_t>(options.config.ping_interval.count());
  std::string style = "coroutine";
  std::string io = "default";
  app.add_option("--port", port, "port to listen on; 0: a free one")->capture_default_str();
  app.add_option("--host", host, "address to listen on; every IPv4 address where it is left out");
  app.add_option("--listen", options.more_addresses, "another address, such as [::]:8081 or unix:/run/app.sock");
  app.add_option("--proxy-protocol", options.config.proxy_protocol,
                 "address or range whose connections begin with a PROXY header");
  app.add_option("--trusted-proxy", options.config.trusted_proxies,
                 "address or range whose X-Forwarded-For and X-Forwarded-Proto are believed");
  app.add_option("--cores", options.config.cores, "reactor threads; 0: what this process may use")
      ->capture_default_str();
  app.add_option("--io", io, "auto, io_uring or epoll; default: what BRUME_IO says, else auto")
      ->check(CLI::IsMember({"default", "auto", "io_uring", "epoll"}))
      ->capture_default_str();
  app.add_option("--busy-poll", busy_poll_us, "microseconds to spin before sleeping")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--style", style, "of the handlers of echo and broadcast: coroutine or callback")
      ->check(CLI::IsMember({"coroutine", "callback"}))
      ->capture_default_str();
  app.add_option("--max-message", options.config.max_message_size, "bytes of the largest message")
      ->capture_default_str();
  app.add_option("--drain-timeout", drain_timeout_ms, "milliseconds that open connections have to close at the end")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{86'400'000}))
      ->capture_default_str();
  app.add_option("--ping-interval", ping_interval_ms,
                 "milliseconds without a byte from a client to a ping; 0: no pings")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{86'400'000}))
      ->capture_default_str();
  std::string compression = "off";
  app.add_option(
         "--compression", compression,
         "permessage-deflate where a client offers it: off, on, or takeover (each connection keeps its context)")
      ->check(CLI::IsMember({"off", "on", "takeover"}))
      ->capture_default_str();
  app.add_flag("--pin-cores", options.config.pin_cores, "each reactor thread to a processor of its own");
  std::vector<std::string> tls_certificates;
  std::vector<std::string> tls_keys;
  std::string tls_client_ca;
  CLI::Option* certificate = app.add_option("--tls-cert", tls_certificates,
                                            "certificate file (PEM): serves https and wss; SIGHUP reads it anew");
  CLI::Option* key =
      app.add_option("--tls-key", tls_keys, "its private key; both may be given several times, in order");
  certificate->needs(key);
  key->needs(certificate);
  app.add_option("--tls-client-ca", tls_client_ca, "only clients with a certificate by these authorities are let in")
      ->needs(certificate);
  if (add_options) add_options(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    std::exit(app.exit(success));
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().empty() ? argv[0] : app.get_name().c_str(), error.what());
    std::exit(kBadOption);
  }
  const std::map<std::string, brume::io::Backend> backends{{"auto", brume::io::Backend::automatic},
                                                           {"io_uring", brume::io::Backend::io_uring},
                                                           {"epoll", brume::io::Backend::epoll}};
  if (const auto backend = backends.find(io); backend != backends.end()) options.config.io = backend->second;
  options.address = host + ":" + std::to_string(port);
  options.config.busy_poll = std::chrono::microseconds(busy_poll_us);
  options.config.drain_timeout = std::chrono::milliseconds(drain_timeout_ms);
  options.config.ping_interval = std::chrono::milliseconds(ping_interval_ms);
  options.config.compression.enabled = compression != "off";
  options.config.compression.server_context_takeover = compression == "takeover";
  options.config.compression.client_context_takeover = compression == "takeover";
  options.callbacks = style == "callback";
  if (tls_certificates.size() != tls_keys.size()) {
    std::fprintf(stderr, "%s: as many --tls-cert as --tls-key are needed\n", argv[0]);
    std::exit(kBadOption);
  }
  if (!tls_certificates.empty()) {
    brume::TlsConfig& tls = options.config.tls.emplace();
    for (std::size_t i = 0; i < tls_keys.size(); i++)
      tls.certificates.push_back({std::move(tls_certificates[i]), std::move(tls_keys[i])});
    if (!tls_client_ca.empty()) tls.client_certificates = brume::ClientCertificates::required;
    tls.client_ca_file = std::move(tls_client_ca);
  }
  // A larger message needs a larger outbox: room for what is being sent and as much again.
  constexpr std::size_t kHeader = 14;
  options.config.max_buffered_size =
      std::max(options.config.max_buffered_size, 2 * (options.config.max_message_size + kHeader));
  // It may also come in more frames: clients whose write buffer is small send one for each time it is full, and some an
  // empty last one.
  constexpr std::size_t kSmallFrame = 4096;
  constexpr std::size_t kMostFrames = 1 << 24;
  options.config.max_fragments =
      std::max(options.config.max_fragments,
               static_cast<std::uint32_t>(std::min(options.config.max_message_size / kSmallFrame + 1, kMostFrames)));
  return options;
}

std::vector<std::string_view> Options::addresses() const {
  std::vector<std::string_view> all{address};
  all.insert(all.end(), more_addresses.begin(), more_addresses.end());
  return all;
}

}  // namespace examples

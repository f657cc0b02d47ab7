// options.h: what the command line of wsblast asks for.
//
// Plain values, filled once by main() and only read afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace wsblast {

enum class Mode : std::uint8_t { echo, fan, idle, churn, stopped };

struct Options {
  Mode mode = Mode::echo;
  std::uint16_t port = 0;
  std::string path = "/";
  std::size_t connections = 100;
  std::uint32_t depth = 1;                // messages in flight on each connection (echo)
  std::uint32_t window = 32;              // messages in flight from each publisher (fan)
  std::size_t rooms = 1;                  // each with a publisher of its own (fan)
  std::size_t stopped_members = 0;        // further members of the first room, which never read (fan)
  std::vector<std::size_t> sizes = {20};  // payload bytes; several are mixed at random
  double seconds = 5;
  double warm_seconds = 1;
  int server_pid = 0;  // 0: figures about the server are not available
  bool text = false;
  bool tls = false;          // TLS 1.3 (echo, fan, idle, churn)
  bool resume = false;       // each connection but the first by a ticket (churn)
  bool deflate = false;      // permessage-deflate; payloads are like JSON (echo, fan, idle, churn)
  bool raw = false;          // a bare TCP server: no handshake, frames unmasked
  std::size_t verified = 1;  // connections whose every message is compared byte for byte
  std::string hello;         // a text message that every connection sends first
  std::vector<std::size_t> steps = {1000, 10000};  // connections to hold (idle)
  bool used = false;                               // one echo on each connection before it idles (idle)
  std::size_t stopped_size = 262144;               // payload bytes of the client that will be stopped
};

}  // namespace wsblast

// What the applications' tests share: a simulated world with clocks and ids of its own, and clients that speak JSON.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/examples/common/sources.h>

namespace examples {

using Json = nlohmann::json;

inline brume::SimulatorOptions world_options(std::uint64_t seed, std::size_t cores) {
  brume::SimulatorOptions options;
  options.seed = seed;
  options.cores = cores;
  return options;
}

class World {
 public:
  explicit World(std::uint64_t seed = 1, std::size_t cores = 1) : simulator(world_options(seed, cores)) {}

  Sources sources() {
    return {[this] { return std::chrono::nanoseconds(simulator.now()); }, [this] { return simulator.wall_clock(); },
            [this] { return "id-" + std::to_string(++ids_); }};
  }

  void start() {
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
  }

  // Before the applications end: their handlers refer to them.
  void stop() {
    server.stop(std::chrono::milliseconds(0));
    simulator.run_until([&] { return server.stopped(); });
    EXPECT_TRUE(server.stopped());
  }

  brume::SimulatedClient connect(std::string_view path) {
    auto client = simulator.connect(server, path);
    simulator.run_until_idle();
    return client;
  }

  void send(brume::SimulatedClient& client, const Json& message) {
    client.send_text(message.dump());
    simulator.run_until_idle();
  }

  // A request's status and body.
  std::pair<int, std::string> request(std::string_view method, std::string_view path, std::string_view body = {}) {
    auto socket = simulator.connect_raw(server);
    std::string text(method);
    text.append(" ").append(path).append(" HTTP/1.1\r\nHost: brume\r\nConnection: close\r\n");
    if (!body.empty()) text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    socket.send(text.append("\r\n").append(body));
    simulator.run_until_idle();
    const std::string& answer = socket.received();
    const std::size_t end = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.1 ") || end == std::string::npos) return {0, answer};
    return {std::stoi(answer.substr(9, 3)), answer.substr(end + 4)};
  }

  brume::Simulator simulator;
  brume::Server server{simulator};

 private:
  int ids_ = 0;
};

// What a client has received since it was last asked, without the times.
inline std::vector<Json> heard(brume::SimulatedClient& client) {
  std::vector<Json> all;
  for (const brume::ReceivedMessage& message : client.take_messages()) {
    EXPECT_EQ(message.type, brume::MessageType::text);
    Json json = Json::parse(message.data);
    EXPECT_EQ(json.erase("timestamp") + json.erase("time"), 1u) << message.data;
    all.push_back(std::move(json));
  }
  return all;
}

}  // namespace examples

// deflate_fixture.h: a simulated echo server with compression, and payloads for it that no codec of this tree made.
//
// The test's thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/deflate_payloads.h>
#include <brume/tests/support/frames.h>

namespace brume::test {

using namespace std::chrono_literals;
using namespace std::string_literals;

// A text of that size that compresses well, and each like the others.
inline std::string json(std::size_t size, int number = 0) {
  std::string text = "[";
  while (text.size() < size) text += R"({"id":)" + std::to_string(number++) + R"(,"name":"somebody","online":true},)";
  text.resize(size);
  return text;
}

inline std::string bytes_from(const Bytes& bytes) {
  return std::string(text_of(bytes));
}

// Compressed frames of a client.
inline std::string rsv1_text(std::string_view payload, bool fin = true) {
  return bytes_from(text(payload, {.fin = fin, .rsv_bits = 4}));
}
inline std::string rsv1_binary(std::string_view payload, bool fin = true) {
  return bytes_from(binary(payload, {.fin = fin, .rsv_bits = 4}));
}

class Deflates : public testing::Test {
 protected:
  void start(Compression compression = {}, std::size_t max_message_size = 512 * 1024) {
    compression.enabled = true;
    Config config;
    config.compression = compression;
    config.max_message_size = max_message_size;
    start_with(config);
  }
  void start_with(const Config& config) {
    serve(config, websocket({.message = [this](Connection& c, const Message& m) { on_message(c, m); },
                             .close = [this](Connection&, const CloseInfo& info) { closes.push_back(info.code); }}));
  }
  // With another endpoint, in a world of its own.
  void serve(const Config& config, const WebSocketEndpoint& endpoint) {
    server.reset();
    world.emplace();
    server.emplace(*world, config);
    server->get("/", endpoint);
    const auto listening = server->listen("127.0.0.1:0");
    ASSERT_TRUE(listening) << listening.error().text;
    ASSERT_TRUE(server->start());
  }
  // Offers permessage-deflate.
  SimulatedClient connect(const codec::DeflateOffer& offer = {}) {
    ClientOptions options;
    options.compression = offer;
    auto client = world->connect(*server, "/", options);
    world->run_until_idle();
    EXPECT_TRUE(client.upgraded());
    return client;
  }
  // Offers that text.
  SimulatedClient connect_offering(const std::string& extensions) {
    ClientOptions options;
    options.headers = {{"Sec-WebSocket-Extensions", extensions}};
    auto client = world->connect(*server, "/", options);
    world->run_until_idle();
    return client;
  }
  void on_message(Connection& connection, const Message& message) {
    received.emplace_back(message.text());
    EXPECT_TRUE(connection.send(message.type, message.data));
  }
  void send(SimulatedClient& client, std::string_view bytes) {
    client.send_bytes(bytes);
    world->run_for(1s);
  }

  std::vector<std::string> received;
  std::vector<int> closes;
  std::optional<Simulator> world;
  std::optional<Server> server;
};

}  // namespace brume::test

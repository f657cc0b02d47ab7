// client_world.h: a simulated world with a client of brume in it, and servers that say what a test wants.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/codec/handshake.h>
#include <brume/engine/client.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/sim/reply_core.h>
#include <brume/tests/support/frames.h>

namespace brume::test {

using namespace std::chrono_literals;

// What became of one connect() and of what followed.
struct Outcome {
  bool connected = false;
  std::optional<ConnectError> error{};
  std::vector<std::string> messages{};
  std::optional<std::uint16_t> close_code{};
  std::string close_reason{};
  CloseCause close_cause = CloseCause::transport;
  bool clean = false;
  std::uint32_t connects = 0;
  std::string subprotocol{};
};

class ClientWorld {
 public:
  explicit ClientWorld(const SimulatorOptions& options = {}) : world(options), client(world) {
    EXPECT_TRUE(client.start());
  }

  // Connects, sends `greeting` where there is one, and receives until the end.
  std::shared_ptr<Outcome> follow(std::string url, ConnectOptions options = ConnectOptions(),
                                  std::string greeting = {}) {
    auto outcome = std::make_shared<Outcome>();
    EXPECT_TRUE(client.run([this, outcome, url, options, greeting] { return run(outcome, url, options, greeting); }));
    return outcome;
  }

  Simulator world;
  Client client;

 private:
  Task<> run(std::shared_ptr<Outcome> outcome, std::string url, ConnectOptions options, std::string greeting) {
    auto feed = co_await client.connect(url, options);
    if (!feed) {
      outcome->error = feed.error();
      co_return;
    }
    outcome->connected = true;
    outcome->subprotocol = feed->subprotocol();
    if (!greeting.empty()) {
      EXPECT_TRUE(feed->send_text(greeting));
    }
    for (;;) {
      const auto message = co_await feed->receive();
      outcome->connects = feed->connects();
      if (!message) {
        outcome->close_code = message.error().code;
        outcome->close_reason = message.error().reason;
        outcome->close_cause = message.error().cause;
        outcome->clean = message.error().clean;
        outcome->error = feed->last_error();
        co_return;
      }
      outcome->messages.emplace_back(message->text());
    }
  }
};

inline std::string url_of(const io::Address& address, std::string_view path = "/ws") {
  return "ws://" + address.to_string() + std::string(path);
}

// The good answer to the upgrade request `head`.
inline std::string good_answer(std::string_view head, std::string_view extra = {}) {
  constexpr std::string_view kField = "Sec-WebSocket-Key: ";
  const std::string_view key = head.substr(head.find(kField) + kField.size(), 24);
  const auto accept = codec::accept_key(key);
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
         std::string(accept.data(), accept.size()) + "\r\n" + std::string(extra) + "\r\n";
}

// A server whose connections answer the request's head by `answer(head)`, and later bytes by `later`.
inline std::function<ReplyCore::Talk()> raw_server(std::function<Reply(std::string_view)> answer,
                                                   ReplyCore::Talk later = {}) {
  return [answer = std::move(answer), later = std::move(later)]() -> ReplyCore::Talk {
    return [answer, later, head = std::string(), done = false](std::string_view bytes) mutable -> Reply {
      if (done) return later ? later(bytes) : Reply{};
      head += bytes;
      const std::size_t end = head.find("\r\n\r\n");
      if (end == std::string::npos) return {};
      done = true;
      return answer(head);
    };
  };
}

inline std::string text_of_frame(unsigned opcode, std::string_view payload, const FrameOptions& options = kUnmasked) {
  return std::string(text_of(frame(opcode, bytes_of(payload), options)));
}

}  // namespace brume::test

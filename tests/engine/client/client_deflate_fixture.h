// client_deflate_fixture.h: a simulated client that compresses, against servers of brume and servers that say what a
// test wants.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/frame_header.h>
#include <brume/codec/mask.h>
#include <brume/tests/engine/client/client_world.h>
#include <brume/tests/support/deflate_payloads.h>

namespace brume::test {

inline constexpr FrameOptions kCompressed{.key = std::nullopt, .rsv_bits = 4};  // as a server sends them
inline constexpr Compression kOn{.enabled = true};
inline constexpr Compression kTakeover{
    .enabled = true, .server_context_takeover = true, .client_context_takeover = true};

// A text of that size that compresses well, and each like the others.
inline std::string json(std::size_t size, int number = 0) {
  std::string text = "[";
  while (text.size() < size) text += R"({"id":)" + std::to_string(number++) + R"(,"name":"somebody","online":true},)";
  text.resize(size);
  return text;
}

inline ConnectOptions with(const Compression& compression) {
  ConnectOptions options;
  options.connection.compression = compression;
  return options;
}

// A server of brume that echoes, and says what it agreed on.
struct EchoServer {
  EchoServer(Simulator& world, const Compression& compression) : server(world, config(compression)) {
    server.get("/ws", websocket([this](Connection& c) -> Task<> {
                 agreed = c.compression();
                 while (auto message = co_await c.receive()) {
                   EXPECT_TRUE(c.send(message->type, message->data));
                 }
               }));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }
  static Config config(const Compression& compression) {
    Config made;
    made.compression = compression;
    return made;
  }
  std::string url() const { return url_of(server.address()); }

  Server server;
  std::optional<codec::DeflateSettings> agreed;
};

// A server that agrees by `answer` and then keeps the bytes it gets; it sends `greeting` with its answer.
class RecordingServer {
 public:
  RecordingServer(Simulator& world, std::string answer, std::string greeting = {})
      : core_(world, raw_server(
                         [this, answer = std::move(answer), greeting = std::move(greeting)](std::string_view head) {
                           request = head;
                           const std::string field =
                               answer.empty() ? "" : "Sec-WebSocket-Extensions: " + answer + "\r\n";
                           return Reply{good_answer(head, field) + greeting};
                         },
                         [this](std::string_view bytes) {
                           got += bytes;
                           return Reply{};
                         })) {}

  std::string url() const { return url_of(core_.address()); }
  // What was offered, as it was sent.
  std::string offer() const {
    constexpr std::string_view kField = "Sec-WebSocket-Extensions: ";
    const std::size_t at = request.find(kField);
    if (at == std::string::npos) return {};
    const std::size_t from = at + kField.size();
    return request.substr(from, request.find("\r\n", from) - from);
  }

  struct Frame {
    bool compressed;
    std::string payload;
    codec::MaskKey key;
  };
  // The masked frames it got, opened.
  std::vector<Frame> frames() const {
    std::vector<Frame> frames;
    Bytes bytes = bytes_of(got);
    std::span<std::byte> left(bytes);
    while (!left.empty()) {
      const auto header = codec::read_frame_header(left, codec::Receiver::server, true);
      EXPECT_TRUE(header && *header);
      if (!header || !*header) break;
      EXPECT_TRUE((*header)->masked);
      std::span<std::byte> payload = left.subspan((*header)->header_size, (*header)->payload_size);
      codec::apply_mask(payload, payload, (*header)->mask_key);
      frames.push_back({(*header)->rsv1, std::string(text_of(payload)), (*header)->mask_key});
      left = left.subspan((*header)->header_size + payload.size());
    }
    return frames;
  }

  std::string request;
  std::string got;

 private:
  ReplyCore core_;
};

class ClientDeflate : public testing::Test {
 protected:
  // Opens a connection to `url` and calls `say` with it.
  void talk(const std::string& url, const Compression& compression, std::function<void(Connection&)> say) {
    Callbacks callbacks;
    callbacks.open = std::move(say);
    callbacks.close = [this](Connection&, const CloseInfo& info) { closes.push_back(info.code); };
    ASSERT_TRUE(client.connect(url, with(compression), callbacks));
    world.run_for(1s);
  }
  // What becomes of a connect with that answer.
  ConnectError refused(const Compression& compression, const std::string& answer) {
    const RecordingServer server(world, answer);
    const auto outcome = own.follow(server.url(), with(compression));
    world.run_for(1s);
    EXPECT_FALSE(outcome->connected) << answer;
    EXPECT_EQ(client.stats().sockets, 0u);
    return outcome->error.value_or(ConnectError());
  }

  std::vector<int> closes;  // outlives the client
  ClientWorld own;
  Simulator& world = own.world;
  Client& client = own.client;
};

}  // namespace brume::test

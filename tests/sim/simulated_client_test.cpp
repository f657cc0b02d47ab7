// The simulated WebSocket client, against a server made of the codec alone.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <brume/codec/close_payload.h>
#include <brume/codec/decoder.h>
#include <brume/codec/encoder.h>
#include <brume/codec/handshake.h>
#include <brume/codec/http_head.h>
#include <brume/tests/sim/reply_core.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

std::string server_frame(codec::Opcode opcode, std::string_view payload) {
  std::string frame(codec::server_frame_size(payload.size()), '\0');
  codec::write_server_frame(std::as_writable_bytes(std::span(frame)), opcode, std::as_bytes(std::span(payload)));
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xFF)}.append(reason);
}

// Upgrades, echoes messages, answers pings and closes; some texts are orders to misbehave.
class EchoTalk {
 public:
  Reply operator()(std::string_view bytes) {
    input_ += bytes;
    Reply reply;
    if (!upgraded_ && !upgrade(reply)) return reply;
    std::span<std::byte> rest = std::as_writable_bytes(std::span(input_));
    for (;;) {
      const codec::Event event = decoder_->next(rest, {});
      if (event.kind == codec::Event::Kind::need_more) break;
      const std::string payload(reinterpret_cast<const char*>(event.payload.data()), event.payload.size());
      answer(event, payload, reply);
      if (event.kind == codec::Event::Kind::close || event.kind == codec::Event::Kind::violation) break;
    }
    input_.clear();
    return reply;
  }

 private:
  bool upgrade(Reply& reply) {
    const std::size_t end = input_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const std::string head = input_.substr(0, end + 4);
    input_.erase(0, end + 4);
    std::array<codec::HeaderField, 32> fields;
    const auto parsed = codec::parse_request_head(head, fields, {});
    EXPECT_TRUE(parsed);
    if (parsed->path == "/refuse") {
      reply.bytes = "HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\nX-Why: test\r\n\r\nno, sir";
      reply.finish = true;
      return false;
    }
    const auto key = codec::judge_upgrade(*parsed);
    EXPECT_TRUE(key) << "the client's request is a valid upgrade";
    auto accept = codec::accept_key(*key);
    if (parsed->path == "/liar") accept[0] = accept[0] == 'A' ? 'B' : 'A';
    const auto offered = parsed->field("Sec-WebSocket-Protocol").value_or("");
    codec::append_switching_protocols(reply.bytes, std::string_view(accept.data(), accept.size()),
                                      offered.substr(0, offered.find(',')), {});
    if (parsed->path == "/hello")
      reply.bytes += server_frame(codec::Opcode::text, parsed->field("Origin").value_or(""));
    if (parsed->path == "/ping") reply.bytes += server_frame(codec::Opcode::ping, "are you there");
    upgraded_ = true;
    return true;
  }

  static void answer(const codec::Event& event, const std::string& payload, Reply& reply) {
    using Kind = codec::Event::Kind;
    if (event.kind == Kind::ping) reply.bytes += server_frame(codec::Opcode::pong, payload);
    if (event.kind == Kind::pong) reply.bytes += server_frame(codec::Opcode::text, "pong: " + payload);
    if (event.kind == Kind::close || event.kind == Kind::violation) {
      reply.bytes += server_frame(codec::Opcode::close, payload);
      reply.finish = true;
    }
    if (event.kind != Kind::message) return;
    if (payload == "close me") {
      reply.bytes += server_frame(codec::Opcode::close, close_payload(4000, "as you wish"));
    } else if (payload == "break a rule") {
      reply.bytes += "\x83";  // a reserved opcode
    } else if (payload == "leave") {
      reply.finish = true;
    } else if (payload == "reset") {
      reply.abort = true;
    } else {
      reply.bytes += server_frame(event.opcode, payload);
    }
  }

  std::string input_;
  bool upgraded_ = false;
  std::unique_ptr<codec::Decoder> decoder_ = std::make_unique<codec::Decoder>();
};

ReplyCore::Talk echo_talk() {
  return [talk = std::make_shared<EchoTalk>()](std::string_view bytes) { return (*talk)(bytes); };
}

class SimulatedClientTest : public testing::Test {
 protected:
  Simulator world_;
  ReplyCore server_{world_, echo_talk};
};

TEST_F(SimulatedClientTest, MessagesSentBeforeTheUpgradeWaitForItAndComeBackInOrder) {
  auto ann = world_.connect(server_, "/");
  ann.send_text("one");
  ann.send_binary(std::string(70'000, 'b'));
  ann.send_text("");
  EXPECT_FALSE(ann.upgraded());
  world_.run_until_idle();
  EXPECT_TRUE(ann.upgraded());
  EXPECT_TRUE(ann.is_open());
  EXPECT_EQ(ann.status(), 101);
  ASSERT_EQ(ann.messages().size(), 3u);
  EXPECT_EQ(ann.messages()[0].data, "one");
  EXPECT_EQ(ann.messages()[1].type, MessageType::binary);
  EXPECT_EQ(ann.messages()[1].data.size(), 70'000u);
  EXPECT_EQ(ann.last_text(), "");
  EXPECT_EQ(ann.take_messages().size(), 3u);
  EXPECT_TRUE(ann.messages().empty());
}

TEST_F(SimulatedClientTest, OptionsBecomeHeaders) {
  ClientOptions options;
  options.origin = "https://example.com";
  options.subprotocols = {"chat.v2", "chat.v1"};
  options.headers = {{"Cookie", "session=7"}};
  auto ann = world_.connect(server_, "/hello", options);
  world_.run_until_idle();
  EXPECT_EQ(ann.last_text(), "https://example.com");
  EXPECT_EQ(ann.subprotocol(), "chat.v2");
}

TEST_F(SimulatedClientTest, ARefusalIsKeptWithItsBody) {
  auto ann = world_.connect(server_, "/refuse");
  ann.send_text("never sent");
  world_.run_until_idle();
  EXPECT_FALSE(ann.upgraded());
  EXPECT_EQ(ann.status(), 403);
  EXPECT_EQ(ann.response_field("x-why"), "test");
  EXPECT_EQ(ann.response_body(), "no, sir");
  EXPECT_TRUE(ann.is_over());
  EXPECT_EQ(ann.close_code(), 0);
}

TEST_F(SimulatedClientTest, AWrongAcceptKeyIsNoUpgrade) {
  auto ann = world_.connect(server_, "/liar");
  world_.run_until_idle();
  EXPECT_EQ(ann.status(), 101);
  EXPECT_FALSE(ann.upgraded());
}

TEST_F(SimulatedClientTest, PingsAreAnsweredAndPongsKept) {
  auto ann = world_.connect(server_, "/ping");
  ann.send_ping("hello");
  world_.run_until_idle();
  EXPECT_THAT(ann.pings(), ElementsAre("are you there"));
  EXPECT_THAT(ann.pongs(), ElementsAre("hello"));
  EXPECT_EQ(ann.last_text(), "pong: are you there");

  ClientOptions silent;
  silent.answer_pings = false;
  auto bob = world_.connect(server_, "/ping", silent);
  world_.run_until_idle();
  EXPECT_THAT(bob.pings(), ElementsAre("are you there"));
  EXPECT_EQ(bob.last_text(), "");
}

TEST_F(SimulatedClientTest, AClosingHandshakeItBeganEndsWithTheServersFin) {
  auto ann = world_.connect(server_, "/");
  world_.run_until_idle();
  ann.close(4001, "done");
  EXPECT_FALSE(ann.is_open());
  world_.run_until_idle();
  EXPECT_EQ(ann.close_code(), 4001);
  EXPECT_EQ(ann.close_reason(), "done");
  EXPECT_TRUE(ann.received_fin());
  EXPECT_FALSE(ann.received_rst());
  EXPECT_EQ(world_.connection_count(), 0u);
}

TEST_F(SimulatedClientTest, ACloseFrameOfTheServerIsAnswered) {
  auto ann = world_.connect(server_, "/");
  ann.send_text("close me");
  world_.run_until_idle();
  EXPECT_EQ(ann.close_code(), 4000);
  EXPECT_EQ(ann.close_reason(), "as you wish");
  EXPECT_TRUE(ann.received_fin()) << "the server saw the answer and closed";

  ClientOptions options;
  options.answer_close = false;
  auto rude = world_.connect(server_, "/", options);
  rude.send_text("close me");
  world_.run_until_idle();
  EXPECT_EQ(rude.close_code(), 4000);
  EXPECT_FALSE(rude.is_over());
}

TEST_F(SimulatedClientTest, AnEndWithoutACloseFrameIs1006) {
  auto ann = world_.connect(server_, "/");
  auto bob = world_.connect(server_, "/");
  ann.send_text("leave");
  bob.send_text("reset");
  world_.run_until_idle();
  EXPECT_EQ(ann.close_code(), 1006);
  EXPECT_TRUE(ann.received_fin());
  EXPECT_EQ(bob.close_code(), 1006);
  EXPECT_TRUE(bob.received_rst());
}

TEST_F(SimulatedClientTest, ARuleTheServerBreaksIsNamed) {
  auto ann = world_.connect(server_, "/");
  ann.send_text("break a rule");
  world_.run_until_idle();
  EXPECT_EQ(ann.violation(), codec::Violation::reserved_opcode);
  EXPECT_TRUE(ann.is_over());
}

TEST_F(SimulatedClientTest, FramesThatTheProtocolForbidsCanBeSent) {
  auto ann = world_.connect(server_, "/");
  ann.send_frame(codec::Opcode::continuation, "of nothing");
  auto bob = world_.connect(server_, "/");
  bob.send_bytes("\x81\x01x");  // not masked
  world_.run_until_idle();
  EXPECT_EQ(ann.close_code(), 1005);
  EXPECT_EQ(bob.close_code(), 1005);
}

TEST_F(SimulatedClientTest, AFragmentedMessageComesBackWhole) {
  auto ann = world_.connect(server_, "/");
  ann.send_frame(codec::Opcode::text, "in ", false);
  ann.send_frame(codec::Opcode::ping, "between");
  ann.send_frame(codec::Opcode::continuation, "pieces", true);
  world_.run_until_idle();
  EXPECT_EQ(ann.last_text(), "in pieces");
}

TEST_F(SimulatedClientTest, WhilePausedNothingIsReceivedAndNothingIsLost) {
  auto ann = world_.connect(server_, "/");
  world_.run_until_idle();
  ann.pause_reading();
  for (int i = 0; i < 20; ++i) ann.send_binary(std::string(100'000, 'x'));
  world_.run_until_idle();
  EXPECT_TRUE(ann.messages().empty());
  ann.resume_reading();
  world_.run_until_idle();
  EXPECT_EQ(ann.messages().size(), 20u);
}

TEST_F(SimulatedClientTest, ConnectingToNobodyFails) {
  auto ann = world_.connect(*io::Address::parse("127.0.0.1:1"), "/");
  ann.send_text("x");
  world_.run_until_idle();
  EXPECT_EQ(ann.connect_error(), ECONNREFUSED);
  EXPECT_TRUE(ann.is_over());
  EXPECT_EQ(ann.status(), 0);
}

TEST_F(SimulatedClientTest, EachClientHasItsOwnAddressUnlessTold) {
  auto ann = world_.connect(server_, "/");
  auto bob = world_.connect(server_, "/");
  EXPECT_NE(ann.address().host(), bob.address().host());
  ClientOptions options;
  options.from = io::Address::parse("192.0.2.7:1234");
  EXPECT_EQ(world_.connect(server_, "/", options).address(), *options.from);
  world_.run_until_idle();
}

TEST(SimulatedClientStorm, EveryMessageOfASurvivingClientComesBackInOrder) {
  SeedLoop seeds(400);
  while (seeds.next()) {
    Simulator world{seeds.options(FaultRates::storm(seeds.seed()))};
    std::vector<SimulatedClient> clients;
    std::vector<std::string> texts;
    for (int i = 0; i < 8; ++i) texts.push_back("message " + std::to_string(i) + std::string(1u << i, '.'));
    {
      ReplyCore server(world, echo_talk);
      for (int i = 0; i < 5; ++i) {
        clients.push_back(world.connect(server, "/"));
        for (const std::string& text : texts) clients.back().send_text(text);
        clients.back().close(1000, "bye");
      }
      EXPECT_TRUE(world.run_until([&] { return std::ranges::all_of(clients, &SimulatedClient::is_over); }, 1h));
    }
    for (const SimulatedClient& client : clients) {
      EXPECT_FALSE(client.violation());
      ASSERT_LE(client.messages().size(), texts.size());
      for (std::size_t i = 0; i < client.messages().size(); ++i) EXPECT_EQ(client.messages()[i].data, texts[i]);
      if (client.close_code() == 1000) {
        EXPECT_EQ(client.messages().size(), texts.size());
      }
      EXPECT_TRUE(client.close_code() == 1000 || client.close_code() == 1006 || !client.upgraded());
    }
    seeds.add(world.fault_counts());
  }
}

}  // namespace
}  // namespace brume::test

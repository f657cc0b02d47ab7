// Rows F1 to F19 and T3 of the bad-input table through a whole server: what the peer sees, what the handler sees, and
// that nothing is left. Each case is played in one piece, byte by byte, and cut at random.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

// A masked frame of a client, with any first byte and any length form.
std::string frame(unsigned first, std::string_view payload, unsigned length_form = 0) {
  std::string out(1, static_cast<char>(first));
  const std::size_t size = payload.size();
  if (length_form == 0) length_form = size < 126 ? 7 : size < 65536 ? 16 : 64;
  if (length_form == 7) {
    out += static_cast<char>(0x80 | size);
  } else {
    out += static_cast<char>(0x80 | (length_form == 16 ? 126 : 127));
    for (int shift = static_cast<int>(length_form) - 8; shift >= 0; shift -= 8)
      out += static_cast<char>(std::uint64_t{size} >> shift);
  }
  constexpr std::string_view kKey = "\x11\x22\x33\x44";
  out += kKey;
  for (std::size_t i = 0; i < size; i++) out += static_cast<char>(payload[i] ^ kKey[i % 4]);
  return out;
}

// The header of a frame with a 64-bit length, and nothing behind it.
std::string header64(unsigned first, std::uint64_t size) {
  std::string out{static_cast<char>(first), static_cast<char>(0xff)};
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  return out + "\x11\x22\x33\x44";
}

std::string close_payload(unsigned code, std::string_view reason = {}) {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code)} + std::string(reason);
}

struct Case {
  std::string row;
  std::string bytes;
  int close_code;                      // what the peer's socket shows; 0: the connection stays open
  std::vector<std::string> delivered;  // what reached the handler, in order
  int app_code = -1;                   // the close event's code; -1: as close_code
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::string row, std::string bytes, int code, std::vector<std::string> delivered = {},
                       int app = -1) {
    all.push_back({std::move(row), std::move(bytes), code, std::move(delivered), app});
  };
  const std::string hello = frame(0x81, "hello");
  for (const unsigned bits : {0x20u, 0x10u, 0x40u}) {
    add("F1", frame(0x81 | bits, "x"), 1002);
    add("F1", hello + frame(0x82 | bits, "x"), 1002, {"hello"});
    add("F1", frame(0x89 | bits, ""), 1002);
    add("F1", frame(0x01, "a") + frame(0x80 | bits, "b"), 1002);
  }
  for (const unsigned opcode : {3u, 4u, 5u, 6u, 7u, 11u, 12u, 13u, 14u, 15u}) {
    add("F2", frame(0x80 | opcode, "x"), 1002);
    add("F2", header64(0x80 | opcode, std::uint64_t{1} << 62), 1002);
  }
  for (const unsigned first : {0x81u, 0x82u, 0x88u, 0x89u, 0x8au}) {
    add("F3", std::string{static_cast<char>(first), '\0'}, 1002);
    add("F3", std::string{static_cast<char>(first), '\1', 'x'}, 1002);
  }
  add("F3", "\x81\x82"s + std::string(4, '\0') + "ok", 0, {"ok"});
  for (const unsigned opcode : {8u, 9u, 10u}) {
    add("F4", frame(opcode, "x"), 1002);
    add("F4", frame(0x80 | opcode, std::string(126, 'x')), 1002);
    add("F4", header64(0x80 | opcode, 70'000), 1002);
  }
  add("F5", frame(0x81, "short", 16), 1002);
  add("F5", frame(0x82, std::string(125, 'x'), 64), 1002);
  add("F5", frame(0x82, std::string(65535, 'x'), 64), 1002);
  add("F5", header64(0x82, std::uint64_t{1} << 63), 1002);
  for (const std::uint64_t size : {std::uint64_t{1} << 31, (std::uint64_t{1} << 32) - 1, (std::uint64_t{1} << 32) + 1,
                                   std::uint64_t{1} << 53, (std::uint64_t{1} << 63) - 1}) {
    add("F6", header64(0x82, size), 1009);
    add("F6", frame(0x02, "a") + header64(0x80, size), 1009);
  }
  add("F7", frame(0x80, "x"), 1002);
  add("F7", frame(0x01, "a") + hello, 1002);
  add("F7", frame(0x02, "a") + frame(0x01, "b"), 1002);
  add("F8", frame(0x01, "hel") + frame(0x89, "p") + frame(0x8a, "") + frame(0x80, "lo"), 0, {"hello"});
  add("F9", frame(0x01, "") + frame(0x00, "") + frame(0x80, ""), 0, {""});
  add("F9", frame(0x82, ""), 0, {""});
  add("F9", frame(0x01, "a") + frame(0x00, "") + frame(0x80, ""), 0, {"a"});
  for (const std::string& bad :
       {"\xc0\xaf"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s, "\xfe"s, "\xff"s, "\x80"s, "\xf5"s}) {
    add("F10", frame(0x81, "abc" + bad), 1007);
    // At the first impossible byte, in the middle of a frame of which the rest never comes.
    add("F10", frame(0x81, "abc" + bad + std::string(200, 'z')).substr(0, 8 + 3 + bad.size()), 1007);
  }
  add("F11", frame(0x01, "\xe2\x82") + frame(0x89, "") + frame(0x80, "\xac"), 0, {"\xe2\x82\xac"});
  add("F11", frame(0x81, "\xe2\x82"), 1007);
  add("F11", frame(0x01, "\xe2") + frame(0x80, ""), 1007);
  add("F11", frame(0x81, "\xef\xbf\xbe"), 0, {"\xef\xbf\xbe"});
  add("F12", frame(0x82, std::string(1000, 'x')), 0, {std::string(1000, 'x')});
  add("F12", frame(0x82, std::string(1001, 'x')).substr(0, 8), 1009);
  add("F12", frame(0x02, std::string(600, 'x')) + frame(0x80, std::string(401, 'x')), 1009);
  add("F13", frame(0x88, ""), 1005);
  add("F13", frame(0x88, "x"), 1002);
  add("F13", frame(0x88, close_payload(1000, "\xff")), 1007);
  for (const unsigned code : {0u, 1u, 999u, 1004u, 1005u, 1006u, 1015u, 1016u, 2000u, 2999u, 5000u, 65535u})
    add("F14", frame(0x88, close_payload(code)), 1002);
  for (const unsigned code :
       {1000u, 1001u, 1002u, 1003u, 1007u, 1008u, 1009u, 1010u, 1011u, 1012u, 1013u, 1014u, 3000u, 3999u, 4999u})
    add("F15", frame(0x88, close_payload(code, "why")), static_cast<int>(code));
  add("F16", frame(0x88, close_payload(3001)) + hello + frame(0x89, "") + frame(0x88, close_payload(3002)), 3001);
  add("F17", frame(0x01, "part") + frame(0x88, close_payload(3003)), 3003);
  add("F19", frame(0x89, std::string(125, 'p')) + frame(0x89, "") + frame(0x8a, "unasked"), 0);
  return all;
}

struct AppSaw {
  std::vector<std::string> messages;
  std::vector<CloseInfo> closes;
  int opens = 0;
};

class FrameRows : public testing::TestWithParam<int> {};

TEST_P(FrameRows, F1_to_F19_EachBrokenRuleGetsItsCodeWhateverTheSplit) {
  for (const Case& each : cases()) {
    SCOPED_TRACE(each.row + " " + testing::PrintToString(each.bytes.substr(0, 40)));
    Simulator world;
    AppSaw saw;
    Config config;
    config.max_message_size = 1000;
    config.ping_interval = 0ms;
    Server server{world, config};
    server.get("/", websocket({.open = [&](Connection&) { saw.opens++; },
                               .message = [&](Connection&, const Message& m) { saw.messages.emplace_back(m.text()); },
                               .close = [&](Connection&, const CloseInfo& info) { saw.closes.push_back(info); }}));
    server.get("/other", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    auto other = world.connect(server, "/other");
    auto client = world.connect(server, "/");
    world.run_until_idle();
    const int pieces = GetParam();
    if (pieces == 1) {
      client.send_bytes(each.bytes);
    } else {
      const std::size_t step =
          pieces == 0 ? 1 : std::max<std::size_t>(1, each.bytes.size() / static_cast<std::size_t>(pieces));
      const std::size_t most = 3000;  // bytes sent one by one; the rest of a long payload goes in one piece
      for (std::size_t at = 0; at < each.bytes.size(); at += step) {
        const bool rest = at >= most;
        client.send_bytes(std::string_view(each.bytes).substr(at, rest ? std::string_view::npos : step));
        world.run_for(1ms);
        if (rest) break;
      }
    }
    world.run_for(1s);
    EXPECT_EQ(saw.opens, 1);
    EXPECT_EQ(saw.messages, each.delivered);
    if (each.close_code == 0) {
      EXPECT_TRUE(client.is_open());
      EXPECT_TRUE(saw.closes.empty());
      client.close(1000);
    } else {
      EXPECT_EQ(client.close_code(), each.close_code);
      ASSERT_EQ(saw.closes.size(), 1u);
      EXPECT_EQ(saw.closes[0].code, each.app_code < 0 ? each.close_code : each.app_code);
    }
    world.run_for(10s);
    EXPECT_EQ(saw.closes.size(), 1u);
    EXPECT_TRUE(client.is_over());
    EXPECT_EQ(server.stats().connections, 1u);
    EXPECT_EQ(server.stats().sockets, 1u);
    other.send_text("still here");
    world.run_until_idle();
    EXPECT_EQ(other.last_text(), "still here");
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Pieces, FrameRows, testing::Values(1, 0, 3), [](const auto& pieces) {
  return pieces.param == 1 ? "Whole" : pieces.param == 0 ? "ByteByByte" : "InThirds";
});

TEST(FrameRow, F19_PingsAreAnsweredWithTheSameBytesAndNotAfterOurClose) {
  Simulator world;
  Server server{world};
  Connection* opened = nullptr;
  server.get("/", websocket({.open = [&](Connection& c) { opened = &c; }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  ClientOptions options;
  options.answer_close = false;
  auto client = world.connect(server, "/", options);
  world.run_until_idle();
  const std::string longest(125, '\xf0');
  client.send_ping("");
  client.send_ping(longest);
  world.run_until_idle();
  EXPECT_EQ(client.pongs(), (std::vector<std::string>{"", longest}));
  ASSERT_TRUE(opened->close(1000));
  world.run_until_idle();
  client.send_ping("late");
  world.run_until_idle();
  EXPECT_EQ(client.pongs().size(), 2u);
}

TEST(FrameRow, F17_DataAfterOurCloseIsDroppedWhileThePeersCloseIsAwaited) {
  Simulator world;
  Server server{world};
  std::vector<CloseInfo> closes;
  int messages = 0;
  Connection* opened = nullptr;
  server.get("/", websocket({.open = [&](Connection& c) { opened = &c; },
                             .message = [&](Connection&, const Message&) { messages++; },
                             .close = [&](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  ClientOptions options;
  options.answer_close = false;
  auto client = world.connect(server, "/", options);
  world.run_until_idle();
  ASSERT_TRUE(opened->close(4000, "enough"));
  EXPECT_TRUE(opened->close(4001, "again"));  // closing twice does nothing
  client.send_bytes(frame(0x81, "late") + frame(0x01, "later"));
  world.run_until_idle();
  EXPECT_EQ(client.close_code(), 4000);
  EXPECT_EQ(client.close_reason(), "enough");
  EXPECT_EQ(messages, 0);
  EXPECT_TRUE(closes.empty());
  client.send_bytes(frame(0x88, close_payload(4000)));
  world.run_for(100ms);
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].code, 4000);
  EXPECT_TRUE(closes[0].clean);
  EXPECT_EQ(closes[0].cause, CloseCause::local);
}

TEST(FrameRow, F18_APeerThatNeverAnswersCloseIsCutAtTheCloseTimeout) {
  Simulator world;
  Server server{world};
  std::vector<CloseInfo> closes;
  Connection* opened = nullptr;
  server.get("/", websocket({.open = [&](Connection& c) { opened = &c; },
                             .close = [&](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  ClientOptions options;
  options.answer_close = false;
  auto client = world.connect(server, "/", options);
  world.run_until_idle();
  ASSERT_TRUE(opened->close(4000));
  world.run_for(4s);
  EXPECT_TRUE(closes.empty());
  world.run_for(2s);
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].code, 4000);
  EXPECT_FALSE(closes[0].clean);
  EXPECT_TRUE(client.is_over());
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST(FrameRow, F18_APeerThatKeepsTcpOpenAfterBothClosesHasTheServersFinAndIsCutAtTheCloseTimeout) {
  Simulator world;
  Server server{world};
  std::vector<CloseInfo> closes;
  server.get("/", websocket({.close = [&](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  auto socket = world.connect_raw(server);
  socket.send(
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  // What comes behind the Close must not make a reset of the end, which could eat the answer.
  socket.send(frame(0x88, close_payload(3000)) + frame(0x82, std::string(5000, 'x')));
  world.run_for(1s);
  EXPECT_TRUE(socket.received().ends_with("\x88\x02" + close_payload(3000)));
  EXPECT_TRUE(socket.received_fin());
  EXPECT_FALSE(socket.received_rst());
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_EQ(closes[0].code, 3000);
  EXPECT_TRUE(closes[0].clean);
  EXPECT_EQ(server.stats().sockets, 1u);
  world.run_for(5s);
  EXPECT_EQ(server.stats().connections, 0u);
  EXPECT_EQ(server.stats().sockets, 0u);
  EXPECT_EQ(closes.size(), 1u);
}

TEST(FrameRow, T3_AnEndWithoutCloseAtEachByteIs1006AndFreesTheConnection) {
  const std::string bytes = frame(0x01, "abc") + frame(0x89, "p") + frame(0x80, std::string(200, 'd'));
  for (std::size_t cut = 0; cut < bytes.size(); cut++) {
    for (const bool reset : {false, true}) {
      SCOPED_TRACE(cut);
      Simulator world;
      Server server{world};
      std::vector<CloseInfo> closes;
      int messages = 0;
      server.get("/", websocket({.message = [&](Connection&, const Message&) { messages++; },
                                 .close = [&](Connection&, const CloseInfo& info) { closes.push_back(info); }}));
      ASSERT_TRUE(server.listen("127.0.0.1:0"));
      ASSERT_TRUE(server.start());
      auto client = world.connect(server, "/");
      world.run_until_idle();
      client.send_bytes(std::string_view(bytes).substr(0, cut));
      world.run_until_idle();
      if (reset) {
        client.abort();
      } else {
        client.shutdown();
      }
      world.run_for(10s);
      ASSERT_EQ(closes.size(), 1u);
      EXPECT_EQ(closes[0].code, 1006);
      EXPECT_EQ(messages, 0);
      EXPECT_EQ(server.stats().sockets, 0u);
    }
  }
}

}  // namespace
}  // namespace brume

// Rows D1 to D6, F1, F11 and F12 of the bad-input table through a whole server with compression.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/tests/engine/server/deflate_fixture.h>

namespace brume::test {
namespace {

const std::string kHello = "\xf2\x48\xcd\xc9\xc9\x07\x00"s;           // RFC 7692, section 7.2.3.1
const std::string kHelloAgain = "\xf2\x00\x11\x00\x00"s;              // section 7.2.3.2: refers to the one before
const std::string kHelloFinal = "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s;  // section 7.2.3.4

TEST_F(Deflates, D1_AnOfferThatBreaksARuleIsDeclinedAndTheConnectionGoesOnWithoutCompression) {
  start();
  for (const char* wrong : {"permessage-deflate; foo", "permessage-deflate; server_max_window_bits=7",
                            "permessage-deflate; client_max_window_bits=16", "permessage-deflate; a; a",
                            "permessage-deflate; server_max_window_bits=08",
                            "permessage-deflate; server_no_context_takeover; server_no_context_takeover"}) {
    auto client = connect_offering(wrong);
    EXPECT_EQ(client.status(), 101) << wrong;
    EXPECT_EQ(client.response_field("Sec-WebSocket-Extensions"), "") << wrong;
    client.send_text(json(1000));
    world->run_until_idle();
    EXPECT_EQ(client.last_text(), json(1000));
  }
  auto next = connect_offering("permessage-deflate; foo, permessage-deflate; client_max_window_bits");
  EXPECT_TRUE(next.response_field("Sec-WebSocket-Extensions").starts_with("permessage-deflate;"));
  // An empty quoted string is no token, so the field has no grammar, which RFC 6455, section 9.1, lets nobody pass
  // over.
  EXPECT_EQ(connect_offering("permessage-deflate; server_max_window_bits=\"\"").status(), 400);
}

TEST_F(Deflates, D2_AServerWindowOf256BytesIsDeclined) {
  start();
  EXPECT_EQ(connect_offering("permessage-deflate; server_max_window_bits=8").response_field("Sec-WebSocket-Extensions"),
            "");
}

TEST_F(Deflates, D3_CorruptDataClosesWith1007) {
  start();
  for (const std::string& payload : {"\x07"s, "\x00\x05\x00\xfa\xfe\x48\x65\x6c\x6c\x6f\x00"s, kHello.substr(0, 6),
                                     kHello + "\x55", kHelloAgain, kHello + "\x00\x00\xff\xff"s}) {
    closes.clear();
    received.clear();
    auto client = connect();
    send(client, rsv1_text(payload));
    EXPECT_EQ(client.close_code(), 1007);
    EXPECT_EQ(closes, std::vector<int>{1007});
    EXPECT_TRUE(received.empty());
  }
  EXPECT_EQ(server->stats().refused_by("bad_compressed_data"), 6u);
}

TEST_F(Deflates, D3_CorruptDataClosesWith1007WithAContextToo) {
  start({.client_context_takeover = true});
  for (const std::string& payload : {"\x07"s, kHello.substr(0, 6), kHello + "\x55"}) {
    auto client = connect();
    send(client, rsv1_text(kHello) + rsv1_text(payload));
    EXPECT_EQ(client.close_code(), 1007);
  }
  EXPECT_EQ(received, std::vector<std::string>(3, "Hello"));
}

TEST_F(Deflates, D4_ABombClosesWith1009WhetherWholeOrInFragmentsOrWithAContext) {
  const std::string bomb = ReferenceDeflater().message(std::string(std::size_t{40} << 20, '\0'));
  for (const bool takeover : {false, true}) {
    start({.client_context_takeover = takeover}, 100'000);
    auto whole = connect();
    send(whole, rsv1_binary(bomb) + rsv1_text(kHello));  // what comes later is not looked at
    EXPECT_EQ(whole.close_code(), 1009);
    auto parts = connect();
    std::string bytes = rsv1_binary(bomb.substr(0, 1000), false);
    std::size_t at = 1000;
    for (; at + 1000 < bomb.size(); at += 1000) {
      bytes += bytes_from(continuation(bomb.substr(at, 1000), kNotFinal));
    }
    send(parts, bytes + bytes_from(continuation(bomb.substr(at))));
    EXPECT_EQ(parts.close_code(), 1009);
    EXPECT_TRUE(received.empty());
    EXPECT_EQ(server->stats().refused_by("inflated_too_large"), 2u);
  }
}

TEST_F(Deflates, D4_ALaterMessageOfAContextIsLimitedAsTheFirstOne) {
  start({.client_context_takeover = true}, 1000);
  auto client = connect();
  ReferenceDeflater deflater;
  for (int i = 0; i < 5; i++) {
    send(client, rsv1_text(deflater.message(std::string(1000, 'a'))));
    EXPECT_EQ(received.size(), static_cast<std::size_t>(i + 1));
  }
  send(client, rsv1_text(deflater.message(std::string(1001, 'a'))));
  EXPECT_EQ(client.close_code(), 1009);
}

TEST_F(Deflates, F12_TheLimitIsExactAfterInflating) {
  for (const bool takeover : {false, true}) {
    for (const std::size_t limit : {1u, 100u, 4095u, 4096u, 4097u, 70'000u}) {
      start({.client_context_takeover = takeover}, limit);
      auto client = connect();
      ReferenceDeflater deflater;
      received.clear();
      send(client, rsv1_text(deflater.message(std::string(limit, 'a'))));
      EXPECT_EQ(received, std::vector<std::string>{std::string(limit, 'a')}) << limit;
      if (!takeover) deflater.forget();
      send(client, rsv1_text(deflater.message(std::string(limit + 1, 'a'))));
      EXPECT_EQ(client.close_code(), 1009) << limit;
      EXPECT_EQ(received.size(), 1u);
    }
  }
}

TEST_F(Deflates, F12_WhatIsTooLongEvenCompressedClosesWith1009FromItsHeader) {
  start({}, 1000);
  auto client = connect();
  send(client, bytes_from(binary("x", {.rsv_bits = 4, .declared_size = 1100})));
  EXPECT_EQ(client.close_code(), 1009);
  EXPECT_EQ(server->stats().refused_by("message_too_large"), 1u);
}

TEST_F(Deflates, AMessageOfTheLargestSizeThatDoesNotCompressIsTaken) {
  start({}, 50'000);
  auto client = connect();
  std::mt19937_64 random(1);
  std::string noise;
  while (noise.size() < 50'000) noise += static_cast<char>(random());
  const std::string payload = ReferenceDeflater().message(noise);
  ASSERT_GT(payload.size(), noise.size());
  send(client, rsv1_binary(payload));
  ASSERT_EQ(received.size(), 1u);
  EXPECT_TRUE(received[0] == noise);
}

TEST_F(Deflates, D5_EveryKindOfBlockAndAnEmptyMessageAreDelivered) {
  for (const bool takeover : {false, true}) {
    start({.client_context_takeover = takeover});
    received.clear();
    auto client = connect();
    send(client, rsv1_text(kHelloFinal) + rsv1_text("\x00"s) + rsv1_text("") +
                     rsv1_text("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s) +
                     rsv1_text("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s) + rsv1_text(kHelloFinal));
    EXPECT_EQ(received, (std::vector<std::string>{"Hello", "", "", "Hello", "Hello", "Hello"}));
    EXPECT_TRUE(client.is_open());
  }
}

TEST_F(Deflates, D6_APlainMessageBetweenLeavesTheContextAsItIs) {
  start({.client_context_takeover = true});
  auto client = connect();
  send(client, rsv1_text(kHello) + bytes_from(text("plain")) + bytes_from(ping("p")) + rsv1_text(kHelloAgain));
  EXPECT_EQ(received, (std::vector<std::string>{"Hello", "plain", "Hello"}));
}

TEST_F(Deflates, D6_WithoutContextTakeoverAMessageThatRefersToAnEarlierOneIsBad) {
  start();
  auto client = connect();
  send(client, rsv1_text(kHello) + rsv1_text(kHelloAgain));
  EXPECT_EQ(received, std::vector<std::string>{"Hello"});
  EXPECT_EQ(client.close_code(), 1007);
}

TEST_F(Deflates, D7_WindowsCountAsMemoryAndNewcomersGet503BeforeTheyTakeAllOfIt) {
  Config config;
  config.compression = {.enabled = true, .server_context_takeover = true, .client_context_takeover = true};
  config.memory_limit = 8 * 1024 * 1024;
  start_with(config);
  ClientOptions options;
  options.compression.emplace();
  std::vector<SimulatedClient> clients;
  int refused = 0;
  for (int i = 0; i < 60; i++) {
    auto client = world->connect(*server, "/", options);
    world->run_for(100ms);
    if (client.status() == 101) {
      client.send_text(json(1000, i));
      world->run_for(100ms);
      clients.push_back(std::move(client));
    } else {
      EXPECT_EQ(client.status(), 503);
      refused++;
    }
  }
  EXPECT_GT(clients.size(), 10u);
  EXPECT_GT(refused, 10);
  for (const SimulatedClient& client : clients) EXPECT_TRUE(client.is_open());
  EXPECT_TRUE(closes.empty());
  for (SimulatedClient& client : clients) client.abort();
  world->run_for(1s);
  EXPECT_EQ(connect_offering("permessage-deflate").status(), 101);
  EXPECT_EQ(server->stats().sockets, 1u);
}

TEST_F(Deflates, F8_AControlFrameMayComeBetweenCompressedFragments) {
  start();
  auto client = connect();
  send(client,
       rsv1_text(kHello.substr(0, 3), false) + bytes_from(ping("p")) + bytes_from(continuation(kHello.substr(3))));
  EXPECT_EQ(received, std::vector<std::string>{"Hello"});
  EXPECT_EQ(client.pongs(), std::vector<std::string>{"p"});
}

TEST_F(Deflates, F1_Rsv1WhereItDoesNotBelongClosesWith1002) {
  start();
  for (const Bytes& bytes : {ping("x", {.rsv_bits = 4}), continuation("x", {.rsv_bits = 4}),
                             join({text("x", kNotFinal), continuation("x", {.rsv_bits = 4})}),
                             text("x", {.rsv_bits = 2}), text("x", {.rsv_bits = 5})}) {
    auto client = connect();
    send(client, bytes_from(bytes));
    EXPECT_EQ(client.close_code(), 1002);
  }
  auto unagreed = world->connect(*server, "/");
  world->run_until_idle();
  send(unagreed, rsv1_text(kHello));
  EXPECT_EQ(unagreed.close_code(), 1002);
  EXPECT_TRUE(received.empty());
}

TEST_F(Deflates, F10_TextThatIsNoUtf8OnceInflatedClosesWith1007) {
  for (const bool takeover : {false, true}) {
    start({.client_context_takeover = takeover});
    for (const std::string& wrong : {"ab\xff"s, "\xed\xa0\x80"s, "ab\xe2\x82"s}) {
      auto client = connect();
      send(client, rsv1_text(ReferenceDeflater().message(wrong)));
      EXPECT_EQ(client.close_code(), 1007);
      auto binary_client = connect();
      send(binary_client, rsv1_binary(ReferenceDeflater().message(wrong)));
      EXPECT_TRUE(binary_client.is_open());
    }
  }
  EXPECT_EQ(received.size(), 6u);
}

TEST_F(Deflates, AStreamCutAnywhereIsTheSame) {
  start({.server_context_takeover = true, .client_context_takeover = true});
  const std::string bytes = rsv1_text(kHello) + rsv1_text(kHelloAgain.substr(0, 2), false) +
                            bytes_from(continuation(kHelloAgain.substr(2))) + bytes_from(text("plain"));
  for (std::size_t cut = 1; cut < bytes.size(); cut++) {
    received.clear();
    auto client = connect();
    send(client, bytes.substr(0, cut));
    send(client, bytes.substr(cut));
    ASSERT_EQ(received, (std::vector<std::string>{"Hello", "Hello", "plain"})) << cut;
    client.close();
    world->run_for(1s);
  }
}

}  // namespace
}  // namespace brume::test

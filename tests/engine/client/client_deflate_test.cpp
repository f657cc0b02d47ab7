// permessage-deflate from the client's side: what is offered, which answers are taken, what travels, what it costs.
#include <random>
#include <set>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/tests/engine/client/client_deflate_fixture.h>

namespace brume::test {
namespace {

using codec::DeflateAnswerError;
using codec::ResponseError;
using testing::ElementsAre;
using testing::HasSubstr;

// ---- what is agreed on

TEST_F(ClientDeflate, NothingIsOfferedUnlessItIsWanted) {
  const RecordingServer server(world, "");
  talk(server.url(), Compression(), [](Connection& c) {
    EXPECT_EQ(c.compression(), std::nullopt);
    EXPECT_TRUE(c.send_text(json(1000)));
  });
  EXPECT_EQ(server.offer(), "");
  ASSERT_EQ(server.frames().size(), 1u);
  EXPECT_FALSE(server.frames()[0].compressed);
}

TEST_F(ClientDeflate, TheOfferSaysWhatTheSettingsWant) {
  const auto offered = [this](const Compression& compression) {
    const RecordingServer server(world, "");
    talk(server.url(), compression, [](Connection&) {});
    return server.offer();
  };
  EXPECT_EQ(offered(kOn),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits");
  EXPECT_EQ(offered(kTakeover), "permessage-deflate; client_max_window_bits");
  Compression small = kTakeover;
  small.server_max_window_bits = 10;
  small.client_max_window_bits = 9;
  EXPECT_EQ(offered(small), "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9");
}

TEST_F(ClientDeflate, AServerThatDeclinesIsTalkedToInPlain) {
  EchoServer server(world, Compression());
  const auto outcome = own.follow(server.url(), with(kOn), json(1000));
  world.run_for(1s);
  EXPECT_THAT(outcome->messages, ElementsAre(json(1000)));
  EXPECT_EQ(client.stats().compressions, 0u);
  EXPECT_EQ(server.agreed, std::nullopt);
}

TEST_F(ClientDeflate, WithEachOfAServersSettingsMessagesTravelCompressedBothWaysAndBothSidesSayTheSame) {
  std::vector<Compression> all{kOn, kTakeover};
  for (const bool of_server : {false, true}) {
    Compression half = kOn;
    half.server_context_takeover = of_server;
    half.client_context_takeover = !of_server;
    all.push_back(half);
  }
  for (const std::uint8_t bits : {std::uint8_t{9}, std::uint8_t{12}}) {
    Compression small = kTakeover;
    small.server_max_window_bits = small.client_max_window_bits = bits;
    all.push_back(small);
  }
  for (const Compression& theirs : all) {
    for (const Compression& ours : all) {
      EchoServer server(world, theirs);
      std::optional<codec::DeflateSettings> agreed;
      std::vector<std::string> got;
      const auto before = client.stats();
      Callbacks callbacks;
      callbacks.open = [&](Connection& c) {
        agreed = c.compression();
        for (int i = 0; i < 4; i++) EXPECT_TRUE(c.send_text(json(40'000, i)));
        EXPECT_TRUE(c.send_text("small"));
      };
      callbacks.message = [&](Connection&, const Message& m) { got.emplace_back(m.text()); };
      ASSERT_TRUE(client.connect(server.url(), with(ours), callbacks));
      world.run_for(1s);
      ASSERT_EQ(got.size(), 5u);
      for (int i = 0; i < 4; i++) EXPECT_TRUE(got[static_cast<std::size_t>(i)] == json(40'000, i)) << i;
      EXPECT_EQ(got[4], "small");
      ASSERT_TRUE(agreed);
      EXPECT_EQ(agreed, server.agreed);
      EXPECT_EQ(agreed->server_no_context_takeover, !ours.server_context_takeover || !theirs.server_context_takeover);
      EXPECT_EQ(agreed->client_no_context_takeover, !ours.client_context_takeover || !theirs.client_context_takeover);
      EXPECT_EQ(agreed->server_max_window_bits, std::min(ours.server_max_window_bits, theirs.server_max_window_bits));
      EXPECT_EQ(agreed->client_max_window_bits, std::min(ours.client_max_window_bits, theirs.client_max_window_bits));
      EXPECT_EQ(client.stats().compressions - before.compressions, 4u);
      EXPECT_EQ(server.server.stats().compressions, 4u);
      EXPECT_LT(client.stats().bytes_sent - before.bytes_sent, 80'000u);
      EXPECT_LT(client.stats().bytes_received - before.bytes_received, 80'000u);
    }
  }
}

TEST_F(ClientDeflate, EachWayAnAnswerCanBeWrongIsNamedAndFailsTheConnection) {
  using enum DeflateAnswerError;
  const std::string good = "permessage-deflate; server_no_context_takeover";
  struct Row {
    Compression offered;
    std::string answer;
    DeflateAnswerError wrong;
    ResponseError rule = ResponseError::wrong_extension;
  };
  Compression small = kTakeover;
  small.server_max_window_bits = 10;
  small.client_max_window_bits = 10;
  const std::vector<Row> rows{
      {Compression(), good, extension_not_offered, ResponseError::unexpected_extension},
      {kOn, "foo", extension_not_offered, ResponseError::unexpected_extension},
      {kOn, good + ", x-webkit-deflate-frame", extension_not_offered, ResponseError::unexpected_extension},
      {kOn, good + ", " + good, extension_repeated, ResponseError::unexpected_extension},
      {kOn, ";", malformed, ResponseError::malformed_extensions},
      {kOn, good + "; x", parameter_unknown},
      {kOn, good + "; Client_no_context_takeover", parameter_unknown},
      {kOn, good + "; server_no_context_takeover", parameter_repeated},
      {kTakeover, "permessage-deflate; client_max_window_bits=9; client_max_window_bits=9", parameter_repeated},
      {kOn, good + "=1", value_out_of_range},
      {kOn, good + "; server_max_window_bits", value_out_of_range},
      {kOn, good + "; server_max_window_bits=7", value_out_of_range},
      {kOn, good + "; server_max_window_bits=16", value_out_of_range},
      {kOn, good + "; server_max_window_bits=09", value_out_of_range},
      {kOn, good + "; client_max_window_bits", value_out_of_range},
      {kOn, good + "; client_max_window_bits=16", value_out_of_range},
      {small, "permessage-deflate; server_max_window_bits=11", server_window_grown},
      {small, "permessage-deflate", server_window_grown},
      {kOn, "permessage-deflate", server_keeps_context},
  };
  std::set<DeflateAnswerError> seen;
  for (const Row& row : rows) {
    const ConnectError error = refused(row.offered, row.answer);
    EXPECT_EQ(error.step, ConnectStep::upgrade);
    EXPECT_EQ(error.cause, ConnectCause::failed);
    EXPECT_EQ(error.status, 101);
    EXPECT_EQ(error.rule, row.rule) << row.answer;
    ASSERT_TRUE(error.deflate_rule) << row.answer;
    EXPECT_EQ(*error.deflate_rule, row.wrong) << row.answer << ": " << to_string(*error.deflate_rule);
    EXPECT_THAT(error.text, HasSubstr(": " + std::string(to_string(row.wrong))));
    seen.insert(*error.deflate_rule);
  }
  // All but window_not_offered: this client always offers it (tests/codec has that one).
  EXPECT_EQ(seen.size(), 8u);
}

TEST_F(ClientDeflate, AnEndpointsOwnConfigurationDecidesWhatIsOffered) {
  const RecordingServer server(world, "");
  RouteConfig own_config;
  own_config.compression = kTakeover;
  ASSERT_TRUE(client.connect(server.url(), with(kOn), websocket(own_config, Callbacks())));
  world.run_for(1s);
  EXPECT_EQ(server.offer(), "permessage-deflate; client_max_window_bits");
  own_config.compression.server_max_window_bits = 8;
  const auto wrong = client.connect(server.url(), ConnectOptions(), websocket(own_config, Callbacks()));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().cause, ConnectCause::invalid);
  EXPECT_THAT(wrong.error().text, HasSubstr("compression.server_max_window_bits"));
}

// ---- what is sent

TEST_F(ClientDeflate, WhatIsSentIsCompressedAndThenMaskedAndAnyInflaterReadsIt) {
  const RecordingServer server(world, "permessage-deflate; server_no_context_takeover; client_no_context_takeover");
  std::mt19937_64 random(1);
  std::string noise;
  while (noise.size() < 5000) noise += static_cast<char>(random());
  const std::vector<std::string> texts{json(256), json(1000), json(70'000), json(300'000)};
  talk(server.url(), kOn, [&](Connection& c) {
    for (const std::string& text : texts) EXPECT_TRUE(c.send_text(text));
    EXPECT_TRUE(c.send_text(json(255)));  // below the threshold
    EXPECT_TRUE(c.send_binary(bytes_of(noise)));
    EXPECT_TRUE(c.send_text(""));
    EXPECT_TRUE(c.ping(bytes_of(json(100))));
  });
  const auto frames = server.frames();
  ASSERT_EQ(frames.size(), texts.size() + 4);
  for (std::size_t i = 0; i < texts.size(); i++) {
    EXPECT_TRUE(frames[i].compressed);
    ReferenceInflater fresh;
    EXPECT_TRUE(fresh.message(frames[i].payload) == texts[i]);
    EXPECT_LT(frames[i].payload.size(), texts[i].size() / 2);
  }
  for (std::size_t i = texts.size(); i < frames.size(); i++) EXPECT_FALSE(frames[i].compressed) << i;
  EXPECT_TRUE(frames[texts.size() + 1].payload == noise);
  std::set<codec::MaskKey> keys;
  for (const auto& frame : frames) keys.insert(frame.key);
  EXPECT_EQ(keys.size(), frames.size());
}

TEST_F(ClientDeflate, WithContextTakeoverAMessageRefersToTheOneBeforeInAWindowOfTheSizeAgreedOn) {
  for (std::uint8_t bits = 9; bits <= 15; bits++) {
    const RecordingServer server(world, "permessage-deflate; client_max_window_bits=" + std::to_string(bits));
    talk(server.url(), kTakeover, [&](Connection& c) {
      for (int i = 0; i < 5; i++) EXPECT_TRUE(c.send_text(json(400, 100)));
    });
    const auto frames = server.frames();
    ASSERT_EQ(frames.size(), 5u);
    ReferenceInflater window(bits);
    for (const auto& frame : frames) {
      EXPECT_TRUE(frame.compressed);
      EXPECT_EQ(window.message(frame.payload), json(400, 100));
    }
    // zlib looks back by 262 bytes less than the window.
    const std::size_t first = frames[0].payload.size();
    EXPECT_LT(frames[1].payload.size(), bits == 9 ? first : first / 2) << int{bits};
  }
}

TEST_F(ClientDeflate, D2_ALimitOf256BytesIsKeptBySendingEverythingAsItIsWhileInflatingGoesOn) {
  ReferenceDeflater theirs;
  const std::string compressed = theirs.message(json(1000));
  const RecordingServer server(world, "permessage-deflate; server_no_context_takeover; client_max_window_bits=8",
                               text_of_frame(1, compressed, kCompressed));
  std::vector<std::string> got;
  Callbacks callbacks;
  callbacks.message = [&](Connection& c, const Message& m) {
    got.emplace_back(m.text());
    EXPECT_TRUE(c.send(m.type, m.data));
    EXPECT_TRUE(c.send(*PreparedMessage::text(json(1000)), {.policy = SlowConsumerPolicy::drop_newest}));
  };
  ASSERT_TRUE(client.connect(server.url(), with(kOn), callbacks));
  world.run_for(1s);
  EXPECT_THAT(got, ElementsAre(json(1000)));
  ASSERT_EQ(server.frames().size(), 2u);
  for (const auto& frame : server.frames()) {
    EXPECT_FALSE(frame.compressed);
    EXPECT_EQ(frame.payload, json(1000));
  }
}

TEST_F(ClientDeflate, PreparedMessagesAndThoseWithAPolicyAreCompressedTooButForAContextNobodyMayDropThem) {
  for (const bool takeover : {false, true}) {
    const RecordingServer server(world, takeover ? "permessage-deflate"
                                                 : "permessage-deflate; server_no_context_takeover; "
                                                   "client_no_context_takeover");
    const std::string text = json(1000);
    const auto prepared = PreparedMessage::text(text);
    ASSERT_TRUE(prepared);
    talk(server.url(), takeover ? kTakeover : kOn, [&](Connection& c) {
      EXPECT_TRUE(c.send(*prepared));
      for (const auto policy : {SlowConsumerPolicy::drop_newest, SlowConsumerPolicy::drop_oldest,
                                SlowConsumerPolicy::latest_only, SlowConsumerPolicy::disconnect}) {
        EXPECT_TRUE(c.send(*prepared, {.policy = policy}));
        EXPECT_TRUE(c.send(MessageType::text, as_bytes(text), {.policy = policy}));
      }
      EXPECT_TRUE(c.send(*prepared));
    });
    const auto frames = server.frames();
    ASSERT_EQ(frames.size(), 10u);
    ReferenceInflater window;
    for (std::size_t i = 0; i < frames.size(); i++) {
      const bool direct = i == 0 || i == 9;
      EXPECT_EQ(frames[i].compressed, direct || !takeover) << i;
      EXPECT_EQ(frames[i].compressed ? window.message(frames[i].payload) : frames[i].payload, json(1000)) << i;
      if (!takeover) window.forget();
    }
  }
}

// ---- what is received

TEST_F(ClientDeflate, D3D4_WhatDoesNotInflateOrBecomesTooLargeEndsTheConnectionAsOnTheServer) {
  const std::string agreed = "permessage-deflate; server_no_context_takeover";
  const auto closed_by = [&](std::string payload, unsigned opcode = 2) {
    closes.clear();
    const RecordingServer server(world, agreed, text_of_frame(opcode, payload, kCompressed));
    talk(server.url(), kOn, [](Connection&) {});
    world.run_for(10s);
    EXPECT_EQ(client.stats().sockets, 0u);
    // What the server is told is the code, in a masked Close.
    const auto frames = server.frames();
    EXPECT_EQ(frames.size(), 1u);
    const int told =
        frames.empty() || frames[0].payload.size() < 2
            ? 0
            : static_cast<unsigned char>(frames[0].payload[0]) << 8 | static_cast<unsigned char>(frames[0].payload[1]);
    EXPECT_THAT(closes, ElementsAre(told));
    return told;
  };
  ReferenceDeflater theirs;
  EXPECT_EQ(closed_by("\xff\xff\xff"), 1007);
  EXPECT_EQ(closed_by(theirs.message("\xff" + json(1000)), 1), 1007);
  theirs.forget();
  EXPECT_EQ(closed_by(theirs.message(std::string(512 * 1024 + 1, 'x'))), 1009);
  theirs.forget();
  EXPECT_EQ(closed_by(theirs.message(std::string(20 << 20, '\0'))), 1009);
}

TEST_F(ClientDeflate, D5_SeveralBlocksBfinalAndEmptyMessagesAreRead) {
  ReferenceDeflater theirs;
  std::string greeting;
  greeting += text_of_frame(1, theirs.message(json(5000), 7), kCompressed);
  greeting += text_of_frame(1, theirs.final_message(json(300)), kCompressed);
  greeting += text_of_frame(1, std::string(1, '\0'), kCompressed);
  greeting += text_of_frame(1, "plain");
  const RecordingServer server(world, "permessage-deflate", greeting);
  const auto outcome = own.follow(server.url(), with(kTakeover));
  world.run_for(1s);
  EXPECT_THAT(outcome->messages, ElementsAre(json(5000), json(300), "", "plain"));
}

// ---- what it costs

TEST_F(ClientDeflate, AnIdleConnectionOwnsAWindowOnlyOnceItHasUsedItsContextAndNoneWithoutOne) {
  for (const bool takeover : {false, true}) {
    EchoServer server(world, takeover ? kTakeover : kOn);
    connection::Session* session = nullptr;
    std::size_t echoes = 0;
    Callbacks callbacks;
    callbacks.open = [&](Connection& c) { session = &static_cast<connection::Session&>(c); };
    callbacks.message = [&](Connection&, const Message&) { echoes++; };
    const auto handle = client.connect(server.url(), with(takeover ? kTakeover : kOn), callbacks);
    ASSERT_TRUE(handle);
    world.run_for(1s);
    ASSERT_NE(session, nullptr);
    EXPECT_EQ(session->held_bytes(), 0u);
    ASSERT_TRUE(handle->post([](Connection& c) { EXPECT_TRUE(c.send_text(json(1000))); }));
    world.run_for(1s);
    EXPECT_EQ(echoes, 1u);
    const core::Ledger& ledger = session->context().reactor.ledger();
    EXPECT_EQ(ledger.held(core::Ledger::Kind::messages), session->held_bytes());
    if (takeover) {
      EXPECT_GT(session->held_bytes(), 200'000u);
      EXPECT_LE(session->held_bytes(), codec::Deflater::most_bytes(15) + codec::StreamInflater::most_bytes(15));
    } else {
      EXPECT_EQ(session->held_bytes(), 0u);
    }
    ASSERT_TRUE(handle->close());
    world.run_for(10s);
    EXPECT_EQ(ledger.held(core::Ledger::Kind::messages), 0u);
  }
}

TEST_F(ClientDeflate, AConnectionMadeAnewBeginsWithFreshContexts) {
  std::optional<EchoServer> server(std::in_place, world, kTakeover);
  ConnectOptions options = with(kTakeover);
  options.reconnect = Backoff(10ms, 100ms);
  std::vector<std::string> got;
  Callbacks callbacks;
  callbacks.open = [&](Connection& c) {
    for (int i = 0; i < 3; i++) EXPECT_TRUE(c.send_text(json(1000, i)));
  };
  callbacks.message = [&](Connection& c, const Message& m) {
    got.emplace_back(m.text());
    if (got.size() == 3) (void)c.close(1000);
  };
  options.reconnect_after = [&](const CloseInfo&) { return got.size() == 3; };
  ASSERT_TRUE(client.connect(server->url(), options, callbacks));
  world.run_for(2s);
  ASSERT_EQ(got.size(), 6u);
  for (int i = 0; i < 6; i++) EXPECT_EQ(got[static_cast<std::size_t>(i)], json(1000, i % 3)) << i;
}

TEST(ClientDeflateStorm, WhateverTheNetworkDoesEachMessageComesBackAsItWasInOrder) {
  std::size_t echoed = 0;
  for (std::uint64_t seed = 1; seed <= 40; seed++) {
    SimulatorOptions chance;
    chance.seed = seed;
    chance.faults.set(FaultKind::split_segment, 300'000)
        .set(FaultKind::short_read, 300'000)
        .set(FaultKind::short_send, 300'000);
    ClientWorld rough(chance);
    std::mt19937_64 random(seed);
    const auto some_compression = [&random] {
      Compression made = kOn;
      made.server_context_takeover = random() % 2 == 0;
      made.client_context_takeover = random() % 2 == 0;
      made.server_max_window_bits = static_cast<std::uint8_t>(9 + random() % 7);
      made.client_max_window_bits = static_cast<std::uint8_t>(8 + random() % 8);
      made.threshold = 1 + random() % 300;
      return made;
    };
    EchoServer server(rough.world, some_compression());
    std::vector<std::string> sent;
    for (int i = 0; i < 20; i++) sent.push_back(some_text(random, random() % 8000));
    std::vector<std::string> got;
    Callbacks callbacks;
    callbacks.open = [&](Connection& c) {
      for (const std::string& data : sent) EXPECT_TRUE(c.send_binary(bytes_of(data)));
    };
    callbacks.message = [&](Connection&, const Message& m) { got.emplace_back(text_of(m.data)); };
    ASSERT_TRUE(rough.client.connect(server.url(), with(some_compression()), callbacks));
    rough.world.run_for(30s);
    EXPECT_TRUE(got == sent) << "seed " << seed << ": " << got.size();
    echoed += got.size();
  }
  EXPECT_EQ(echoed, 800u);
}

}  // namespace
}  // namespace brume::test

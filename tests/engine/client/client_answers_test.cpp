// Everything that can go wrong on the way to a connection, step by step, and what the caller is told.
#include <cerrno>

#include <brume/tests/engine/client/client_world.h>

namespace brume::test {
namespace {

using codec::ResponseError;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr io::Time kLong = 60s;

class ClientAnswers : public testing::Test {
 protected:
  // Connects to a server that answers so.
  std::shared_ptr<Outcome> answered(std::function<Reply(std::string_view)> answer, ReplyCore::Talk later = {},
                                    ConnectOptions options = ConnectOptions()) {
    ReplyCore raw(world, raw_server(std::move(answer), std::move(later)));
    const auto outcome = own.follow(url_of(raw.address()), std::move(options));
    world.run_for(kLong);
    EXPECT_EQ(client.stats().sockets, 0u);
    EXPECT_EQ(client.stats().connections, 0u);
    return outcome;
  }
  ConnectError error_of(std::function<Reply(std::string_view)> answer, ConnectOptions options = ConnectOptions()) {
    const auto outcome = answered(std::move(answer), {}, std::move(options));
    EXPECT_FALSE(outcome->connected);
    EXPECT_TRUE(outcome->error);
    return outcome->error.value_or(ConnectError());
  }

  ClientWorld own;
  Simulator& world = own.world;
  Client& client = own.client;
};

// ---- resolve, connect

TEST_F(ClientAnswers, AHostNobodyKnowsFailsToResolve) {
  const auto outcome = own.follow("ws://nowhere.example/");
  world.run_until_idle();
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::resolve);
  EXPECT_EQ(outcome->error->to_string(), "resolve: nowhere.example: the host is not known");
}

TEST_F(ClientAnswers, AResolverThatNeverAnswersTimesOut) {
  world.add_host("silent.example", {});
  ConnectOptions options;
  options.connect_timeout = 5s;
  const auto outcome = own.follow("ws://silent.example/", options);
  world.run_for(4s);
  EXPECT_FALSE(outcome->error);
  world.run_for(2s);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::resolve);
  EXPECT_EQ(outcome->error->cause, ConnectCause::timed_out);
}

TEST_F(ClientAnswers, ARefusedConnectionNamesTheAddress) {
  const auto outcome = own.follow("ws://127.0.0.1:9/");
  world.run_until_idle();
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::connect);
  EXPECT_EQ(outcome->error->code, ECONNREFUSED);
  EXPECT_THAT(outcome->error->text, HasSubstr("127.0.0.1:9: "));
}

TEST_F(ClientAnswers, AnAddressThatDoesNotAnswerTimesOut) {
  world.swallow(*io::Address::parse("127.0.0.1:9"));
  const auto outcome = own.follow("ws://127.0.0.1:9/");
  world.run_for(9s);
  EXPECT_FALSE(outcome->error);
  world.run_for(2s);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::connect);
  EXPECT_EQ(outcome->error->cause, ConnectCause::timed_out);
}

TEST_F(ClientAnswers, TheNextAddressIsTriedAtOnceAfterAnErrorAndBesideASilentOneAfterAWhile) {
  ReplyCore raw(world, raw_server([](std::string_view head) { return Reply{good_answer(head)}; }));
  io::Address silent = *io::Address::parse("[2001:db8::1]:1");
  silent.port = raw.address().port;
  world.swallow(silent);
  world.add_host("two.example", {silent, raw.address()});
  const auto outcome = own.follow("ws://two.example:" + std::to_string(raw.address().port) + "/");
  world.run_for(200ms);
  EXPECT_FALSE(outcome->connected);
  world.run_for(200ms);
  EXPECT_TRUE(outcome->connected);

  io::Address refusing = *io::Address::parse("127.0.0.2:1");
  world.add_host("refused.example", {refusing, raw.address()});
  const auto other = own.follow("ws://refused.example:" + std::to_string(raw.address().port) + "/");
  world.run_for(50ms);
  EXPECT_TRUE(other->connected);
  client.stop(0ms);
  client.wait();
}

TEST_F(ClientAnswers, WhereNoAddressAnswersTheLastErrorIsTold) {
  world.add_host("dead.example", {*io::Address::parse("127.0.0.2:1"), *io::Address::parse("127.0.0.3:1")});
  const auto outcome = own.follow("ws://dead.example:9/");
  world.run_until_idle();
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->code, ECONNREFUSED);
  EXPECT_THAT(outcome->error->text, HasSubstr("127.0.0.3:9"));
}

// ---- upgrade

TEST_F(ClientAnswers, EachRuleAnAnswerBreaksIsNamed) {
  const auto rule_of = [&](std::function<std::string(std::string_view)> answer) {
    const ConnectError error = error_of([&](std::string_view head) { return Reply{answer(head)}; });
    EXPECT_EQ(error.step, ConnectStep::upgrade);
    EXPECT_EQ(error.cause, ConnectCause::failed);
    return error.rule;
  };
  const auto replaced = [](std::string_view from, std::string_view to) {
    return [from, to](std::string_view head) {
      std::string text = good_answer(head);
      return text.replace(text.find(from), from.size(), to);
    };
  };
  const auto with = [](std::string_view extra) {
    return [extra](std::string_view h) { return good_answer(h, extra); };
  };
  EXPECT_EQ(rule_of([](auto) { return "SSH-2.0-OpenSSH\r\n\r\n"; }), ResponseError::malformed_status_line);
  EXPECT_EQ(rule_of([](auto) { return std::string("\x15\x03\x01\x00\x02\x02\x28", 7); }),
            ResponseError::malformed_status_line);
  EXPECT_EQ(rule_of(replaced("HTTP/1.1", "HTTP/1.0")), ResponseError::unsupported_version);
  EXPECT_EQ(rule_of(with("bad name: x\r\n")), ResponseError::malformed_field);
  EXPECT_EQ(rule_of(with("A: " + std::string(20'000, 'x') + "\r\n")), ResponseError::head_too_large);
  std::string many;
  for (int i = 0; i < 100; i++) many += "A: b\r\n";
  EXPECT_EQ(rule_of(with(many)), ResponseError::too_many_fields);
  EXPECT_EQ(rule_of(replaced("Upgrade: websocket\r\n", "")), ResponseError::missing_upgrade);
  EXPECT_EQ(rule_of(replaced("websocket", "h2c")), ResponseError::wrong_upgrade);
  EXPECT_EQ(rule_of(replaced("Connection: Upgrade", "Connection: close")), ResponseError::connection_lacks_upgrade);
  EXPECT_EQ(rule_of(replaced("Sec-WebSocket-Accept", "X-Accept")), ResponseError::missing_accept);
  EXPECT_EQ(rule_of(replaced("Accept: ", "Accept: x")), ResponseError::wrong_accept);
  EXPECT_EQ(rule_of(with("Sec-WebSocket-Accept: x\r\n")), ResponseError::repeated_accept);
  EXPECT_EQ(rule_of(with("Sec-WebSocket-Extensions: ;\r\n")), ResponseError::malformed_extensions);
  EXPECT_EQ(rule_of(with("Sec-WebSocket-Extensions: permessage-deflate\r\n")), ResponseError::unexpected_extension);
  EXPECT_EQ(rule_of(with("Sec-WebSocket-Protocol: chat\r\n")), ResponseError::unexpected_subprotocol);
}

TEST_F(ClientAnswers, ARefusalReachesTheCallerWithStatusHeadersAndBody) {
  const ConnectError error = error_of([](std::string_view) {
    return Reply{"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\ncome back"};
  });
  EXPECT_EQ(error.cause, ConnectCause::refused);
  EXPECT_EQ(error.status, 503);
  EXPECT_EQ(error.header("retry-after"), "7");
  EXPECT_EQ(error.body, "come back");
  EXPECT_EQ(error.to_string(), "upgrade: the server refused the upgrade: 503 Service Unavailable");
}

TEST_F(ClientAnswers, ARefusalsBodyIsReadInEachFramingAndBounded) {
  const auto body_of = [&](std::string text, bool fin) {
    const ConnectError error = error_of([&](std::string_view) { return Reply{text, fin}; });
    EXPECT_EQ(error.status, 403);
    EXPECT_EQ(error.cause, ConnectCause::refused);
    return error.body;
  };
  const std::string line = "HTTP/1.1 403 Forbidden\r\n";
  EXPECT_EQ(body_of(line + "\r\nuntil the end", true), "until the end");
  EXPECT_EQ(body_of(line + "\r\nno end comes", false), "no end comes");  // connect_timeout ends it
  EXPECT_EQ(body_of(line + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", false), "abcde");
  EXPECT_EQ(body_of(line + "Content-Length: 0\r\n\r\n", false), "");
  EXPECT_EQ(body_of(line + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc", false), "");
  EXPECT_EQ(body_of(line + "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x'), false),
            std::string(ConnectError::kMaxBody, 'x'));
  EXPECT_EQ(body_of(line + "Content-Length: 10\r\n\r\nabc", true), "abc");
}

TEST_F(ClientAnswers, ARedirectIsToldAndNotFollowed) {
  const ConnectError error = error_of([](std::string_view) {
    return Reply{"HTTP/1.1 302 Found\r\nLocation: ws://evil.example/\r\nContent-Length: 0\r\n\r\n"};
  });
  EXPECT_EQ(error.status, 302);
  EXPECT_EQ(error.header("Location"), "ws://evil.example/");
}

TEST_F(ClientAnswers, InterimAnswersAreSkippedUpToTheLimitOfTheHead) {
  const auto outcome = answered([](std::string_view head) {
    return Reply{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + good_answer(head) +
                     text_of_frame(0x1, "here") + text_of_frame(0x8, "\x03\xE8"),
                 true};
  });
  EXPECT_TRUE(outcome->connected);
  EXPECT_THAT(outcome->messages, ElementsAre("here"));
  std::string many;
  for (int i = 0; i < 2000; i++) many += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_EQ(error_of([&](std::string_view) { return Reply{many}; }).rule, ResponseError::head_too_large);
}

TEST_F(ClientAnswers, AConnectionThatEndsOrBreaksBeforeTheAnswerSaysSo) {
  const ConnectError ended = error_of([](std::string_view) { return Reply{"HTTP/1.1 101 Swit", true}; });
  EXPECT_EQ(ended.to_string(), "upgrade: the connection ended before the answer");
  const ConnectError reset = error_of([](std::string_view) { return Reply{"", false, true}; });
  EXPECT_EQ(reset.to_string(), "upgrade: the connection was reset before the answer");
}

TEST_F(ClientAnswers, AServerThatNeverAnswersOrDripsTimesOut) {
  ConnectOptions options;
  options.connect_timeout = 3s;
  const ConnectError error = error_of([](std::string_view) { return Reply{}; }, options);
  EXPECT_EQ(error.step, ConnectStep::upgrade);
  EXPECT_EQ(error.cause, ConnectCause::timed_out);
}

// ---- what a server must not send afterwards

TEST_F(ClientAnswers, AMaskedFrameIsFailedWith1002) {
  std::string sent;
  const auto outcome =
      answered([](std::string_view head) { return Reply{good_answer(head) + text_of_frame(0x1, "masked", {})}; },
               [&](std::string_view bytes) {
                 sent += bytes;
                 return Reply{"", true};
               });
  EXPECT_TRUE(outcome->connected);
  EXPECT_TRUE(outcome->messages.empty());
  EXPECT_EQ(outcome->close_code, 1002);
  EXPECT_EQ(outcome->close_cause, CloseCause::violation);
  ASSERT_GE(sent.size(), 8u);
  EXPECT_EQ(sent[0], '\x88');
  EXPECT_EQ(static_cast<unsigned char>(sent[6] ^ sent[2]) << 8 | static_cast<unsigned char>(sent[7] ^ sent[3]), 1002);
}

TEST_F(ClientAnswers, BrokenFramesAreFailedAsOnTheServer) {
  const std::vector<std::pair<std::string, std::uint16_t>> cases = {
      {text_of_frame(0x3, "x"), 1002}, {text_of_frame(0x1, "\xff"), 1007},
      {text_of_frame(0x0, "x"), 1002}, {text_of_frame(0x2, std::string(600 * 1024, 'x')), 1009},
      {text_of_frame(0x8, "x"), 1002},
  };
  for (const auto& [bytes, code] : cases) {
    const auto outcome = answered([&](std::string_view head) { return Reply{good_answer(head) + bytes}; },
                                  [](std::string_view) { return Reply{"", true}; });
    EXPECT_EQ(outcome->close_code, code);
  }
}

TEST_F(ClientAnswers, ResetsAtEveryStepEndInOneOutcomeEach) {
  std::size_t failed = 0;
  std::size_t ended = 0;
  for (std::uint64_t seed = 1; seed <= 200; seed++) {
    SimulatorOptions options;
    options.seed = seed;
    options.faults.set(FaultKind::reset, 60'000).set(FaultKind::connect_refused, 50'000);
    options.faults.set(FaultKind::short_read, 300'000).set(FaultKind::split_segment, 300'000);
    ClientWorld stormy(options);
    Server server(stormy.world);
    Callbacks echo;
    echo.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); };
    server.get("/ws", websocket(echo));
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());
    std::vector<std::shared_ptr<Outcome>> outcomes;
    for (int i = 0; i < 5; i++) outcomes.push_back(stormy.follow(url_of(server.address()), {}, "hello"));
    stormy.world.run_for(5s);
    stormy.client.stop(1s);
    stormy.client.wait();
    for (const auto& outcome : outcomes) {
      EXPECT_NE(outcome->connected, outcome->error.has_value()) << "seed " << seed;
      EXPECT_EQ(outcome->connected, outcome->close_code.has_value()) << "seed " << seed;
      failed += outcome->error.has_value();
      ended += outcome->close_cause == CloseCause::transport && outcome->connected;
    }
    EXPECT_EQ(stormy.client.stats().sockets, 0u);
  }
  EXPECT_GT(failed, 0u);
  EXPECT_GT(ended, 0u);
}

}  // namespace
}  // namespace brume::test

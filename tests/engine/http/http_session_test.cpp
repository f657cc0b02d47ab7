// A connection while it speaks plain HTTP, through a whole simulated server: framing of answers, keep-alive, bodies,
// deadlines, and what a peer that does not read can make the server hold.
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/http_date.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

bool has_line(std::string_view text, std::string_view line) {
  return text.find("\r\n" + std::string(line) + "\r\n") != std::string_view::npos;
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) count++;
  return count;
}

std::string get(std::string_view path, std::string_view fields = {}, std::string_view version = "1.1") {
  return "GET " + std::string(path) + " HTTP/" + std::string(version) + "\r\nHost: a\r\n" + std::string(fields) +
         "\r\n";
}

class HttpSessionTest : public testing::Test {
 protected:
  explicit HttpSessionTest(const Config& config = {}) : server(world, config) {
    server.get("/hello", [this](Request&) {
      served++;
      return Response::text("hello");
    });
    server.get("/large", [this](Request&) {
      served++;
      return Response::text(std::string(kLargeSize, 'x'));
    });
    server.get("/slow", [this](Request&) -> Task<Response> {
      (void)co_await sleep(2s);
      served++;
      co_return Response::text("slow");
    });
    server.get("/status/:code", [](Request& request) {
      return Response(static_cast<std::uint16_t>(std::stoi(std::string(request.parameter("code")))), "text")
          .header("X-Own", "y");
    });
    server.post("/say", [this](Request& request) -> Task<Response> {
      served++;
      co_return Response::json(std::string(request.body_text()));
    });
    server.route("DELETE", "/say", [](Request& request) -> Task<Response> {
      co_return Response::text(std::string(request.body_text()));
    });
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
  }
  static std::string without_date(std::string text) {
    const std::size_t at = text.find("\r\nDate: ");
    return at == std::string::npos ? text : text.erase(at, text.find('\n', at + 2) - at - 1);
  }
  // What comes back for these bytes on a connection of their own, within a second.
  std::string answer(std::string_view request) {
    auto socket = world.connect_raw(server);
    socket.send(request);
    world.run_for(1s);
    std::string all = socket.received();
    ended = socket.received_fin() || socket.received_rst();
    socket.close();
    return all;
  }

  static constexpr std::size_t kLargeSize = 1024 * 1024;
  Simulator world{SimulatorOptions{}};
  int served = 0;
  bool ended = false;
  Server server;
};

TEST_F(HttpSessionTest, HeadGetsTheHeadOfGetAndTheConnectionGoesOn) {
  const std::string date = http::format_date(std::chrono::floor<std::chrono::seconds>(world.wall_clock()));
  const std::string all = answer("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/hello"));
  const std::string head =
      "HTTP/1.1 200 OK\r\nDate: " + date + "\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\n";
  EXPECT_EQ(all, head + head + "hello");
  EXPECT_EQ(served, 2);
}

TEST_F(HttpSessionTest, ARefusalLooksAtNothingOfTheRequestBefore) {
  // The head before had room for HEAD alone; this one moves the buffer. Its refusal has a body.
  const std::string all =
      answer("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\nHEXX / HTTP/1.1\r\nX-A: " + std::string(5000, 'a') + "\r\n\r\n");
  EXPECT_NE(all.find("HTTP/1.1 501 "), std::string::npos) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\nThis server does not know the request method.\n")) << all;
  EXPECT_TRUE(ended);
}

TEST_F(HttpSessionTest, AnAnswerWithoutContentHasNoLengthAndNoBody) {
  for (const char* status : {"204", "304"}) {
    const std::string all = answer(get("/status/"s + status));
    EXPECT_EQ(all.find("Content-Length"), std::string::npos) << all;
    EXPECT_TRUE(all.starts_with("HTTP/1.1 "s + status)) << all;
    EXPECT_TRUE(has_line(all, "X-Own: y")) << all;
    EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
    EXPECT_FALSE(ended);
  }
}

TEST_F(HttpSessionTest, AStatusThatIsNoFinalOneGives500) {
  for (const char* status : {"100", "101", "199", "600", "0"}) {
    EXPECT_TRUE(answer(get("/status/"s + status)).starts_with("HTTP/1.1 500 ")) << status;
    EXPECT_TRUE(ended);
  }
}

TEST_F(HttpSessionTest, Http11StaysOpenUnlessToldToCloseAndHttp10TheOtherWayRound) {
  std::string all = answer(get("/hello"));
  EXPECT_FALSE(ended);
  EXPECT_EQ(all.find("Connection"), std::string::npos);
  all = answer(get("/hello", "Connection: close\r\n"));
  EXPECT_TRUE(ended);
  EXPECT_TRUE(has_line(all, "Connection: close"));
  all = answer(get("/hello", {}, "1.0"));
  EXPECT_TRUE(ended);
  EXPECT_TRUE(has_line(all, "Connection: close"));
  all = answer(get("/hello", "Connection: keep-alive\r\n", "1.0"));
  EXPECT_FALSE(ended);
  EXPECT_TRUE(has_line(all, "Connection: keep-alive")) << all;
}

TEST_F(HttpSessionTest, AJsonBodyIsReadByLengthAndInChunksWhateverTheSplit) {
  const std::string json = R"({"text":"hi"})";
  const std::vector<std::string> requests = {
      "POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 13\r\n\r\n" + json,
      "POST /say HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4;a=b\r\n" + json.substr(0, 4) +
          "\r\n09\r\n" + json.substr(4) + "\r\n0\r\nX-Trailer: t\r\n\r\n",
  };
  for (const std::string& request : requests) {
    const std::string whole = answer(request);
    EXPECT_TRUE(whole.starts_with("HTTP/1.1 200 ")) << whole;
    EXPECT_TRUE(whole.ends_with("\r\n\r\n" + json)) << whole;
    EXPECT_TRUE(has_line(whole, "Content-Type: application/json"));
    for (std::size_t cut = 1; cut < request.size(); cut++) {
      auto socket = world.connect_raw(server);
      socket.send_split(request, {cut});
      world.run_for(10ms);
      ASSERT_EQ(without_date(socket.received()), without_date(whole)) << cut;
      socket.close();
    }
  }
}

TEST_F(HttpSessionTest, H15_AGetOrHeadRequestWithABodyIs400AndItsBodyNoRequest) {
  for (const std::string method : {"GET", "HEAD"}) {
    for (const std::string framing : {"Content-Length: 3\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
      const std::string all = answer(method + " /hello HTTP/1.1\r\nHost: a\r\n" + framing + get("/hello"));
      EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
      EXPECT_EQ(count_of(all, "HTTP/1.1 "), 1u) << all;
      EXPECT_TRUE(ended);
    }
  }
  EXPECT_EQ(served, 0);
  EXPECT_TRUE(answer(get("/hello", "Content-Length: 0\r\n")).starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(answer("DELETE /say HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").ends_with("\r\n\r\nabc"));
}

TEST_F(HttpSessionTest, APeerThatAsksBeforeItSendsABodyIsToldToContinueOnlyIfItMay) {
  auto socket = world.connect_raw(server);
  socket.send("POST /say HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n");
  world.run_for(100ms);
  EXPECT_EQ(socket.take_received(), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("{}");
  world.run_for(100ms);
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 200 ")) << socket.received();

  const std::string expect = "Expect: 100-continue\r\n";
  EXPECT_TRUE(answer("POST /say HTTP/1.1\r\nHost: a\r\n" + expect + "Content-Length: 9999999\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(
      answer("POST /no HTTP/1.1\r\nHost: a\r\n" + expect + "Content-Length: 2\r\n\r\n").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(answer("POST /say HTTP/1.0\r\nHost: a\r\n" + expect + "Content-Length: 2\r\n\r\n{}")
                  .starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(answer(get("/hello", expect)).starts_with("HTTP/1.1 200 "));
}

TEST_F(HttpSessionTest, H17_APeerThatAsksWithoutReadingIsServedNoFurtherThanABoundAndThenInFull) {
  auto socket = world.connect_raw(server);
  socket.pause_reading();
  std::string requests;
  for (int i = 0; i < 50; i++) requests += get("/large");
  socket.send(requests);
  world.run_for(5s);
  // One is being sent, and the network holds a window of it.
  EXPECT_LE(served, 2);
  socket.resume_reading();
  world.run_for(5s);
  EXPECT_EQ(served, 50);
  EXPECT_EQ(count_of(socket.received(), "HTTP/1.1 200 OK\r\n"), 50u);
  EXPECT_GT(socket.received().size(), 50 * kLargeSize);
}

TEST_F(HttpSessionTest, AnAnswerThatIsReadSlowlyIsNotCutWhetherTheConnectionPersistsOrCloses) {
  for (const std::string fields : {"", "Connection: close\r\n"}) {
    auto socket = world.connect_raw(server);
    socket.pause_reading();
    socket.send(get("/large", fields));
    int rounds = 0;
    for (; socket.received().size() < kLargeSize && rounds < 20; rounds++) {
      world.run_for(8s);  // below write_timeout
      socket.resume_reading();
      world.run_for(300us);
      socket.pause_reading();
    }
    EXPECT_GT(rounds * 8s, server.config().keep_alive_timeout + server.config().close_timeout);
    socket.resume_reading();
    world.run_for(1s);
    EXPECT_TRUE(socket.received().ends_with("xxx"));
    EXPECT_GT(socket.received().size(), kLargeSize);
    EXPECT_FALSE(socket.received_rst());
    EXPECT_EQ(socket.received_fin(), !fields.empty());
    socket.close();
  }
  world.run_for(20s);
  EXPECT_EQ(server.stats().sockets, 0u);
}

TEST_F(HttpSessionTest, APeerThatNeverReadsTheLastAnswerIsCutByTheWriteTimeout) {
  auto socket = world.connect_raw(server);
  socket.pause_reading();
  socket.send(get("/large", "Connection: close\r\n"));
  world.run_for(30s);
  EXPECT_EQ(server.stats().sockets, 0u);
  EXPECT_EQ(server.stats().refused_by("write_timeout"), 1u);
}

TEST_F(HttpSessionTest, AnIdleConnectionIsClosedWithoutAWordAndItsTimeBeginsWithTheAnswer) {
  auto socket = world.connect_raw(server);
  socket.send(get("/hello"));
  world.run_for(9s);
  socket.send(get("/hello"));
  world.run_for(9s);
  EXPECT_FALSE(socket.received_fin());
  world.run_for(2s);
  EXPECT_TRUE(socket.received_fin());
  EXPECT_EQ(count_of(socket.received(), "HTTP/1.1 "), 2u) << socket.received();
}

TEST_F(HttpSessionTest, H18_ABodyThatDripsAndALaterHeadThatDripsGet408) {
  for (const std::string& begin :
       {"POST /say HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n"s, get("/hello") + "GET /h"}) {
    auto socket = world.connect_raw(server);
    socket.send(begin);
    world.run_for(10ms);
    (void)socket.take_received();
    for (int i = 0; i < 11; i++) {
      socket.send("x");
      world.run_for(1s);
    }
    EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 408 ")) << socket.received();
    EXPECT_TRUE(has_line(socket.received(), "Connection: close"));
    EXPECT_TRUE(socket.received_fin());
    socket.close();
  }
}

TEST(HttpSession, AHandlerThatTakesLongerThanTheHandshakeTimeoutIs500) {
  Simulator world;
  Server late{world};
  late.get("/never", [](Request&) -> Task<Response> {
    (void)co_await sleep(1h);
    co_return Response::text("late");
  });
  ASSERT_TRUE(late.listen("127.0.0.1:0") && late.start());
  auto socket = world.connect_raw(late);
  socket.send(get("/never"));
  world.run_for(9s);
  EXPECT_EQ(socket.received(), "");
  world.run_for(2s);
  EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 500 ")) << socket.received();
  socket.close();
  world.run_for(20s);
  EXPECT_EQ(late.stats().sockets, 0u);
}

TEST(HttpSession, H20_WhateverAHandlerThrowsIs500ForItsConnectionAlone) {
  Simulator world;
  Server throws{world};
  throws.get("/error", [](Request&) -> Response { throw std::runtime_error("secret"); });
  throws.get("/int", [](Request&) -> Response { throw 7; });
  throws.get("/later", [](Request&) -> Task<Response> {
    (void)co_await sleep(1ms);
    throw std::runtime_error("secret");
  });
  throws.get("/empty", Server::Handler());
  ASSERT_TRUE(throws.listen("127.0.0.1:0") && throws.start());
  for (const char* path : {"/error", "/int", "/later", "/empty"}) {
    auto socket = world.connect_raw(throws);
    socket.send(get(path));
    world.run_for(1s);
    EXPECT_TRUE(socket.received().starts_with("HTTP/1.1 500 ")) << path << socket.received();
    EXPECT_EQ(socket.received().find("secret"), std::string::npos);
    EXPECT_TRUE(socket.received_fin());
    socket.close();
  }
  EXPECT_EQ(throws.stats().refused_by("handler_exception"), 4u);
}

TEST_F(HttpSessionTest, APeerThatEndsItsSendingDirectionStillGetsTheAnswer) {
  auto socket = world.connect_raw(server);
  socket.send(get("/slow"));
  socket.shutdown();
  world.run_for(3s);
  EXPECT_TRUE(socket.received().ends_with("slow")) << socket.received();
  EXPECT_TRUE(has_line(socket.received(), "Connection: close"));
  EXPECT_TRUE(socket.received_fin());
}

TEST_F(HttpSessionTest, AtStopAnIdleConnectionIsClosedAndARequestBeingServedIsAnsweredFirst) {
  auto idle = world.connect_raw(server);
  auto busy = world.connect_raw(server);
  idle.send(get("/hello"));
  busy.send(get("/slow") + get("/hello"));
  world.run_for(100ms);
  server.stop();
  world.run_for(100ms);
  EXPECT_TRUE(idle.received_fin());
  EXPECT_EQ(count_of(idle.received(), "HTTP/1.1 "), 1u);
  EXPECT_EQ(busy.received(), "");
  world.run_for(3s);
  EXPECT_TRUE(busy.received().ends_with("slow")) << busy.received();
  EXPECT_TRUE(has_line(busy.received(), "Connection: close"));
  EXPECT_TRUE(busy.received_fin());
  idle.close();
  busy.close();
  world.run_until([&] { return server.stopped(); });
  EXPECT_TRUE(server.stopped());
}

}  // namespace
}  // namespace brume

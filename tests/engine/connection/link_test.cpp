// A link whose peer has ended its sending direction: what its protocol still does, and by when.
#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

// Two requests and FIN: the second is set aside by the link, as the first one's handler takes long.
class HalfClosed : public testing::Test {
 protected:
  HalfClosed() {
    Config config;
    config.write_timeout = 1s;
    config.handshake_timeout = 5s;
    server.emplace(world, config);
    server->get("/slow", [this](Request&) -> Task<Response> {
      (void)co_await sleep(handler_takes);
      co_return Response::text("at last");
    });
    EXPECT_TRUE(server->listen("127.0.0.1:0"));
    EXPECT_TRUE(server->start());
    socket.emplace(world.connect_raw(*server));
    const std::string request = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";
    socket->send(request + request);
    socket->shutdown();
  }

  Simulator world;
  std::optional<Server> server;
  std::optional<SimulatedSocket> socket;
  io::Time handler_takes = 1h;
};

TEST_F(HalfClosed, TheProtocolsOwnTimesHoldAfterTheLinksTimeForWhatWasSetAside) {
  world.run_for(4s);
  EXPECT_EQ(socket->received(), "");
  world.run_for(2s);
  EXPECT_EQ(socket->received().substr(0, 12), "HTTP/1.1 500");
  world.run_for(10s);
  EXPECT_EQ(server->stats().sockets, 0U);
}

TEST_F(HalfClosed, AnAnswerThatComesAfterTheLinksTimeForWhatWasSetAsideStillGoesOut) {
  handler_takes = 3s;
  world.run_for(4s);
  EXPECT_EQ(socket->received().substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(socket->received().find("HTTP/1.1", 1), std::string::npos) << "what was set aside is gone by then";
  world.run_for(10s);
  EXPECT_EQ(server->stats().sockets, 0U);
}

}  // namespace
}  // namespace brume

// A turn that took long is explained: the warning names the route whose handlers took longest, wherever they ran.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/http/upgrader.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

class SlowTurn : public testing::Test {
 protected:
  void prepare(std::chrono::milliseconds limit, std::size_t cores = 1) {
    world.emplace(SimulatorOptions{.seed = 3, .cores = cores});
    Config config;
    config.slow_turn = limit;
    config.log = [this](LogLevel, std::string_view line) {
      if (line.starts_with("slow_turn")) lines.emplace_back(line);
    };
    server.emplace(*world, config);
  }
  void start() {
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    ASSERT_TRUE(server->start());
  }
  // A route whose connection works when it is asked to, by work().
  void add(const std::string& path) {
    server->get(path, websocket({.open = [this, path](Connection& c) { handles[path] = c.handle(); }}));
  }
  void open(const std::string& path) {
    (void)world->connect(*server, path);
    world->run_until_idle();
  }
  // What is asked for before the world goes on is done in one turn.
  void work(const std::string& path, io::Time time) {
    ASSERT_TRUE(handles[path].post([this, time](Connection&) { world->spend(time); }));
  }
  std::vector<std::string> take_lines() {
    world->run_for(2s);  // also past the bound on like lines of one second
    return std::exchange(lines, {});
  }

  std::optional<Simulator> world;
  std::vector<std::string> lines;
  std::map<std::string, ConnectionHandle> handles;
  std::optional<Server> server;
};

using Lines = std::vector<std::string>;

TEST_F(SlowTurn, TheWarningNamesWhoTookLongestNotWhoCameLast) {
  prepare(5ms);
  for (const char* path : {"/quick", "/slow", "/last"}) add(path);
  start();
  for (const char* path : {"/quick", "/slow", "/last"}) open(path);
  work("/quick", 1ms);
  work("/slow", 20ms);
  work("/last", 2ms);
  EXPECT_EQ(take_lines(), Lines{"slow_turn: 23 ms; longest: /slow, 20 ms"});
  EXPECT_EQ(server->stats().refused_by("slow_turn"), 1u);
}

TEST_F(SlowTurn, ManyQuickCallsOfOneRouteCountTogether) {
  prepare(5ms);
  for (const char* path : {"/busy", "/slow"}) add(path);
  start();
  for (const char* path : {"/busy", "/slow"}) open(path);
  work("/slow", 6ms);
  for (int i = 0; i < 10; i++) {
    work("/busy", 1ms);
    work("/slow", 100us);
  }
  EXPECT_EQ(take_lines(), Lines{"slow_turn: 17 ms; longest: /busy, 10 ms"});
}

TEST_F(SlowTurn, EveryWayAHandlerRunsCounts) {
  prepare(5ms, 2);
  Hub hub(*server);
  const auto spend = [this] { world->spend(20ms); };
  server->get("/opens", websocket({.open = [=](Connection&) { spend(); }}));
  server->get("/hears", websocket({.message = [=](Connection&, const Message&) { spend(); }}));
  server->get("/receives", websocket([=](Connection& c) -> Task<> {
                if (co_await c.receive()) spend();
              }));
  server->get("/sleeps", websocket([=](Connection&) -> Task<> {
                (void)co_await sleep(10ms);
                spend();
              }));
  server->get("/asks", websocket([&hub, spend](Connection&) -> Task<> {
                (void)co_await hub.connection_count();
                spend();
              }));
  server->get("/drains", websocket({.open =
                                        [](Connection& c) {
                                          for (int i = 0; i < 200; i++) (void)c.send_text("x");
                                        },
                                    .drained = [=](Connection&) { spend(); }}));
  server->get("/closes", websocket({.close = [=](Connection&, const CloseInfo&) { spend(); }}));
  server->get("/answers", [=](Request&) {
    spend();
    return Response::text("late");
  });
  server->get("/answers-late", [=](Request&) -> Task<Response> {
    (void)co_await sleep(10ms);
    spend();
    co_return Response::text("late");
  });
  start();
  for (const char* path :
       {"/opens", "/hears", "/receives", "/sleeps", "/asks", "/drains", "/closes", "/answers", "/answers-late"}) {
    SimulatedClient client = world->connect(*server, path);
    client.send_text("x");
    world->run_for(100ms);
    client.close();
    EXPECT_EQ(take_lines(), Lines{std::string("slow_turn: 20 ms; longest: ") + path + ", 20 ms"});
  }
  server.reset();
}

TEST_F(SlowTurn, ARouteThatIsGoneByTheTurnsEndIsNamedAllTheSame) {
  prepare(5ms);
  // Each of these connections has a route of its own, which goes with it.
  server->get("/rooms/:id", [this](Request& request) {
    return Upgrader().upgrade(request,
                              websocket({.close = [this](Connection&, const CloseInfo&) { world->spend(20ms); }}));
  });
  start();
  SimulatedClient client = world->connect(*server, "/rooms/7");
  world->run_until_idle();
  client.abort();
  EXPECT_EQ(take_lines(), Lines{"slow_turn: 20 ms; longest: /rooms/7, 20 ms"});
  EXPECT_EQ(server->stats().sockets, 0u);
}

TEST_F(SlowTurn, AQuickTurnIsNotWarnedOfNorAnyWhereTheLimitIsZero) {
  for (const auto limit : {5ms, 0ms}) {
    prepare(limit);
    add("/slow");
    start();
    open("/slow");
    work("/slow", limit == 0ms ? 100ms : 5ms);
    EXPECT_EQ(take_lines(), Lines{});
    EXPECT_EQ(server->stats().refused_by("slow_turn"), 0u);
    server.reset();
  }
}

}  // namespace
}  // namespace brume

// The life of a connection, ended in every way at every step, and meddled with by its own handler at every place.
// What storm_test.cpp leaves to chance is gone through here one by one.
#include <coroutine>
#include <cstdio>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/simulator.h>

namespace brume {
namespace {

using namespace std::chrono_literals;

// What handlers hold while they run: all of it has to go.
struct Alive {
  static inline int count = 0;
  Alive() { count++; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  ~Alive() { count--; }
};

// Waits for nobody: what a handler that uses another library's awaitable looks like to brume.
struct Foreign {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

Config config() {
  Config config;
  config.write_timeout = 1s;
  config.close_timeout = 500ms;
  config.read_timeout = 3s;
  config.ping_interval = 1s;
  return config;
}

// ---- ends at every step

Task<> tick(Connection& connection) {
  const Alive alive;
  for (int i = 0; i < 3; i++)
    if (!co_await sleep(2ms) || !connection.send_text("tick")) co_return;
}

// Does what can be done between two messages, so that the end may come in the middle of it.
Task<> work(Connection& connection) {
  const Alive alive;
  connection.spawn(tick(connection));
  (void)connection.handle().send_text("from the handle");
  while (auto message = co_await connection.receive()) {
    const KeptMessage kept = message->keep();
    if (kept.data().size() > 1000) (void)co_await sleep(1ms);
    for (int i = 0; i < 3; i++) (void)connection.send(kept.type(), kept.data());
    (void)co_await connection.drained();
  }
}

Task<Response> answer(Request& request) {
  const Alive alive;
  const std::string body(request.body_text());
  (void)co_await sleep(1ms);
  co_return Response::text(body);
}

enum class Ending { reset, fin, vanish, stop, stop_at_once };

class Life {
 public:
  explicit Life(std::uint64_t seed, const char* path)
      : world_({.seed = seed, .cores = 2, .faults = faults(seed)}), server_(world_, config()) {
    server_.get("/coroutine", websocket(work));
    server_.get("/callbacks", websocket({
                                  .open =
                                      [this](Connection& c) {
                                        opened_++;
                                        c.spawn(tick(c));
                                      },
                                  .message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); },
                                  .close = [this](Connection&, const CloseInfo&) { closed_++; },
                              }));
    server_.get("/echo", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    server_.post("/post", answer);
    EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    EXPECT_TRUE(server_.start());
    bystander_.emplace(world_.connect(server_, "/echo"));
    world_.run_for(5ms);
    if (std::string_view(path) == "/post") {
      socket_.emplace(world_.connect_raw(server_));
      socket_->send("POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
      socket_->send("0\r\n\r\nPOST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
      return;
    }
    client_.emplace(world_.connect(server_, path));
    client_->send_text("short");
    client_->send_binary(std::string(30'000, 'b'));
    client_->send_frame(codec::Opcode::text, std::string(500, 'f'), false);
    client_->send_ping("between");
    client_->send_frame(codec::Opcode::continuation, std::string(500, 'g'), true);
    client_->close(3000, "done");
  }

  // False where the life was over before that step.
  bool run_to(std::uint64_t step) {
    const io::Time end = world_.now() + 40ms;
    for (std::uint64_t i = 0; i < step; i++)
      if (!world_.step() || world_.now() > end) return false;
    return true;
  }
  void end(Ending ending) {
    switch (ending) {
      case Ending::reset:
        return client_ ? client_->abort() : socket_->abort();
      case Ending::fin:
        return client_ ? client_->shutdown() : socket_->shutdown();
      case Ending::vanish:
        return client_ ? client_->vanish() : socket_->vanish();
      case Ending::stop:
        return server_.stop(200ms, 50ms);
      case Ending::stop_at_once:
        return server_.stop(0ms);
    }
  }
  void expect_nothing_left(Ending ending) {
    const bool stopped = ending == Ending::stop || ending == Ending::stop_at_once;
    if (stopped) {
      server_.wait();
    } else {
      bystander_->send_text("unharmed");
      world_.run_for(20s);
      EXPECT_EQ(bystander_->last_text(), "unharmed");
    }
    EXPECT_EQ(server_.stats().sockets, stopped ? 0u : 1u);
    EXPECT_EQ(server_.stats().connections, stopped ? 0u : 1u);
    EXPECT_EQ(opened_, closed_);
    EXPECT_EQ(Alive::count, 0);
    EXPECT_TRUE(!client_ || !client_->violation());
  }

 private:
  // Everything comes in pieces and late for some seeds, at once for the first.
  static FaultRates faults(std::uint64_t seed) {
    FaultRates rates;
    if (seed != 1) rates = FaultRates::storm().without_losses().set(FaultKind::core_stall, 0);
    return rates;
  }

  Simulator world_;
  Server server_;
  std::optional<SimulatedClient> bystander_;
  std::optional<SimulatedClient> client_;
  std::optional<SimulatedSocket> socket_;
  int opened_ = 0;
  int closed_ = 0;
};

TEST(LifeCycle, AnyEndAtEveryStepLeavesNothingBehindAndNobodyElseHarmed) {
  std::uint64_t lives = 0;
  for (const Ending ending : {Ending::reset, Ending::fin, Ending::vanish, Ending::stop, Ending::stop_at_once}) {
    for (const char* path : {"/coroutine", "/callbacks", "/post"}) {
      for (const std::uint64_t seed : {1u, 2u, 3u}) {
        for (std::uint64_t step = 0; !testing::Test::HasFailure(); step++) {
          SCOPED_TRACE(std::string(path) + ", ending " + std::to_string(static_cast<int>(ending)) + ", seed " +
                       std::to_string(seed) + ", step " + std::to_string(step));
          Life life(seed, path);
          const bool reached = life.run_to(step);
          life.end(ending);
          life.expect_nothing_left(ending);
          lives++;
          if (!reached) break;
        }
      }
    }
  }
  std::printf("%llu lives\n", static_cast<unsigned long long>(lives));
  EXPECT_GT(lives, 1000u);
}

// ---- handlers that are destroyed where they stand

// Where a handler stands when it waits for what never comes.
constexpr const char* kPlaces[] = {"at once", "received", "slept", "drained", "nested", "spawned", "holding"};

Task<std::string> nested(Connection& connection) {
  const Alive alive;
  (void)co_await connection.receive();
  co_await Foreign{};
  co_return "never";
}

Task<> stand(Connection& connection, std::string place) {
  const Alive alive;
  const auto here = [&](const char* name) { return place == name; };
  if (here("at once")) co_await Foreign{};
  // Each of these has its awaiter in this frame when it goes on to the next.
  auto first = co_await connection.receive();
  if (here("received")) co_await Foreign{};
  (void)co_await sleep(1ms);
  if (here("slept")) co_await Foreign{};
  for (int i = 0; i < 200; i++) (void)connection.send_text(std::string(1000, 'd'));
  (void)co_await connection.drained();
  if (here("drained")) co_await Foreign{};
  if (here("nested")) (void)co_await nested(connection);
  connection.spawn([](Connection& c) -> Task<> {
    const Alive other;
    (void)co_await sleep(std::chrono::hours(1));  // ends with the connection, and then stands here
    (void)co_await c.drained();
    co_await Foreign{};
  }(connection));
  if (here("spawned")) co_return;
  std::vector<KeptMessage> kept;
  kept.push_back((co_await connection.receive())->keep());
  const std::stop_callback told(connection.stop_token(), [] {});
  connection.set_user_value("kept", std::make_shared<Alive>());
  co_await Foreign{};
}

int messages_taken(std::string_view place) {
  if (place == "at once") return 0;
  return place == "nested" || place == "holding" ? 2 : 1;
}

TEST(LifeCycle, AHandlerIsDestroyedWhereverItStandsHoweverItsConnectionEnds) {
  for (const char* place : kPlaces) {
    for (const char* ending : {"close", "reset", "vanish", "handle", "stop", "stop at once", "destructor"}) {
      SCOPED_TRACE(std::string(place) + ", " + ending);
      const std::string_view way = ending;
      Simulator world;
      ConnectionHandle handle;
      {
        Server server{world, config()};
        server.get("/", websocket([&](Connection& c) {
                     handle = c.handle();
                     return stand(c, place);
                   }));
        ASSERT_TRUE(server.listen("127.0.0.1:0"));
        ASSERT_TRUE(server.start());
        auto client = world.connect(server, "/");
        // One that nobody takes would hold up what comes behind it, Close included.
        for (int i = 0; i < messages_taken(place); i++) client.send_text("message");
        world.run_for(50ms);
        EXPECT_TRUE(Alive::count != 0 || std::string_view(place) == "spawned");
        if (way == "close") client.close(1000);
        if (way == "reset") client.abort();
        if (way == "vanish") client.vanish();
        if (way == "handle") (void)handle.close(4000);
        if (way == "stop") server.stop(200ms);
        if (way == "stop at once") server.stop(0ms);
        if (way != "destructor") world.run_for(20s);
        EXPECT_TRUE(way == "destructor" || server.stats().connections == 0);
      }
      EXPECT_EQ(Alive::count, 0);
    }
  }
}

// ---- callbacks that meddle

using Act = std::function<void(Server&, Connection&)>;
struct NamedAct {
  const char* name;
  Act act;
};

const std::vector<NamedAct>& acts() {
  static const std::vector<NamedAct> all{
      {"close", [](Server&, Connection& c) { (void)c.close(4000, "meddled"); }},
      {"close twice",
       [](Server&, Connection& c) {
         (void)c.close(4000);
         (void)c.close(4001);
       }},
      {"close by handle", [](Server&, Connection& c) { (void)c.handle().close(4000); }},
      {"throw", [](Server&, Connection&) { throw std::runtime_error("meddled"); }},
      {"throw no exception", [](Server&, Connection&) { throw 7; }},
      {"close and throw",
       [](Server&, Connection& c) {
         (void)c.close(4000);
         throw std::runtime_error("meddled");
       }},
      {"stop", [](Server& server, Connection&) { server.stop(1s); }},
      {"stop at once", [](Server& server, Connection&) { server.stop(0ms); }},
      {"stop and throw",
       [](Server& server, Connection&) {
         server.stop(0ms);
         throw std::runtime_error("meddled");
       }},
      {"pause", [](Server&, Connection& c) { c.pause_reading(); }},
      {"fill the outbox",
       [](Server&, Connection& c) {
         while (c.send_text(std::string(1000, 'o'))) {
         }
       }},
      {"spawn what throws",
       [](Server&, Connection& c) {
         c.spawn([]() -> Task<> {
           const Alive alive;
           (void)co_await sleep(1ms);
           throw std::runtime_error("meddled");
         }());
       }},
      {"spawn what closes",
       [](Server&, Connection& c) {
         c.spawn([](Connection& own) -> Task<> {
           const Alive alive;
           (void)own.close(4000);
           (void)co_await own.drained();
         }(c));
       }},
  };
  return all;
}

constexpr int kMostActs = 3;  // or one that fills its outbox whenever that has drained would never end

TEST(LifeCycle, CallbacksMayDoAnythingWhereverTheyAre) {
  for (const std::string where : {"open", "message", "close", "drained", "dropped", "posted"}) {
    for (const NamedAct& named : acts()) {
      for (const std::uint64_t seed : {1u, 2u}) {
        SCOPED_TRACE(where + ": " + named.name + ", seed " + std::to_string(seed));
        SimulatorOptions options{.seed = seed};
        if (seed != 1) options.faults = FaultRates::storm().without_losses();
        Simulator world(options);
        Server server{world, config()};
        int opened = 0;
        int closed = 0;
        int acted = 0;
        ConnectionHandle handle;
        const auto meddle = [&](Connection& c, std::string_view here) {
          if (here != where || acted == kMostActs) return;
          acted++;
          named.act(server, c);
        };
        server.get("/", websocket({.open =
                                       [&](Connection& c) {
                                         opened++;
                                         handle = c.handle();
                                         meddle(c, "open");
                                       },
                                   .message =
                                       [&](Connection& c, const Message& m) {
                                         if (m.text() == "fill")
                                           for (int i = 0; i < 256; i++) (void)c.send_text("x");
                                         meddle(c, "message");
                                       },
                                   .close =
                                       [&](Connection& c, const CloseInfo&) {
                                         closed++;
                                         meddle(c, "close");
                                       },
                                   .drained = [&](Connection& c) { meddle(c, "drained"); },
                                   .dropped = [&](Connection& c, std::uint64_t) { meddle(c, "dropped"); }}));
        server.get("/other",
                   websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
        ASSERT_TRUE(server.listen("127.0.0.1:0"));
        ASSERT_TRUE(server.start());
        auto other = world.connect(server, "/other");
        auto client = world.connect(server, "/");
        world.run_for(20ms);
        client.send_text("a");
        (void)handle.post([&](Connection& c) {
          for (int i = 0; i < 256; i++) (void)c.send_text("x");
        });
        (void)handle.send_text("for which there is no room");
        (void)handle.post([&](Connection& c) { meddle(c, "posted"); });
        world.run_for(20ms);
        client.send_text("fill");
        world.run_for(50ms);
        client.close(1000);
        if (std::string_view(named.name).find("stop") == std::string_view::npos) {
          other.send_text("unharmed");
          world.run_for(100ms);
          EXPECT_EQ(other.last_text(), "unharmed");
        }
        world.run_for(10s);
        EXPECT_GT(acted, 0);
        EXPECT_EQ(opened, 1);
        EXPECT_FALSE(client.violation());
        server.stop(0ms);
        server.wait();
        EXPECT_EQ(closed, 1);
        EXPECT_EQ(server.stats().sockets, 0u);
        EXPECT_EQ(Alive::count, 0);
      }
    }
  }
}

}  // namespace
}  // namespace brume

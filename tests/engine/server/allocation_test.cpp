// Row L7: memory runs out at any place of a server's work. One scenario goes through nearly everything a connection can
// do; it is run again and again, each time with the next allocation of the core failing, until none fails any more.
#include <csignal>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/tests/support/failing_memory.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::FailingMemory;
using test::Masked;
using test::MemoryWorld;

// Objects a handler made: all of them have to go, whatever happens to their connection.
struct Alive {
  static inline int count = 0;
  Alive() { count++; }
  Alive(const Alive&) = delete;
  Alive& operator=(const Alive&) = delete;
  ~Alive() { count--; }
};

struct Player {
  Alive alive;
  std::string name = "a name too long to lie in the string itself";
};

// Waits for nobody: what a handler that uses another library's awaitable looks like to brume.
struct Foreign {
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const noexcept {}
};

Task<> tick(Connection& connection) {
  const Alive alive;
  for (int i = 0; i < 3; i++) {
    if (!co_await sleep(5ms)) co_return;
    if (!connection.send_text("tick " + std::string(30, '.'))) co_return;
  }
}

Task<> linger() {
  const Alive alive;
  co_await Foreign{};
}

// Uses what there is: user values, stop token, handle, spawned tasks, kept messages, sleep, drained.
Task<> use_everything(Connection& connection, Player& player) {
  const Alive alive;
  connection.set_user_value("player", player.name);
  const std::stop_token token = connection.stop_token();
  const std::stop_callback stopped(token, [] {});
  connection.spawn(tick(connection));
  const ConnectionHandle handle = connection.handle();
  if (!handle.send_text("by the handle, and not a short text either")) throw std::bad_alloc();
  (void)handle.post([text = player.name](Connection& c) { (void)c.send_text(text); });
  std::vector<KeptMessage> kept;
  for (;;) {
    auto message = co_await connection.receive();
    if (!message) {
      player.name = message.error().reason;
      co_return;
    }
    const MessageType type = message->type;
    kept.push_back(message->keep());
    (void)co_await sleep(1ms);
    (void)co_await connection.drained();
    (void)connection.send(type, kept.back().data());
  }
}

Task<Response> answer_upload(Request& request) {
  const Alive alive;
  (void)co_await sleep(1ms);
  Response response = Response::json("{\"size\":" + std::to_string(request.body().size()) + "}" + std::string(40, ' '));
  response.header("X-Upload-Name", request.parameter("name"));
  response.header("X-Query", request.query("kind").value_or("none at all, which is long"));
  co_return response;
}

// One run of the scenario: a server, one connection that only looks on, and several that work.
class Run {
 public:
  // `lone`: no pool of the core has been used before, as nobody looks on.
  explicit Run(bool lone) : server_(world_, config()) {
    RouteConfig rich = config();
    rich.keep_request = true;
    rich.subprotocols = {"the-second-of-two-protocols", "the-first-of-two-protocols"};
    rich.message_rate = 10'000;
    server_.get("/rich/:room", websocket<Player>(rich, use_everything));
    RouteConfig pinged = config();
    pinged.ping_interval = 20ms;
    server_.get("/callbacks", websocket(pinged, Callbacks{
                                                    .open = [this](Connection&) { opened_++; },
                                                    .message =
                                                        [](Connection& c, const Message& m) {
                                                          (void)c.send(m.type, m.data);
                                                          if (m.text() == "bye") (void)c.close(4000, "as asked for");
                                                        },
                                                    .close = [this](Connection&, const CloseInfo&) { closed_++; },
                                                }));
    server_.get("/echo", websocket({.message = [](Connection& c, const Message& m) { (void)c.send(m.type, m.data); }}));
    server_.get("/throws", websocket({.message = [](Connection&, const Message&) {
                  throw std::runtime_error("a handler's reason, longer than what a string holds inside");
                }}));
    server_.get("/flood", websocket([](Connection& c) -> Task<> {
                  for (int i = 0; i < 40; i++) (void)c.send_text(std::string(9000, 'f'));
                  (void)co_await sleep(20ms);
                  while (auto message = co_await c.receive()) {
                    (void)c.send_text(message->text());
                    (void)co_await sleep(1ms);
                  }
                }));
    server_.get("/lingers", websocket([](Connection& c) -> Task<> {
                  c.spawn(linger());
                  co_await linger();
                }));
    server_.get("/private", [this](Request& request) -> Task<Response> {
      co_return upgrader_.upgrade(request, [](Connection& c) -> Task<> {
        (void)c.send_text("welcome");
        co_return;
      });
    });
    server_.post("/upload/:name", answer_upload);
    server_.get("/plain", [](Request&) { return Response::text("plain and simple, but not all that short"); });
    EXPECT_TRUE(server_.listen("[::1]:0"));
    EXPECT_TRUE(server_.start());
    if (!lone) bystander_.emplace(simulator_.connect(server_, "/echo", from(1)));
    simulator_.run_until_idle();
  }

  // Works with the memory that is armed; then looks, with memory, what came of it.
  void work() {
    ClientOptions options = from(2);
    options.subprotocols = {"the-first-of-two-protocols", "the-second-of-two-protocols"};
    options.headers = {{"X-Long", std::string(500, 'h')}};
    auto rich = simulator_.connect(server_, "/rich/blue?x=y", options);
    rich.send_text("short");
    rich.send_binary(std::string(40'000, 'b'));
    rich.send_frame(codec::Opcode::text, std::string(3000, 'f'), false);
    rich.send_frame(codec::Opcode::continuation, std::string(3000, 'g'), true);
    simulator_.run_for(100ms);
    // What the handlers had to say comes first, in either order, and then the three messages.
    judge("rich", rich, rich.messages().size() == 8);
    rich.close(3000, "a close reason of more than fifteen bytes");

    auto callbacks = simulator_.connect(server_, "/callbacks", from(3));
    callbacks.send_text("hello");
    simulator_.run_for(50ms);
    callbacks.send_bytes(std::string("\x02\x8c\0\0\0\0half", 10));
    simulator_.run_for(5ms);
    callbacks.send_bytes("the rest");
    callbacks.send_ping("between two fragments");
    callbacks.send_frame(codec::Opcode::continuation, "and the end");
    callbacks.send_text("bye");
    simulator_.run_for(50ms);
    judge("callbacks", callbacks, callbacks.close_code() == 4000);

    // Pinged in the same turn, so that not all of them find a block that another has given back.
    std::vector<SimulatedClient> silent;
    for (std::uint8_t i = 0; i < 3; i++) silent.push_back(simulator_.connect(server_, "/callbacks", from(10 + i)));
    simulator_.run_for(100ms);
    for (SimulatedClient& client : silent) {
      judge("silent", client, client.is_open() && client.pings().size() >= 3);
      client.close();
    }

    auto flooded = simulator_.connect(server_, "/flood", from(9));
    flooded.pause_reading();
    for (int i = 0; i < 12; i++) flooded.send_text(std::string(3000, 'p'));  // set aside while the handler sleeps
    simulator_.run_for(50ms);
    flooded.resume_reading();
    simulator_.run_for(100ms);
    judge("flooded", flooded, flooded.messages().size() == 40 + 12);
    flooded.abort();

    auto lingers = simulator_.connect(server_, "/lingers", from(4));
    simulator_.run_for(10ms);
    judge("lingers", lingers, lingers.is_open());
    lingers.close(1000);

    auto upgraded = simulator_.connect(server_, "/private", from(5));
    auto thrown = simulator_.connect(server_, "/throws", from(6));
    thrown.send_text("x");
    simulator_.run_for(50ms);
    judge("upgraded", upgraded, upgraded.last_text() == "welcome" && upgraded.close_code() == 1000);
    judge("thrown", thrown, thrown.close_code() == 1011);

    request("POST /upload/some%20name?kind=of HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "200");
    request("POST /upload/another HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", "200");
    request("GET /plain HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(300, 'x') + "\r\n\r\n", "200");
    request("GET /nowhere/at/all/there/is/such/a/long/path HTTP/1.1\r\nHost: a\r\n\r\n", "404");
    request("DELETE /plain HTTP/1.1\r\nHost: a\r\n\r\n", "405");

    simulator_.run_for(20s);
    expect_settled(rich);
    expect_settled(lingers);
  }

  // How many of the connections that worked did not get what they asked for.
  int fallen() const { return fallen_; }
  std::uint64_t counted() const { return server_.stats().refused_by("out_of_memory"); }

  void expect_service() {
    if (bystander_) bystander_->send_text("still here");
    // As many as the limits allow, of the addresses that were used before: nobody is counted who is gone.
    std::vector<SimulatedClient> fresh;
    for (std::size_t i = bystander_ ? 1 : 0; i < kMaxConnections; i++)
      fresh.push_back(simulator_.connect(server_, "/echo", from(static_cast<std::uint8_t>(2 + i / kMaxPerAddress))));
    for (SimulatedClient& client : fresh) client.send_text("let in");
    simulator_.run_for(1s);
    EXPECT_TRUE(!bystander_ || bystander_->last_text() == "still here");
    for (SimulatedClient& client : fresh) EXPECT_EQ(client.last_text(), "let in");
    for (SimulatedClient& client : fresh) client.close();
    simulator_.run_for(10s);
    EXPECT_EQ(server_.stats().sockets, bystander_ ? 1u : 0u);
    EXPECT_EQ(server_.stats().connections, bystander_ ? 1u : 0u);
    EXPECT_EQ(opened_, closed_);
  }

  void stop() {
    server_.stop(2s, 100ms);
    server_.wait();
    EXPECT_TRUE(!bystander_ || bystander_->is_over());
  }
  void expect_nothing_left() const {
    EXPECT_EQ(server_.stats().sockets, 0u);
    EXPECT_EQ(server_.stats().connections, 0u);
    EXPECT_EQ(Alive::count, 0);
  }

 private:
  static constexpr std::size_t kMaxConnections = 20;
  static constexpr std::size_t kMaxPerAddress = 2;

  static Config config() {
    Config config;
    config.ping_interval = 0ms;
    config.read_timeout = 0ms;
    config.max_connections = kMaxConnections;
    config.max_connections_per_address = kMaxPerAddress;
    config.log = [](LogLevel, std::string_view) {};
    return config;
  }
  // Addresses whose text is too long for a string to hold it inside.
  static ClientOptions from(std::uint8_t number) {
    ClientOptions options;
    io::Address address;
    address.family = io::Address::Family::v6;
    address.bytes = {0x20, 0x01, 0x0d, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, number};
    address.port = 50'000;
    options.from = address;
    return options;
  }

  void judge(const char* which, const SimulatedClient& client, bool as_wished) {
    EXPECT_FALSE(client.violation()) << which << ' ' << codec::info(*client.violation()).name;
    if (as_wished) return;
    fallen_++;
    expect_settled(client);
    const bool refused = client.close_code() == 1011 || client.status() == 503;
    EXPECT_TRUE(refused || (client.is_over() && client.close_code() % 1006 == 0))
        << which << ": status " << client.status() << ", code " << client.close_code() << ", "
        << client.messages().size() << " messages";
  }
  // Closed from either side: none is left to wait.
  static void expect_settled(const SimulatedClient& client) { EXPECT_FALSE(client.is_open()); }

  void request(const std::string& head, const char* status) {
    auto socket = simulator_.connect_raw(server_, from(8).from);
    socket.send(head);
    if (head.find("chunked") != std::string::npos) socket.send("bb8\r\n" + std::string(3000, 'c') + "\r\n0\r\n\r\n");
    if (head.find("5000") != std::string::npos) socket.send(std::string(5000, 'd'));
    simulator_.run_for(50ms);
    const std::string& answer = socket.received();
    if (!answer.starts_with(std::string("HTTP/1.1 ") + status)) {
      fallen_++;
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 503") ||
                  (answer.empty() && (socket.received_rst() || socket.received_fin())))
          << head.substr(0, 40) << ": " << answer;
    }
    socket.close();
  }

  Simulator simulator_{SimulatorOptions{}};
  MemoryWorld world_{simulator_};
  Upgrader upgrader_;
  Server server_;
  std::optional<SimulatedClient> bystander_;
  int fallen_ = 0;
  int opened_ = 0;
  int closed_ = 0;
};

// Said where the process dies, as nothing may escape a turn.
std::uint64_t under_test = 0;
void say_which(int) {
  std::fprintf(stderr, "died where allocation %llu fails\n", static_cast<unsigned long long>(under_test));
}

// Runs the scenario with `count` allocations failing from each number on. Returns how many there were in the last run.
std::uint64_t fail_each(std::uint64_t count, bool lone = false) {
  std::signal(SIGABRT, say_which);
  for (std::uint64_t first = 1;; first++) {
    under_test = first;
    SCOPED_TRACE("allocation " + std::to_string(first) + ", " + std::to_string(count) + " fail");
    Run run(lone);
    test::memory.arm(first, count);
    run.work();
    test::memory.disarm();
    const std::uint64_t failed_at_work = test::memory.failed();
    if (failed_at_work != count) {
      EXPECT_TRUE(failed_at_work != 0 || run.fallen() == 0);
    } else if (count == 1) {
      EXPECT_LE(run.fallen(), 1);
    }
    EXPECT_TRUE(run.fallen() == 0 || run.counted() != 0);
    run.expect_service();
    test::memory.go_on();
    run.stop();
    test::memory.disarm();
    run.expect_nothing_left();
    if (testing::Test::HasFailure()) return 0;
    if (test::memory.failed() == 0) return test::memory.asked();
  }
}

TEST(Allocation, L7_OneThatFailsAnywhereEndsOneConnectionAtMostAndTheServerGoesOn) {
  const std::uint64_t allocations = fail_each(1);
  std::printf("%llu allocations\n", static_cast<unsigned long long>(allocations));
  EXPECT_GT(allocations, 200u);
}

TEST(Allocation, L7_TwoInARowAreSurvivedAnywhere) {
  EXPECT_GT(fail_each(2), 200u);
}

TEST(Allocation, L7_ManyInARowAreSurvivedAnywhere) {
  EXPECT_GT(fail_each(20), 200u);
}

TEST(Allocation, L7_ACoresVeryFirstAllocationsMayFail) {
  EXPECT_GT(fail_each(1, true), 200u);
  EXPECT_GT(fail_each(FailingMemory::kNever, true), 200u);
}

TEST(Allocation, L7_NoMemoryAtAllFromAnyMomentOnIsSurvived) {
  EXPECT_GT(fail_each(FailingMemory::kNever), 200u);
}

}  // namespace
}  // namespace brume

// The life of connections under everything the simulated network can do: thousands of seeds, one to three cores, both
// handler styles. What is checked holds for every seed: one open and one close for each connection, messages come back
// in order or not at all, and in the end nothing is left.
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/server.h>
#include <brume/engine/sim/random.h>
#include <brume/engine/simulator.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume {
namespace {

using namespace std::chrono_literals;
using test::SeedLoop;

// What the handlers saw of each connection, by its id. All cores are turned by one thread.
struct Witness {
  struct Seen {
    int opened = 0;
    int closed = 0;
    bool reused = false;
  };
  std::map<const Connection*, Seen> now;
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  bool twice = false;

  void open(Connection& connection) {
    opened++;
    twice |= !now.emplace(&connection, Seen{}).second;
  }
  void close(Connection& connection) {
    closed++;
    twice |= now.erase(&connection) != 1;
  }
};

// Ends the witness's record whichever way the handler's frame goes.
class Presence {
 public:
  Presence(Witness& witness, Connection& connection) : witness_(witness), connection_(connection) {
    witness_.open(connection);
  }
  Presence(const Presence&) = delete;
  Presence& operator=(const Presence&) = delete;
  ~Presence() { witness_.close(connection_); }

 private:
  Witness& witness_;
  Connection& connection_;
};

Task<> tick(Connection& connection, int times) {
  for (int i = 0; i < times; i++) {
    if (!co_await sleep(std::chrono::milliseconds(3 + i))) co_return;
    if (!connection.send_text("tick")) co_return;
  }
}

// Obeys its messages: "e..." is echoed, the others are things a handler may do.
Task<> obey(Witness& witness, Connection& connection) {
  const Presence presence(witness, connection);
  while (auto message = co_await connection.receive()) {
    const std::string text(message->text());
    switch (text.empty() ? 'e' : text.front()) {
      case 's':
        (void)co_await sleep(2ms);
        break;
      case 'd':
        (void)co_await connection.drained();
        break;
      case 't':
        connection.spawn(tick(connection, 3));
        break;
      case 'c':
        (void)connection.close(4001, "asked for");
        break;
      case 'x':
        throw std::runtime_error("asked for");
      case 'r':
        co_return;
      case 'p':
        (void)connection.handle().post([](Connection& c) { (void)c.send_text("posted"); });
        break;
      default:
        if (!connection.send(message->type, as_bytes(text))) co_return;
    }
  }
}

Callbacks obey_by_callbacks(Witness& witness) {
  return {.open = [&witness](Connection& c) { witness.open(c); },
          .message =
              [](Connection& c, const Message& m) {
                switch (m.data.empty() ? 'e' : m.text().front()) {
                  case 't':
                    return c.spawn(tick(c, 3));
                  case 'c':
                    return void(c.close(4001, "asked for"));
                  case 'x':
                    throw std::runtime_error("asked for");
                  case 'p':
                    return void(c.handle().post([](Connection& d) { (void)d.send_text("posted"); }));
                  default:
                    (void)c.send(m.type, m.data);
                }
              },
          .close = [&witness](Connection& c, const CloseInfo&) { witness.close(c); }};
}

struct Talk {
  SimulatedClient client;
  std::vector<std::string> echoes;  // expected back, in order
};

void act(Talk& talk, sim::Random& random, int step) {
  SimulatedClient& client = talk.client;
  const std::uint32_t choice = random.below(40);
  if (choice < 24) {
    std::string text =
        "e" + std::to_string(step) + std::string(random.below(10) == 0 ? random.below(20'000) : random.below(40), 'z');
    client.send_text(text);
    talk.echoes.push_back(std::move(text));
  } else if (choice < 32) {
    client.send_text(std::string(1, "sdtp"[random.below(4)]));
  } else if (choice == 32) {
    client.send_text(std::string(1, "cxr"[random.below(3)]));
  } else if (choice == 33) {
    client.close(static_cast<std::uint16_t>(3000 + step), "done");
  } else if (choice == 34) {
    client.abort();
  } else if (choice == 35) {
    client.shutdown();
  } else if (choice == 36) {
    client.pause_reading();
  } else if (choice == 37) {
    client.resume_reading();
  } else if (choice == 38) {
    client.send_ping("ping");
  } else if (random.below(4) == 0) {
    client.vanish();
  }
}

// Whatever came back of the echoes is the front of what was sent.
void expect_in_order(const Talk& talk) {
  std::size_t next = 0;
  for (const ReceivedMessage& message : talk.client.messages()) {
    if (!message.data.starts_with('e')) continue;
    ASSERT_LT(next, talk.echoes.size());
    ASSERT_EQ(message.data, talk.echoes[next]);
    next++;
  }
}

TEST(Storm, EveryConnectionOpensAndClosesOnceAndLeavesNothing) {
  SeedLoop seeds(2000);
  std::uint64_t connections = 0;
  std::uint64_t messages = 0;
  std::map<std::string, std::uint64_t> pressed;
  while (seeds.next()) {
    Witness witness;
    SimulatorOptions options = seeds.options(FaultRates::storm(seeds.seed()));
    options.cores = 1 + seeds.seed() % 3;
    Simulator world(options);
    sim::Random random(seeds.seed() ^ 0x5707);
    Config config;
    config.control_rate = 0;
    config.read_timeout = 2s;
    config.ping_interval = 700ms;
    config.close_timeout = 500ms;
    config.write_timeout = 1s;
    config.max_connections = seeds.seed() % 5 == 0 ? 5 : 100;
    if (seeds.seed() % 7 == 0) config.memory_limit = 64 * 1024;
    Server server{world, config};
    if (seeds.seed() % 2 == 0) {
      server.get("/", websocket([&witness](Connection& c) { return obey(witness, c); }));
    } else {
      server.get("/", websocket(obey_by_callbacks(witness)));
    }
    ASSERT_TRUE(server.listen("127.0.0.1:0"));
    ASSERT_TRUE(server.start());

    std::vector<Talk> talks;
    const std::uint32_t clients = 1 + random.below(8);
    for (std::uint32_t i = 0; i < clients; i++) talks.push_back({world.connect(server, "/"), {}});
    const bool stop_early = random.below(10) == 0;
    for (int step = 0; step < 12; step++) {
      for (Talk& talk : talks) act(talk, random, step);
      if (stop_early && step == 6) server.stop(300ms, 100ms);
      world.run_for(std::chrono::milliseconds(random.below(60)));
    }
    for (const Talk& talk : talks) {
      expect_in_order(talk);
      EXPECT_FALSE(talk.client.violation()) << codec::info(*talk.client.violation()).name;
    }
    server.stop(1s, 200ms);
    server.wait();
    const ServerStats stats = server.stats();
    EXPECT_EQ(stats.sockets, 0u);
    EXPECT_EQ(stats.upgrades, witness.opened);
    EXPECT_FALSE(witness.twice);
    connections += witness.opened;
    world.run_for(2s);
    seeds.add(world.fault_counts());
    EXPECT_EQ(witness.opened, witness.closed);
    messages += stats.messages_received;
    for (const char* rule : {"memory_held_back", "memory_limit"}) pressed[rule] += stats.refused_by(rule);
  }
  std::printf("%llu connections, %llu messages received\n", static_cast<unsigned long long>(connections),
              static_cast<unsigned long long>(messages));
  for (const auto& [rule, count] : pressed) EXPECT_TRUE(count != 0 || seeds.seed() < 2000) << rule;
  EXPECT_GT(connections, seeds.seed());
  EXPECT_TRUE(seeds.struck_everything());
}

}  // namespace
}  // namespace brume

// broadcast_fixture.h: a simulated server whose connections a test lays tapes into, as a hub does.
//
// The route's connections are known by the order in which they came. What lays and settles runs in a turn of the core.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/session.h>
#include <brume/engine/server.h>
#include <brume/engine/simulator.h>
#include <brume/tests/engine/connection/tape_fixture.h>

namespace brume::connection::test {

using namespace std::chrono_literals;

inline SimulatorOptions small_windows() {
  SimulatorOptions options;
  options.window_size = 2000;
  return options;
}

// Four messages fill an outbox; no time-out comes into the way.
inline Config small_outboxes() {
  Config config;
  config.message_buffer_size = 4;
  config.max_message_size = 4000;
  config.max_buffered_size = 9000;
  config.write_timeout = std::chrono::hours(1);
  config.read_timeout = 0s;
  config.ping_interval = 0s;
  config.slow_turn = 0ms;
  config.control_rate = 0;
  return config;
}

class Broadcasts : public testing::Test {
 protected:
  explicit Broadcasts(const SimulatorOptions& options = small_windows(), const Config& config = small_outboxes())
      : world(options), server(world, config) {
    server.get("/",
               websocket({.open = [this](Connection& c) { members.push_back(&static_cast<Session&>(c)); },
                          .message = [this](Connection& c, const Message&) { on_message(c); },
                          .close = [this](Connection& c, const CloseInfo& info) { closes.emplace_back(c.id(), info); },
                          .dropped = [this](Connection& c, std::uint64_t count) { on_dropped(c, count); }}));
    EXPECT_TRUE(server.listen("127.0.0.1:0"));
    EXPECT_TRUE(server.start());
    connect();
    conductor = members.at(0)->handle();
    members.clear();
  }

  SimulatedClient connect() {
    auto client = world.connect(server, "/");
    EXPECT_TRUE(world.run_until([&] { return client.upgraded(); }));
    return client;
  }
  // The client stops reading, and the rest of a message that is begun is with the socket. Its length: 3000.
  void stall(SimulatedClient& client, std::size_t member) {
    client.pause_reading();
    ASSERT_TRUE(members[member]->send(MessageType::text, as_bytes(std::string(3000, 'f'))));
    world.run_for(10ms);
    ASSERT_GT(members[member]->buffered_size(), 0u);
  }
  // Runs `f(tape)` in a turn of the core, with a tape of that core.
  void in_turn(const std::function<void(Tape&)>& f) {
    bool done = false;
    ASSERT_TRUE(conductor.post([&](Connection&) {
      Tape tape(core::Reactor::current()->blocks());
      f(tape);
      done = true;
    }));
    ASSERT_TRUE(world.run_until([&] { return done; }));
  }
  // Lays a tape into members, and settles when all have it.
  void lay(Tape& tape, const std::vector<std::size_t>& to, std::uint32_t first = 0) {
    std::vector<std::pair<std::size_t, TapeOutcome>> outcomes;
    for (const std::size_t member : to) outcomes.emplace_back(member, members[member]->take_from(tape, first));
    for (const auto& [member, outcome] : outcomes) members[member]->settle_outcome(outcome);
  }
  // A turn that broadcasts those texts; returns how many took each.
  std::vector<std::uint32_t> broadcast(const std::vector<std::size_t>& to, const std::vector<std::string>& texts,
                                       const TapeMessage& message = {}) {
    std::vector<std::uint32_t> taken;
    in_turn([&](Tape& tape) {
      for (const std::string& text : texts) append(tape, frame(text, codec::Opcode::text), message);
      lay(tape, to);
      taken = counts(tape);
    });
    return taken;
  }
  static std::vector<std::uint32_t> counts(Tape& tape) {
    tape.sum_taken();
    std::vector<std::uint32_t> taken;
    for (const Tape::Entry& entry : tape.entries()) taken.push_back(entry.taken);
    return taken;
  }
  // What the client has got since it was last asked, once all is sent. A filler of stall() is "f".
  std::vector<std::string> received(SimulatedClient& client) {
    client.resume_reading();
    world.run_for(1s);
    std::vector<std::string> texts;
    for (const ReceivedMessage& each : client.take_messages()) {
      texts.push_back(each.data == std::string(3000, 'f') ? "f" : each.data);
    }
    return texts;
  }

  Simulator world;
  std::vector<Session*> members;
  std::vector<std::pair<std::uint64_t, CloseInfo>> closes;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> told;  // id and number of each call of `dropped`
  std::function<void(Connection&)> on_message = [](Connection&) {};
  std::function<void(Connection&, std::uint64_t)> on_dropped = [this](Connection& c, std::uint64_t count) {
    told.emplace_back(c.id(), count);
  };
  Server server;  // ends first
  ConnectionHandle conductor;
};

}  // namespace brume::connection::test

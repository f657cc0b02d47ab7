// Random broadcasts to clients that stall, on a network where everything goes wrong that loses nothing: each message is
// received or told as lost, once, and what is received is in order.
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/sim/random.h>
#include <brume/tests/engine/connection/broadcast_fixture.h>
#include <brume/tests/support/seeds.h>

namespace brume::connection {
namespace {

using namespace std::chrono_literals;
using test::append;
using test::frame;

constexpr std::size_t kMembers = 5;

SimulatorOptions storm(std::uint64_t seed) {
  SimulatorOptions options = test::small_windows();
  options.seed = seed;
  options.faults = FaultRates::storm(seed).without_losses();
  return options;
}

class BroadcastStorm : public test::Broadcasts, public testing::WithParamInterface<std::uint64_t> {
 protected:
  BroadcastStorm() : Broadcasts(storm(GetParam())), random(GetParam()) {}

  std::string next_text() {
    std::string text = std::to_string(serial++) + ' ';
    text.resize(text.size() + random.below(random.below(10) == 0 ? 3000 : 60), 'x');
    return text;
  }
  TapeMessage next_message() {
    TapeMessage message;
    constexpr SlowConsumerPolicy kPolicies[] = {SlowConsumerPolicy::drop_newest, SlowConsumerPolicy::drop_oldest,
                                                SlowConsumerPolicy::latest_only};
    message.policy = kPolicies[random.below(3)];
    if (message.policy == SlowConsumerPolicy::latest_only) message.key = 1 + random.below(3);
    if (random.below(4) == 0) message.except = members[random.below(kMembers)]->id();
    return message;
  }
  void send_own(std::size_t member) {
    if (!members[member]->send(MessageType::text, test::as_bytes(next_text()))) return;
    own++;
    meant[member]++;
  }
  void broadcast_some(Tape& tape) {
    for (std::uint32_t i = 1 + random.below(7); i != 0; i--)
      append(tape, frame(next_text(), codec::Opcode::text), next_message());
    std::vector<std::size_t> first(kMembers);
    for (std::size_t& each : first) each = random.below(4) == 0 ? random.below(tape.size() + 1) : 0;
    std::vector<TapeOutcome> outcomes;
    for (std::size_t i = 0; i < kMembers; i++) {
      outcomes.push_back(members[i]->take_from(tape, static_cast<std::uint32_t>(first[i])));
      for (const Tape::Entry& entry : tape.entries().subspan(first[i])) {
        if (entry.message.except != members[i]->id()) meant[i]++;
      }
    }
    for (std::size_t i = 0; i < kMembers; i++) members[i]->settle_outcome(outcomes[i]);
    for (const std::uint32_t count : counts(tape)) taken += count;
  }

  sim::Random random;
  std::uint64_t serial = 0;
  std::uint64_t own = 0;
  std::uint64_t taken = 0;  // by outboxes, from tapes
  std::vector<std::uint64_t> meant = std::vector<std::uint64_t>(kMembers);
};

INSTANTIATE_TEST_SUITE_P(Seeds, BroadcastStorm, testing::ValuesIn(brume::test::seeds(30)),
                         [](const auto& each) { return std::to_string(each.param); });

TEST_P(BroadcastStorm, EachMessageIsReceivedOrToldAsLostOnceAndInOrder) {
  std::vector<SimulatedClient> clients;
  for (std::size_t i = 0; i < kMembers; i++) clients.push_back(connect());
  ASSERT_EQ(members.size(), kMembers);
  for (int turn = 0; turn < 150; turn++) {
    SimulatedClient& client = clients[random.below(kMembers)];
    random.below(2) == 0 ? client.pause_reading() : client.resume_reading();
    if (random.below(5) == 0) client.send_ping("p");
    in_turn([&](Tape& tape) {
      if (random.below(2) == 0) send_own(random.below(kMembers));
      broadcast_some(tape);
    });
    world.run_for(std::chrono::microseconds(random.below(2000)));
  }
  std::uint64_t received = 0;
  for (std::size_t i = 0; i < kMembers; i++) {
    clients[i].resume_reading();
    ASSERT_TRUE(world.run_until([&] { return members[i]->buffered_size() == 0; }, 60min));
    world.run_for(10s);
    std::int64_t last = -1;
    for (const ReceivedMessage& message : clients[i].messages()) {
      std::int64_t number = -1;
      std::from_chars(message.data.data(), message.data.data() + message.data.size(), number);
      ASSERT_GT(number, last);
      last = number;
    }
    std::uint64_t lost = 0;
    for (const auto& [id, count] : told) lost += id == members[i]->id() ? count : 0;
    EXPECT_EQ(clients[i].messages().size() + lost, meant[i]) << "member " << i;
    EXPECT_EQ(members[i]->dropped_count(), lost);
    EXPECT_TRUE(clients[i].is_open());
    received += clients[i].messages().size();
  }
  const ServerStats stats = server.stats();
  EXPECT_EQ(taken + own, stats.messages_sent);
  EXPECT_EQ(taken + own, received + stats.refused_by("dropped_oldest") + stats.refused_by("dropped_replaced"));
  for (const char* kind : {"dropped_newest", "dropped_oldest", "dropped_replaced"})
    EXPECT_GT(stats.refused_by(kind), 0u) << "the walk has met no " << kind;
}

}  // namespace
}  // namespace brume::connection

// The hub's guarantees under everything the simulated network and cores can do: thousands of seeds on one, two, three
// and eight cores, judged by the plain model of tests/support/hub_history.h.
#include <array>
#include <cstdio>

#include <gtest/gtest.h>

#include <brume/tests/hub/hub_world.h>
#include <brume/tests/support/sim_seeds.h>

namespace brume {
namespace {

using test::HubHistory;
using test::HubWorld;
using test::HubWorldOptions;
using test::SeedLoop;

SimulatorOptions options_of(const SeedLoop& seeds, const FaultRates& faults) {
  constexpr std::array<std::size_t, 4> kCores{1, 2, 3, 8};
  SimulatorOptions options = seeds.options(faults);
  options.cores = kCores[seeds.seed() % kCores.size()];
  return options;
}

// What all seeds of a test came to.
struct Sum {
  std::uint64_t commands = 0;
  std::uint64_t answers = 0;
  std::uint64_t heard = 0;
  std::uint64_t judged = 0;
  std::uint64_t exact = 0;
  std::uint64_t overloaded = 0;
  std::uint64_t missed = 0;

  ~Sum() {
    std::printf("note: %llu commands, %llu answers, %llu messages heard; %llu of %llu verdicts exact\n",
                static_cast<unsigned long long>(commands), static_cast<unsigned long long>(answers),
                static_cast<unsigned long long>(heard), static_cast<unsigned long long>(exact),
                static_cast<unsigned long long>(judged));
  }
};

void run_seed(const SimulatorOptions& simulator, const HubWorldOptions& options, HubHistory::Rules rules, Sum& sum) {
  HubWorld world(simulator, options);
  world.run();
  EXPECT_EQ(world.server().stats().sockets, 0u);
  world.hub().reset();
  EXPECT_EQ(world.unanswered(), 0u) << "every call is answered at the latest when the hub goes";
  rules.replaces = options.hub.on_same_id == SameId::replace;
  rules.max_rooms = options.hub.max_rooms_per_connection;
  rules.max_members = options.hub.max_members_per_room;
  for (const std::string& complaint : world.history().judge(rules)) ADD_FAILURE() << complaint;
  if (testing::Test::HasFailure()) {
    for (std::size_t i = 0; i < world.history().commands.size(); i++)
      if (world.history().commands[i].from != 0) std::printf("%s\n", world.history().describe(i).c_str());
    for (const test::HubPerson& person : world.history().persons)
      std::printf("closing at %lld, gone at %lld..%lld\n", static_cast<long long>(person.closing),
                  static_cast<long long>(person.gone), static_cast<long long>(person.gone_for_good));
  }
  sum.judged += world.history().judged();
  sum.exact += world.history().exact();
  sum.overloaded += world.overloaded();
  sum.missed += world.history().missed();
  for (const test::HubCommand& command : world.history().commands) {
    sum.commands += command.from != 0;
    sum.answers += command.answered;
  }
  for (const test::HubPerson& person : world.history().persons) sum.heard += person.heard.size();
}

// Half of the hubs refuse an id that is taken, and some bound rooms and members.
HubConfig some_hub(std::uint64_t seed) {
  HubConfig config;
  if (seed / 4 % 3 == 1) config.on_same_id = SameId::reject;
  if (seed / 4 % 5 == 1) config.max_rooms_per_connection = 2;
  if (seed / 4 % 7 == 1) config.max_members_per_room = 3;
  return config;
}

TEST(HubModel, OneCallAtATimeIsAnsweredExactlyAsTheModelSays) {
  SeedLoop seeds(200);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 6, .steps = 10, .calm = true, .closes = seeds.seed() % 2 == 0};
    options.hub = some_hub(seeds.seed());
    run_seed(options_of(seeds, {}), options, {.calm = true}, sum);
  }
  EXPECT_GT(sum.exact * 100, sum.judged * 90);
}

TEST(HubModel, ConcurrentCallsKeepEveryGuarantee) {
  SeedLoop seeds(700);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 3 + static_cast<std::uint32_t>(seeds.seed() % 7)};
    options.closes = seeds.seed() % 3 == 0;
    options.hub = some_hub(seeds.seed());
    run_seed(options_of(seeds, FaultRates::storm(seeds.seed()).without_losses()), options, {}, sum);
  }
  EXPECT_GT(sum.answers, sum.commands / 2);
}

TEST(HubModel, ConnectionsThatAreCutLeaveNothingBehind) {
  SeedLoop seeds(600);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 3 + static_cast<std::uint32_t>(seeds.seed() % 7)};
    options.losses = options.closes = true;
    options.hub = some_hub(seeds.seed());
    const SimulatorOptions simulator = options_of(seeds, FaultRates::storm(seeds.seed()));
    // A reset takes with it what was sent before and not read yet.
    run_seed(simulator, options, {.nothing_is_lost = false, .counts_are_heard = false}, sum);
  }
}

TEST(HubModel, AFullOutboxIsNotCountedAndWhatItTookArrives) {
  SeedLoop seeds(300);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 3 + static_cast<std::uint32_t>(seeds.seed() % 5), .pauses = true};
    options.hub.on_same_id = SameId::reject;  // who is replaced while it does not read is cut in the end
    options.hub.policy = static_cast<SlowConsumerPolicy>(seeds.seed() / 4 % 3);
    options.server.message_buffer_size = 2 + static_cast<std::uint32_t>(seeds.seed() % 3);
    SimulatorOptions simulator = options_of(seeds, FaultRates::storm(seeds.seed()).without_losses());
    simulator.window_size = 16;
    HubHistory::Rules rules{.nothing_is_lost = false};
    rules.counts_are_heard = options.hub.policy == SlowConsumerPolicy::drop_newest;
    run_seed(simulator, options, rules, sum);
  }
  EXPECT_GT(sum.missed, 0u) << "outboxes were full";
}

TEST(HubModel, MailboxesThatRunOverKeepOrderAndRefuseBroadcasts) {
  SeedLoop seeds(100);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 4 + static_cast<std::uint32_t>(seeds.seed() % 4), .floods = true};
    options.hub.max_waiting_broadcasts = 1 + static_cast<std::uint32_t>(seeds.seed() % 50);
    // What has a place in the order at home but meets a full list there is lost, and not counted.
    SimulatorOptions simulator = options_of(seeds, FaultRates::storm(seeds.seed()).without_losses());
    if (simulator.cores == 8) simulator.cores = 4;
    run_seed(simulator, options, {.nothing_is_lost = false}, sum);
  }
  EXPECT_GT(sum.overloaded, 0u);
}

TEST(HubModel, AStopInTheMiddleOfItAllAnswersEveryCall) {
  SeedLoop seeds(300);
  Sum sum;
  while (seeds.next()) {
    HubWorldOptions options{.clients = 3 + static_cast<std::uint32_t>(seeds.seed() % 5)};
    options.stops = true;
    options.losses = seeds.seed() % 2 == 0;
    options.hub = some_hub(seeds.seed());
    const FaultRates faults =
        options.losses ? FaultRates::storm(seeds.seed()) : FaultRates::storm(seeds.seed()).without_losses();
    // The deadline cuts connections with what is in their outboxes.
    run_seed(options_of(seeds, faults), options, {.nothing_is_lost = false, .counts_are_heard = false}, sum);
  }
}

}  // namespace
}  // namespace brume

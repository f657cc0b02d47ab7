// The scheduler: what is turned when, when the clock moves, and what a run waits for.
#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/tests/sim/scripted_core.h>

namespace brume::test {
namespace {

using namespace std::chrono_literals;

// A core that fires every `period`.
auto ticker(io::Time period, std::vector<io::Time>& ticks) {
  return [period, &ticks](ScriptedCore& core) {
    const io::Time now = core.io().now();
    if (core.wake_at == ScriptedCore::kNever) {
      core.wake_at = now + period;
    } else if (now >= core.wake_at) {
      ticks.push_back(now);
      core.wake_at += period;
    }
  };
}

TEST(Simulator, TimersDoNotKeepARunFromBeingIdle) {
  Simulator world;
  std::vector<io::Time> ticks;
  ScriptedCore core(world, 0, ticker(1s, ticks));
  const io::Time start = world.now();
  world.run_until_idle();
  EXPECT_EQ(world.now(), start);
  EXPECT_TRUE(ticks.empty());
  EXPECT_GT(core.turns, 0u);
  end(world, core);
}

TEST(Simulator, RunForFiresEveryTimerAtItsTimeAndEndsExactlyThen) {
  Simulator world;
  std::vector<io::Time> ticks;
  ScriptedCore core(world, 0, ticker(30s, ticks));
  const io::Time start = world.now();
  world.run_for(100s);
  EXPECT_EQ(world.now(), start + 100s);
  EXPECT_EQ(ticks, (std::vector<io::Time>{start + 30s, start + 60s, start + 90s}));
  EXPECT_LT(core.turns, 20u) << "it sleeps in between";
  end(world, core);
}

TEST(Simulator, TimersFireWhoseTimeComesWhileSomethingElseIsPending) {
  SimulatorOptions options;
  options.min_latency = options.max_latency = 2ms;
  Simulator world{options};
  std::vector<io::Time> ticks;
  ScriptedCore core(world, 0, ticker(3ms, ticks));
  world.connect_raw(*io::Address::parse("127.0.0.1:1"));  // refused after two latencies
  world.run_until_idle();
  EXPECT_EQ(ticks.size(), 1u);
  end(world, core);
}

TEST(Simulator, AWakeTurnsASleepingCoreAlsoWhenItCameBeforeTheSleep) {
  Simulator world;
  ScriptedCore core(world, 0);
  core.io().wake();
  world.run_until_idle();
  const std::size_t turns = core.turns;
  core.io().wake();
  world.run_until_idle();
  EXPECT_GT(core.turns, turns);
  end(world, core);
}

TEST(Simulator, CoresWakeEachOther) {
  Simulator world{{.seed = 3, .cores = 2}};
  int left = 10;
  ScriptedCore* cores[2] = {};
  const auto pass_on = [&](ScriptedCore& core) {
    if (left == 0 || !cores[1]) return;
    --left;
    core.io().wake_peer(cores[&core == cores[0] ? 1 : 0]->io());
  };
  ScriptedCore a(world, 0, pass_on);
  ScriptedCore b(world, 1, pass_on);
  cores[0] = &a;
  cores[1] = &b;
  world.run_until_idle();
  EXPECT_EQ(left, 0);
  EXPECT_GT(a.turns, 1u);
  EXPECT_GT(b.turns, 1u);
  end(world, a, b);
}

TEST(Simulator, AWakeFromAForeignThreadIsNoticed) {
  Simulator world;
  ScriptedCore core(world, 0);
  world.run_until_idle();
  const std::size_t turns = core.turns;
  std::jthread([&] { core.io().wake(); }).join();
  world.run_until_idle();
  EXPECT_GT(core.turns, turns);
  end(world, core);
}

TEST(Simulator, ACoreThatLooksAgainWithoutWaitingSeesTimePass) {
  Simulator world;
  ScriptedCore core(world, 0, [](ScriptedCore& self) {
    const io::Time spin_until = self.io().now() + 50us;
    struct Nothing final : io::Events {
      void on_accepted(io::ListenerHandle, io::SocketId, const io::Address&) override {}
      void on_accept_failed(io::ListenerHandle, int) override {}
      void on_received(io::Token, std::span<std::byte>) override {}
      void on_receive_ended(io::Token, int) override {}
      void on_sent(io::Token, std::int32_t) override {}
    } nothing;
    while (self.io().now() < spin_until) self.io().poll(nothing, io::Time::zero());
    self.io().poll(nothing, io::Time{-1});
  });
  const io::Time start = world.now();
  world.run_until_idle();
  EXPECT_GE(world.now(), start + 50us);
  end(world, core);
}

TEST(Simulator, InvariantsAreCheckedAfterEachTurnUnlessTurnedOff) {
  for (const bool enabled : {true, false}) {
    Simulator world{{.check_invariants = enabled}};
    ScriptedCore core(world, 0);
    world.run_until_idle();
    EXPECT_EQ(core.checks, enabled ? core.turns : 0);
    end(world, core);
  }
}

TEST(Simulator, RunUntilStopsAtTheConditionOrAtItsLimit) {
  Simulator world;
  std::vector<io::Time> ticks;
  ScriptedCore core(world, 0, ticker(1s, ticks));
  EXPECT_TRUE(world.run_until([&] { return ticks.size() == 3; }, 1min));
  EXPECT_EQ(ticks.size(), 3u);
  const io::Time start = world.now();
  EXPECT_FALSE(world.run_until([] { return false; }, 1500ms));
  EXPECT_EQ(world.now(), start + 1500ms);
  end(world, core);
}

TEST(Simulator, TheWallClockGoesWithTheVirtualOne) {
  Simulator world;
  const auto before = world.wall_clock();
  world.run_for(90s);
  EXPECT_EQ(world.wall_clock() - before, 90s);
}

TEST(Simulator, EntropyFollowsFromTheSeed) {
  Simulator first{{.seed = 5}};
  Simulator same{{.seed = 5}};
  Simulator other{{.seed = 6}};
  const std::uint64_t drawn = first.random();
  EXPECT_EQ(same.random(), drawn);
  EXPECT_NE(other.random(), drawn);
  EXPECT_NE(first.random(), drawn);
}

TEST(Simulator, EveryFaultHasANameAndStormsDifferBySeed) {
  FaultCounts none;
  for (std::size_t i = 0; i < kFaultKindCount; ++i) {
    EXPECT_NE(none.to_string().find(to_string(static_cast<FaultKind>(i))), std::string::npos);
    // A server's storms know nothing of connects: whoever tests those sets their rates.
    const auto kind = static_cast<FaultKind>(i);
    const bool of_connects = kind == FaultKind::connect_refused || kind == FaultKind::connect_lost;
    EXPECT_EQ(FaultRates::storm().of(kind) == 0, of_connects) << to_string(kind);
    EXPECT_EQ(FaultRates{}.of(static_cast<FaultKind>(i)), 0u);
  }
  std::size_t differing = 0;
  for (std::size_t i = 0; i < kFaultKindCount; ++i) {
    const auto kind = static_cast<FaultKind>(i);
    differing += FaultRates::storm(1).of(kind) != FaultRates::storm(2).of(kind) ? 1 : 0;
  }
  EXPECT_GT(differing, 5u);
}

// A core that wakes itself in every turn.
void run_restless_core() {
  Simulator world{{.seed = 12, .max_steps = 1000}};
  ScriptedCore core(world, 0, [](ScriptedCore& self) { self.io().wake(); });
  world.run_until_idle();
}

TEST(SimulatorDeathTest, ACoreThatNeverComesToRestIsALivelock) {
  EXPECT_DEATH(run_restless_core(), "livelock: .*1001 steps.*seed 12");
}

TEST(SimulatorDeathTest, JoiningCoresThatNothingWakesIsADeadlock) {
  EXPECT_DEATH(
      {
        Simulator world;
        ScriptedCore core(world, 0);
        world.join();
      },
      "nothing will ever wake the cores");
}

TEST(SimulatorDeathTest, ATurnMayNotRunTheSimulation) {
  EXPECT_DEATH(
      {
        Simulator world;
        ScriptedCore core(world, 0, [](ScriptedCore& self) { self.world().run_for(1s); });
        world.run_until_idle();
      },
      "from inside a turn");
}

}  // namespace
}  // namespace brume::test

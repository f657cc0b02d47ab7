#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/reactor.h>
#include <brume/tests/engine/core/fake_io.h>

namespace brume::core {
namespace {

using namespace std::chrono_literals;
using test::FakeIo;
using test::NoEvents;

constexpr Time kForEver{-1};

class Noting final : public Participant {
 public:
  Noting(Reactor& reactor, std::vector<std::string>& n, std::string name = "")
      : notes(n), prefix(std::move(name)), reactor_(reactor) {
    reactor_.admit();
  }
  Noting(const Noting&) = delete;
  Noting& operator=(const Noting&) = delete;
  ~Noting() { reactor_.dismiss(); }
  void run_ready() override { step("ready"); }
  void settle() override { step("settle"); }
  void flush() override { step("flush"); }
  void reap() override { step("reap"); }
  void fire() override { step("timer"); }

  std::vector<std::string>& notes;
  std::string prefix;
  std::function<void(const std::string&)> then;

 private:
  void step(const std::string& name) {
    notes.push_back(prefix + name);
    if (then) then(name);
  }
  Reactor& reactor_;
};

class NotingAlarm final : public Alarm {
 public:
  explicit NotingAlarm(std::vector<std::string>& n) : notes(n) {}
  void fire() override { notes.emplace_back("timer"); }
  std::vector<std::string>& notes;
};

struct Core {
  explicit Core(const Reactor::Options& options = {}) : reactor(io, options, this) {}
  FakeIo io;
  NoEvents events;
  Reactor reactor;
  std::vector<std::string> notes;

  void turn(Time max_wait = kForEver) {
    reactor.turn(events, max_wait);
    reactor.check_invariants();
  }
  bool post(const char* text) {
    struct Call {
      const char* text;
    };
    return reactor.gate()
        .post(Envelope::make(
            [](void* host, std::byte* payload) noexcept {
              if (host) static_cast<Core*>(host)->notes.emplace_back(Envelope::read<Call>(payload).text);
            },
            Call{text}))
        .has_value();
  }
};

TEST(Reactor, TakesTheStepsOfATurnInOrder) {
  Core core;
  Noting participant(core.reactor, core.notes);
  NotingAlarm alarm(core.notes);
  core.reactor.arm(alarm, core.io.now() + 1ms);
  core.io.advance(5ms);
  core.io.on_poll = [&](io::Events&) {
    core.notes.emplace_back("completion");
    core.reactor.mark_reap(participant);
    core.reactor.mark_flush(participant);
    core.reactor.mark_settle(participant);
    core.reactor.mark_ready(participant);
    core.reactor.mark_ready(participant);
    core.reactor.mark_settle(participant);
    return std::size_t{1};
  };
  ASSERT_TRUE(core.post("envelope"));
  core.turn();
  EXPECT_EQ(core.notes,
            (std::vector<std::string>{"completion", "envelope", "timer", "ready", "settle", "flush", "reap"}));
}

TEST(Reactor, SleepsUntilTheNextTimer) {
  Core core;
  NotingAlarm alarm(core.notes);
  core.turn();
  EXPECT_EQ(core.io.waits.back(), kForEver);
  core.reactor.arm(alarm, core.io.now() + 20ms);
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 20ms);
  EXPECT_EQ(core.notes, (std::vector<std::string>{"timer"}));
}

TEST(Reactor, SleepsNoLongerThanItMay) {
  Core core;
  NotingAlarm alarm(core.notes);
  core.reactor.arm(alarm, core.io.now() + 20ms);
  core.turn(5ms);
  EXPECT_EQ(core.io.waits.back(), 5ms);
  core.turn(0ms);
  EXPECT_EQ(core.io.waits.back(), 0ms);
  EXPECT_TRUE(core.notes.empty());
  core.turn(50ms);
  EXPECT_EQ(core.io.waits.back(), 15ms);
}

TEST(Reactor, DoesNotSleepWhileThereIsWork) {
  Core core;
  Noting participant(core.reactor, core.notes);
  core.reactor.mark_ready(participant);
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 0ms) << "somebody is marked";
  ASSERT_TRUE(core.post("one"));
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 0ms) << "an envelope is there";
  core.turn();
  EXPECT_EQ(core.io.waits.back(), kForEver);
}

TEST(Reactor, IsWokenByWhatIsPostedWhileItIsAboutToSleep) {
  Core core;
  NotingAlarm alarm(core.notes);
  core.reactor.arm(alarm, core.io.now() + 1h);
  // In poll() the reactor has said that it sleeps.
  bool posted = false;
  core.io.on_poll = [&](io::Events&) {
    if (std::exchange(posted, true)) return std::size_t{0};
    EXPECT_TRUE(core.post("one"));
    EXPECT_TRUE(core.post("two"));
    return std::size_t{1};
  };
  core.turn();
  EXPECT_EQ(core.io.wakes, 1);
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one", "two"}));
}

TEST(Reactor, RunsSoManyEnvelopesATurnAndTheOthersInTheNext) {
  Core core({.busy_poll = 0ns, .mailbox_slots = 8, .envelopes_per_turn = 3, .memory_limit = 0});
  for (const char* text : {"1", "2", "3", "4", "5"}) ASSERT_TRUE(core.post(text));
  core.turn();
  EXPECT_EQ(core.notes.size(), 3U);
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 0ms);
  EXPECT_EQ(core.notes, (std::vector<std::string>{"1", "2", "3", "4", "5"}));
}

TEST(Reactor, LeavesWhatIsMarkedMeanwhileToTheNextTurn) {
  Core core;
  Noting one(core.reactor, core.notes, "one ");
  Noting two(core.reactor, core.notes, "two ");
  one.then = [&](const std::string& step) {
    if (step != "flush") return;
    core.reactor.mark_flush(two);
    core.reactor.mark_flush(one);
    core.reactor.mark_ready(two);
    one.then = nullptr;
  };
  core.reactor.mark_flush(one);
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one flush"}));
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one flush", "two ready", "two flush", "one flush"}));
}

TEST(Reactor, SettlesWhatTheTurnLeftBeforeItFlushes) {
  Core core;
  Noting one(core.reactor, core.notes, "one ");
  Noting two(core.reactor, core.notes, "two ");
  one.then = [&](const std::string& step) {
    if (step == "ready") core.reactor.mark_settle(two);
    if (step == "ready") core.reactor.mark_settle(one);
    if (step == "settle") core.reactor.mark_flush(one);
  };
  core.reactor.mark_ready(one);
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one ready", "two settle", "one settle", "one flush"}));
  core.turn();
  EXPECT_EQ(core.notes.size(), 4U) << "a mark is used up by its call";
}

TEST(Reactor, SettlesWhatIsMarkedWhileItSettlesOrFlushesInTheNextTurnWithoutSleeping) {
  Core core;
  Noting one(core.reactor, core.notes, "one ");
  Noting two(core.reactor, core.notes, "two ");
  int rounds = 0;
  one.then = [&](const std::string& step) {
    if (step == "settle" && rounds++ == 0) core.reactor.mark_settle(one);
    if (step == "settle") core.reactor.mark_flush(two);
  };
  two.then = [&](const std::string& step) {
    if (step == "flush" && rounds == 2) core.reactor.mark_settle(two);
  };
  core.reactor.mark_settle(one);
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one settle", "two flush"}));
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 0ms);
  EXPECT_EQ(core.notes, (std::vector<std::string>{"one settle", "two flush", "one settle", "two flush"}));
  core.turn();
  EXPECT_EQ(core.io.waits.back(), 0ms);
  EXPECT_EQ(core.notes.back(), "two settle");
  core.turn();
  EXPECT_EQ(core.io.waits.back(), kForEver);
}

TEST(Reactor, KnowsWhetherATurnWouldFindAnything) {
  Core core;
  Noting participant(core.reactor, core.notes);
  EXPECT_TRUE(core.reactor.idle());
  core.reactor.mark_settle(participant);
  EXPECT_FALSE(core.reactor.idle());
  core.turn();
  EXPECT_TRUE(core.reactor.idle());
  ASSERT_TRUE(core.post("one"));
  EXPECT_FALSE(core.reactor.idle());
  core.turn();
  EXPECT_TRUE(core.reactor.idle());
}

TEST(Reactor, IsCurrentInItsTurnAndWhereItIsEntered) {
  Core core;
  Core other;
  EXPECT_EQ(Reactor::current(), nullptr);
  Noting participant(core.reactor, core.notes);
  std::size_t seen = 0;
  participant.then = [&](const std::string&) {
    EXPECT_EQ(Reactor::current(), &core.reactor);
    seen++;
    const Reactor::Entered entered(other.reactor);
    EXPECT_EQ(Reactor::current(), &other.reactor);
  };
  core.io.on_poll = [&](io::Events&) {
    EXPECT_EQ(Reactor::current(), &core.reactor);
    seen++;
    return std::size_t{0};
  };
  core.reactor.mark_ready(participant);
  core.reactor.mark_settle(participant);
  core.reactor.mark_flush(participant);
  core.reactor.mark_reap(participant);
  core.turn();
  EXPECT_EQ(seen, 5U);
  EXPECT_EQ(Reactor::current(), nullptr);
  {
    const Reactor::Entered entered(core.reactor);
    EXPECT_EQ(Reactor::current(), &core.reactor);
    std::jthread([&] { EXPECT_EQ(Reactor::current(), nullptr) << "on this thread alone"; });
    other.turn();
    EXPECT_EQ(Reactor::current(), &core.reactor);
  }
  EXPECT_EQ(Reactor::current(), nullptr);
}

TEST(Reactor, EnteredItsFramePoolIsTheCurrentOne) {
  Core core;
  {
    const Reactor::Entered entered(core.reactor);
    void* frame = FramePool::allocate_from_current(100);
    EXPECT_EQ(core.reactor.frames().frames_in_use(), 1U);
    FramePool::deallocate(frame);
  }
  void* frame = FramePool::allocate_from_current(100);
  EXPECT_EQ(core.reactor.frames().frames_in_use(), 0U);
  FramePool::deallocate(frame);
}

TEST(Reactor, IsWokenBetweenTurnsWhereItSleepsThere) {
  Core core;
  core.io.sleeps_between = true;
  core.turn();
  EXPECT_EQ(core.io.wakes, 0) << "nothing to do";
  ASSERT_TRUE(core.post("one"));
  EXPECT_EQ(core.io.wakes, 1);
  ASSERT_TRUE(core.post("two"));
  EXPECT_EQ(core.io.wakes, 1) << "once";
  core.turn();
  EXPECT_EQ(core.notes.size(), 2U);
  EXPECT_EQ(core.io.wakes, 1);
  Noting participant(core.reactor, core.notes);
  participant.then = [&](const std::string& step) {
    if (step == "settle") core.reactor.mark_ready(participant);
    EXPECT_TRUE(step != "ready" || core.post("three"));
  };
  core.reactor.mark_settle(participant);
  core.turn();
  EXPECT_EQ(core.io.wakes, 2) << "a mark was left to the next turn";
  core.turn();
  EXPECT_GT(core.io.wakes, 2) << "an envelope was";
  const int wakes = core.io.wakes;
  core.turn();
  EXPECT_EQ(core.notes.back(), "three");
  EXPECT_EQ(core.io.wakes, wakes);
}

TEST(Reactor, ReapsOnlyWhatNoOtherMarkNames) {
  Core core;
  auto participant = std::make_unique<Noting>(core.reactor, core.notes);
  participant->then = [&](const std::string& step) {
    if (step == "flush" && core.notes.size() == 1) core.reactor.mark_ready(*participant);
    if (step == "reap") participant.reset();
  };
  core.reactor.mark_flush(*participant);
  core.reactor.mark_reap(*participant);
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"flush"})) << "still named by the ready list";
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"flush", "ready", "reap"}));
  EXPECT_EQ(participant, nullptr);
}

TEST(Reactor, ReapsNothingThatIsStillToBeSettled) {
  Core core;
  Noting participant(core.reactor, core.notes);
  participant.then = [&](const std::string& step) {
    if (step == "flush") core.reactor.mark_settle(participant);
  };
  core.reactor.mark_flush(participant);
  core.reactor.mark_reap(participant);
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"flush"}));
  core.turn();
  EXPECT_EQ(core.notes, (std::vector<std::string>{"flush", "settle", "reap"}));
}

TEST(Reactor, SpinsForAWhileAfterAnEventWhereItIsToPoll) {
  Core core({.busy_poll = 50us, .mailbox_slots = 8, .envelopes_per_turn = 8, .memory_limit = 0});
  core.io.on_poll = [](io::Events&) { return std::size_t{1}; };
  core.turn();
  core.io.on_poll = [&](io::Events&) {
    core.io.advance(20us);
    return std::size_t{0};
  };
  core.io.waits.clear();
  for (int i = 0; i < 4; i++) core.turn();
  EXPECT_EQ(core.io.waits, (std::vector<Time>{0ns, 0ns, 0ns, kForEver}));
}

TEST(Reactor, ReadsTheClockOnceATurn) {
  Core core;
  NotingAlarm alarm(core.notes);
  Noting participant(core.reactor, core.notes);
  std::vector<Time> seen;
  participant.then = [&](const std::string&) {
    seen.push_back(core.reactor.now());
    core.io.advance(3ms);
  };
  core.reactor.mark_ready(participant);
  core.reactor.mark_flush(participant);
  core.turn();
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(core.reactor.last_turn_length(), 6ms);
}

TEST(Reactor, ReleasesWhatNobodyRanWhenItGoes) {
  auto released = std::make_shared<int>(0);
  {
    Core core;
    const auto run = [](void* host, std::byte* payload) noexcept {
      EXPECT_EQ(host, nullptr);
      delete Envelope::read<std::shared_ptr<int>*>(payload);
    };
    ASSERT_TRUE(core.reactor.gate().post(Envelope::make(run, new std::shared_ptr<int>(released))));
    EXPECT_EQ(released.use_count(), 2);
  }
  EXPECT_EQ(released.use_count(), 1);
}

}  // namespace
}  // namespace brume::core

// What broadcasts do with connections: a tape's messages in the outboxes, and what each policy does where they are
// full.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/tests/engine/connection/broadcast_fixture.h>

namespace brume::connection {
namespace {

using namespace std::chrono_literals;
using test::append;
using test::Broadcasts;
using test::frame;
using Texts = std::vector<std::string>;
using Counts = std::vector<std::uint32_t>;
using Policy = SlowConsumerPolicy;

std::string text_frame(std::string_view text) {
  return frame(text, codec::Opcode::text);
}

TEST_F(Broadcasts, ReachAllMembersInOrderAndAreCounted) {
  auto ann = connect();
  auto bob = connect();
  EXPECT_EQ(broadcast({0, 1}, {"one", "two", "three"}), (Counts{2, 2, 2}));
  EXPECT_EQ(received(ann), (Texts{"one", "two", "three"}));
  EXPECT_EQ(received(bob), (Texts{"one", "two", "three"}));
  EXPECT_EQ(server.stats().messages_sent, 6u);
  EXPECT_TRUE(told.empty());
}

TEST_F(Broadcasts, StandInOrderWithWhatTheConnectionSendsItself) {
  auto ann = connect();
  in_turn([&](Tape& tape) {
    ASSERT_TRUE(members[0]->send(MessageType::text, test::as_bytes("own 1")));
    append(tape, text_frame("shared"));
    lay(tape, {0});
    ASSERT_TRUE(members[0]->send(MessageType::text, test::as_bytes("own 2")));
  });
  EXPECT_EQ(received(ann), (Texts{"own 1", "shared", "own 2"}));
}

TEST_F(Broadcasts, PassOverThoseTheyDoNotGoTo) {
  auto ann = connect();
  auto bob = connect();
  Counts taken;
  in_turn([&](Tape& tape) {
    append(tape, text_frame("for both"));
    append(tape, text_frame("from ann"), {.except = members[0]->id()});
    append(tape, text_frame("from bob"), {.except = members[1]->id()});
    append(tape, text_frame("from a stranger"), {.except = 12345});
    lay(tape, {0, 1});
    taken = counts(tape);
  });
  EXPECT_EQ(taken, (Counts{2, 1, 1, 2}));
  EXPECT_EQ(received(ann), (Texts{"for both", "from bob", "from a stranger"}));
  EXPECT_EQ(received(bob), (Texts{"for both", "from ann", "from a stranger"}));
}

TEST_F(Broadcasts, WhoCameLaterGetsWhatFollows) {
  auto ann = connect();
  auto bob = connect();
  auto cid = connect();
  Counts taken;
  in_turn([&](Tape& tape) {
    append(tape, text_frame("before bob"));
    append(tape, text_frame("after bob"));
    append(tape, text_frame("after bob, not ann's"), {.except = members[0]->id()});
    lay(tape, {0}, 0);
    lay(tape, {1}, 1);
    lay(tape, {2}, 3);
    taken = counts(tape);
  });
  EXPECT_EQ(taken, (Counts{1, 2, 1}));
  EXPECT_EQ(received(ann), (Texts{"before bob", "after bob"}));
  EXPECT_EQ(received(bob), (Texts{"after bob", "after bob, not ann's"}));
  EXPECT_EQ(received(cid), (Texts{})) << "who came after all of them";
}

TEST_F(Broadcasts, LongerThanAChunkArriveWhole) {
  auto ann = connect();
  Texts texts;
  for (int i = 0; i < 4; i++) texts.push_back(std::to_string(i) + std::string(1500, 'x'));
  EXPECT_EQ(broadcast({0}, texts), (Counts{1, 1, 1, 1}));
  EXPECT_EQ(received(ann), texts);
}

TEST_F(Broadcasts, AConnectionThatClosesOrHasEndedTakesNothing) {
  auto closing = connect();
  auto gone = connect();
  auto ended = connect();
  Counts taken;
  in_turn([&](Tape& tape) {
    ASSERT_TRUE(members[0]->close(4000, "bye"));
    members[2]->settle_outcome(TapeOutcome::out_of_memory);
    append(tape, text_frame("late"));
    lay(tape, {0, 2});
    taken = counts(tape);
  });
  EXPECT_EQ(taken, (Counts{0}));
  EXPECT_EQ(received(closing), (Texts{}));
  EXPECT_EQ(closing.close_code(), 4000);
  EXPECT_EQ(received(ended), (Texts{}));
  EXPECT_EQ(ended.close_code(), 1011);
  EXPECT_EQ(server.stats().refused_by("out_of_memory"), 1u);
  EXPECT_TRUE(gone.is_open());
}

// ---- policies

TEST_F(Broadcasts, DropNewestKeepsWhatIsQueuedAndTellsOnce) {
  auto slow = connect();
  auto quick = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0, 1}, {"1", "2", "3"}), (Counts{2, 2, 2}));
  EXPECT_EQ(broadcast({0, 1}, {"4", "5"}), (Counts{1, 1}));
  EXPECT_EQ(told, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{members[0]->id(), 2}}));
  EXPECT_EQ(members[0]->dropped_count(), 2u);
  EXPECT_EQ(members[1]->dropped_count(), 0u);
  EXPECT_EQ(broadcast({0, 1}, {"6"}), (Counts{1}));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1].second, 1u) << "those since the last call";
  EXPECT_EQ(members[0]->dropped_count(), 3u);
  EXPECT_EQ(server.stats().refused_by("dropped_newest"), 3u);
  EXPECT_EQ(received(slow), (Texts{"f", "1", "2", "3"}));
  EXPECT_EQ(received(quick), (Texts{"1", "2", "3", "4", "5", "6"}));
}

TEST_F(Broadcasts, ATapeThatFitsInPartIsTakenInPart) {
  auto slow = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0}, {"1", "2", "3", "4", "5"}), (Counts{1, 1, 1, 0, 0}));
  EXPECT_EQ(received(slow), (Texts{"f", "1", "2", "3"}));
}

TEST_F(Broadcasts, BytesFillAnOutboxToo) {
  auto slow = connect();
  stall(slow, 0);
  const std::string large(3900, 'L');
  EXPECT_EQ(broadcast({0}, {large, large, large, "small"}), (Counts{1, 1, 0, 1})) << "of 9000 bytes";
  EXPECT_EQ(received(slow), (Texts{"f", large, large, "small"}));
}

TEST_F(Broadcasts, DropOldestMakesRoomButFinishesWhatIsBegun) {
  auto slow = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0}, {"1", "2", "3", "4"}, {.policy = Policy::drop_oldest}), (Counts{1, 1, 1, 1}));
  EXPECT_EQ(broadcast({0}, {"5", "6"}, {.policy = Policy::drop_oldest}), (Counts{1, 1}));
  EXPECT_EQ(server.stats().refused_by("dropped_oldest"), 3u);
  EXPECT_EQ(members[0]->dropped_count(), 3u);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].second, 1u);
  EXPECT_EQ(told[1].second, 2u);
  EXPECT_EQ(received(slow), (Texts{"f", "4", "5", "6"}));
}

TEST_F(Broadcasts, DropOldestLeavesPongsAndTakesOwnMessages) {
  auto slow = connect();
  stall(slow, 0);
  slow.send_ping("still there?");
  world.run_for(1ms);
  ASSERT_TRUE(members[0]->send(MessageType::text, test::as_bytes("own")));
  slow.send_ping("and now?");
  world.run_for(1ms);
  EXPECT_EQ(broadcast({0}, {"1", "2", "3"}, {.policy = Policy::drop_oldest}), (Counts{1, 1, 1}));
  EXPECT_EQ(received(slow), (Texts{"f", "1", "2", "3"}));
  EXPECT_EQ(slow.pongs(), (Texts{"still there?", "and now?"}));
}

TEST_F(Broadcasts, DropOldestDropsNothingInVain) {
  auto slow = connect();
  stall(slow, 0);
  const std::string large(3999, 'L');
  ASSERT_EQ(broadcast({0}, {large}), (Counts{1}));
  slow.resume_reading();  // a part of all that waits goes to the socket
  world.run_until([&] { return members[0]->buffered_size() < 4200; });
  slow.pause_reading();
  world.run_for(10ms);
  ASSERT_EQ(broadcast({0}, {"small"}), (Counts{1}));
  EXPECT_EQ(broadcast({0}, {std::string(8995, 'X')}, {.policy = Policy::drop_oldest}), (Counts{0}));
  EXPECT_EQ(server.stats().refused_by("dropped_oldest"), 0u);
  EXPECT_EQ(server.stats().refused_by("dropped_newest"), 1u);
  EXPECT_EQ(received(slow), (Texts{"f", large, "small"}));
}

TEST_F(Broadcasts, LatestOnlySendsEverythingWhileTheSocketTakesIt) {
  auto quick = connect();
  EXPECT_EQ(broadcast({0}, {"1", "2", "3"}, {.policy = Policy::latest_only, .key = 1}), (Counts{1, 1, 1}));
  EXPECT_EQ(received(quick), (Texts{"1", "2", "3"}));
  EXPECT_EQ(server.stats().refused_by("dropped_replaced"), 0u);
}

TEST_F(Broadcasts, LatestOnlyReplacesByKeyOnceTheSocketTakesNothing) {
  auto slow = connect();
  stall(slow, 0);
  in_turn([&](Tape& tape) {
    append(tape, text_frame("a1"), {.policy = Policy::latest_only, .key = 1});
    append(tape, text_frame("b1"), {.policy = Policy::latest_only, .key = 2});
    append(tape, text_frame("a2"), {.policy = Policy::latest_only, .key = 1});
    lay(tape, {0});
    EXPECT_EQ(counts(tape), (Counts{1, 1, 1}));
  });
  EXPECT_EQ(broadcast({0}, {"plain"}), (Counts{1}));
  EXPECT_EQ(broadcast({0}, {"a3"}, {.policy = Policy::latest_only, .key = 1}), (Counts{1}));
  EXPECT_EQ(server.stats().refused_by("dropped_replaced"), 2u);
  EXPECT_EQ(members[0]->dropped_count(), 2u);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].second, 1u);
  EXPECT_EQ(told[1].second, 1u);
  EXPECT_EQ(received(slow), (Texts{"f", "b1", "plain", "a3"}));
}

TEST_F(Broadcasts, LatestOnlyDeliversTheLatestOfABurstThatNoOutboxHolds) {
  auto quick = connect();
  Texts values;
  for (int i = 0; i < 23; i++) values.push_back(std::to_string(i));
  EXPECT_EQ(broadcast({0}, values, {.policy = Policy::latest_only, .key = 1}), Counts(23, 1));
  const Texts got = received(quick);
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(got.back(), "22");
  EXPECT_EQ(got.size() + server.stats().refused_by("dropped_replaced"), 23u);
  EXPECT_EQ(server.stats().refused_by("dropped_newest"), 0u);
}

TEST_F(Broadcasts, LatestOnlyWithoutAKeyReplacesNothing) {
  auto slow = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0}, {"1"}), (Counts{1}));
  EXPECT_EQ(broadcast({0}, {"2", "3", "4"}, {.policy = Policy::latest_only}), (Counts{1, 1, 0}));
  EXPECT_EQ(received(slow), (Texts{"f", "1", "2", "3"}));
}

TEST_F(Broadcasts, DisconnectCloses1013AndDropsWhatIsNotBegun) {
  auto slow = connect();
  auto quick = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0, 1}, {"1", "2", "3", "4", "5"}, {.policy = Policy::disconnect}), (Counts{2, 2, 2, 1, 0}))
      << "the quick one's outbox is four messages as well";
  EXPECT_EQ(server.stats().refused_by("slow_consumer"), 2u);
  EXPECT_EQ(received(slow), (Texts{"f"}));
  EXPECT_EQ(slow.close_code(), 1013);
  EXPECT_EQ(slow.close_reason(), "slow consumer");
  EXPECT_EQ(quick.close_code(), 1013);
  ASSERT_EQ(closes.size(), 2u);
  EXPECT_EQ(closes[0].second.code, 1013);
  EXPECT_EQ(closes[0].second.cause, CloseCause::limit);
  EXPECT_TRUE(told.empty());
  world.run_for(10s);
  EXPECT_EQ(server.stats().connections, 1u) << "the conductor";
}

TEST_F(Broadcasts, TellOfLossesBeforeTheyDisconnect) {
  auto slow = connect();
  stall(slow, 0);
  in_turn([&](Tape& tape) {
    for (int i = 0; i < 5; i++) append(tape, text_frame("x"));
    append(tape, text_frame("y"), {.policy = Policy::disconnect});
    lay(tape, {0});
  });
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].second, 2u);
  EXPECT_EQ(received(slow), (Texts{"f"}));
  EXPECT_EQ(slow.close_code(), 1013);
}

// ---- what the application does when it hears of it

TEST_F(Broadcasts, AnOutcomeOfAConnectionThatWasClosedSinceIsNothing) {
  auto first = connect();
  auto second = connect();
  stall(first, 0);
  stall(second, 1);
  on_dropped = [&](Connection&, std::uint64_t) { ASSERT_TRUE(members[1]->close(4001, "by the other")); };
  in_turn([&](Tape& tape) {
    Tape other(core::Reactor::current()->blocks());
    for (int i = 0; i < 4; i++) append(tape, text_frame("x"));
    for (int i = 0; i < 4; i++) append(other, text_frame("y"), {.policy = Policy::disconnect});
    const TapeOutcome dropped = members[0]->take_from(tape, 0);
    const TapeOutcome disconnect = members[1]->take_from(other, 0);
    EXPECT_EQ(dropped, TapeOutcome::dropped);
    EXPECT_EQ(disconnect, TapeOutcome::disconnect);
    members[0]->settle_outcome(dropped);
    members[1]->settle_outcome(disconnect);
  });
  EXPECT_EQ(received(second), (Texts{"f", "y", "y", "y"})) << "a close of its own, after what was queued";
  EXPECT_EQ(second.close_code(), 4001);
  EXPECT_EQ(server.stats().refused_by("slow_consumer"), 0u);
  world.run_for(10s);
  ASSERT_EQ(closes.size(), 1u);
  EXPECT_TRUE(closes[0].second.clean);
}

TEST_F(Broadcasts, WhatTheCallbackThrowsEndsItsConnectionAlone) {
  auto slow = connect();
  auto other = connect();
  stall(slow, 0);
  on_dropped = [](Connection&, std::uint64_t) { throw std::runtime_error("no"); };
  EXPECT_EQ(broadcast({0, 1}, {"1", "2", "3", "4"}), (Counts{2, 2, 2, 1}));
  EXPECT_EQ(received(slow), (Texts{"f"}));
  EXPECT_EQ(slow.close_code(), 1011);
  EXPECT_EQ(received(other), (Texts{"1", "2", "3", "4"}));
  EXPECT_TRUE(other.is_open());
}

TEST_F(Broadcasts, ATellingThatIsOverdueIsNotMadeAfterTheEnd) {
  auto slow = connect();
  stall(slow, 0);
  in_turn([&](Tape& tape) {
    for (int i = 0; i < 4; i++) append(tape, text_frame("x"));
    const TapeOutcome outcome = members[0]->take_from(tape, 0);
    members[0]->settle_outcome(TapeOutcome::out_of_memory);
    ASSERT_EQ(closes.size(), 1u);
    members[0]->settle_outcome(outcome);
  });
  EXPECT_TRUE(told.empty());
}

TEST_F(Broadcasts, AHandleWhoseMessageFindsNoRoomTellsThatToo) {
  auto slow = connect();
  stall(slow, 0);
  const ConnectionHandle handle = members[0]->handle();
  for (int i = 0; i < 5; i++) ASSERT_TRUE(handle.send_text("x"));
  world.run_for(1ms);
  EXPECT_EQ(members[0]->dropped_count(), 2u);
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].second, 1u);
}

// ---- control frames

class LongQueues : public Broadcasts {
 protected:
  LongQueues() : Broadcasts(test::small_windows(), long_queues()) {}
  static Config long_queues() {
    Config config = test::small_outboxes();
    config.message_buffer_size = 256;
    return config;
  }
};

TEST_F(LongQueues, PingsAreAnsweredHoweverLongTheOutboxIsNeverEmpty) {
  auto busy = connect();
  Session& member = *members[0];
  ASSERT_TRUE(member.send(MessageType::text, test::as_bytes(std::string(3000, 'f'))));
  std::size_t pings = 0;
  const auto keep_busy = [&] {
    while (member.buffered_size() < 4000) {
      EXPECT_NE(member.buffered_size(), 0u);
      if (!member.send(MessageType::text, test::as_bytes(std::string(1000, 'x')))) break;
    }
    if (busy.pongs().size() == pings) busy.send_ping(std::to_string(++pings));
    return busy.pongs().size() == 100;
  };
  EXPECT_TRUE(world.run_until(keep_busy, 60s)) << busy.pongs().size() << " pongs";
  EXPECT_EQ(busy.pongs().back(), "100");
}

TEST_F(Broadcasts, ACloseGoesBehindWhatIsQueuedHoweverFullTheOutboxIs) {
  auto slow = connect();
  stall(slow, 0);
  EXPECT_EQ(broadcast({0}, {"1", "2", "3", "4"}), (Counts{1, 1, 1, 0}));
  ASSERT_TRUE(members[0]->close(4000, "enough"));
  EXPECT_EQ(received(slow), (Texts{"f", "1", "2", "3"}));
  EXPECT_EQ(slow.close_code(), 4000);
}

}  // namespace
}  // namespace brume::connection

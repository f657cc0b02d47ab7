#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <brume/engine/connection/outbox.h>
#include <brume/engine/connection/tape.h>
#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/frame_pool.h>
#include <brume/tests/engine/connection/tape_fixture.h>

namespace brume::connection {
namespace {

using test::append;
using test::frame;
using test::gathered;
using test::segment_count;
using Content = Outbox::Content;

class Outboxes : public testing::Test {
 protected:
  ~Outboxes() override {
    outbox.clear();
    tape.clear();
    EXPECT_EQ(blocks.held(), 0u);
    EXPECT_EQ(frames.frames_in_use(), 0u);
  }

  void message(std::string_view payload) { append(outbox, frame(payload), Content::message); }
  void control(std::string_view payload) { append(outbox, frame(payload, codec::Opcode::pong), Content::control); }
  // A message at the end of the tape, laid into the outbox by itself.
  void shared(std::string_view payload, std::uint64_t key = 0) {
    append(tape, frame(payload));
    lay_last(key);
  }
  void lay_last(std::uint64_t key = 0) {
    const Tape::Entry& entry = tape.entries().back();
    outbox.append_shared({tape.chunks()[entry.chunk], entry.begin, entry.end, 1, key}, frames);
    outbox.check_invariants();
  }
  bool drop_oldest(std::size_t in_flight = 0) {
    const bool dropped = outbox.drop_oldest(in_flight, frames);
    outbox.check_invariants();
    return dropped;
  }
  void consume(std::size_t size) {
    outbox.consume(size);
    outbox.check_invariants();
  }
  void drop_unbegun(std::size_t in_flight) {
    outbox.drop_unbegun(in_flight);
    outbox.check_invariants();
  }

  core::BlockPool blocks;
  core::FramePool frames;
  Tape tape{blocks};
  test::PooledOutbox outbox{blocks};
};

TEST_F(Outboxes, HoldNoMemoryWhileEmptyAndAreOnePointer) {
  EXPECT_EQ(sizeof(Outbox), sizeof(void*));
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(segment_count(outbox), 0u);
  message("a");
  EXPECT_FALSE(outbox.empty());
  consume(outbox.size());
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.messages(), 0u);
  EXPECT_EQ(blocks.held(), 0u);
}

TEST_F(Outboxes, GiveOwnBytesAndSharedRangesInTheOrderTheyCame) {
  append(outbox, "HTTP/1.1 101\r\n\r\n", Content::raw);
  message("one");
  shared("two");
  control("three");
  shared("four");
  message("five");
  const std::string all = "HTTP/1.1 101\r\n\r\n" + frame("one") + frame("two") + frame("three", codec::Opcode::pong) +
                          frame("four") + frame("five");
  EXPECT_EQ(gathered(outbox), all);
  EXPECT_EQ(outbox.size(), all.size());
  EXPECT_EQ(outbox.messages(), 4u);
  EXPECT_EQ(outbox.controls(), 1u);
  EXPECT_EQ(segment_count(outbox), 5u);
  EXPECT_EQ(gathered(outbox, 2), all.substr(0, all.find(frame("three", codec::Opcode::pong))));
}

TEST_F(Outboxes, SendBytesInPartsOfAnySize) {
  for (std::size_t part = 1; part < 40; part++) {
    message("first of its own");
    shared("shared with others");
    message("last");
    std::string sent;
    const std::string all = gathered(outbox);
    while (!outbox.empty()) {
      const std::size_t now = std::min(part, outbox.size());
      sent += gathered(outbox).substr(0, now);
      consume(now);
    }
    EXPECT_EQ(sent, all);
  }
}

TEST_F(Outboxes, ARangeThatFollowsTheLastOneOfItsChunkBecomesPartOfIt) {
  for (int i = 0; i < 10; i++) shared("x");
  EXPECT_EQ(segment_count(outbox), 1u);
  EXPECT_EQ(outbox.messages(), 10u);
  EXPECT_EQ(frames.frames_in_use(), 1u);
  append(tape, frame("of somebody else"));
  shared("y");
  EXPECT_EQ(segment_count(outbox), 2u) << "a message between them is not this outbox's";
  shared("z", 77);
  EXPECT_EQ(segment_count(outbox), 3u) << "what has a key stays by itself";
  shared("z");
  EXPECT_EQ(segment_count(outbox), 4u);
}

TEST_F(Outboxes, ARangeIsAddedToOneThatIsBeingSent) {
  shared("being sent");
  const std::size_t in_flight = outbox.size() - 3;
  consume(3);
  shared("behind it");
  EXPECT_EQ(gathered(outbox).substr(in_flight), frame("behind it"));
  consume(in_flight);
  EXPECT_EQ(gathered(outbox), frame("behind it"));
}

TEST_F(Outboxes, KeepAChunkWhoseTapeHasGone) {
  {
    Tape brief(blocks);
    append(brief, frame("outlives its tape"));
    append(brief, frame("as well"));
    outbox.append_shared({brief.chunks()[0], 0, brief.chunks()[0]->size, 2}, frames);
  }
  EXPECT_EQ(gathered(outbox), frame("outlives its tape") + frame("as well"));
  EXPECT_GT(blocks.held(), 0u);
  consume(outbox.size());
  EXPECT_EQ(blocks.held(), 0u);
}

TEST_F(Outboxes, AnAppendWithoutMemoryChangesNothing) {
  message("a");
  const std::string before = gathered(outbox);
  EXPECT_THROW((void)outbox.append(outbox.pool, core::BlockPool::kMaxSize, Content::message, 256), std::bad_alloc);
  outbox.check_invariants();
  EXPECT_EQ(gathered(outbox), before);
  EXPECT_EQ(outbox.messages(), 1u);
}

// ---- the oldest

TEST_F(Outboxes, DropTheOldestMessageAndKeepControlFrames) {
  control("0");
  message("1");
  control("2");
  message("3");
  EXPECT_TRUE(drop_oldest());
  EXPECT_EQ(gathered(outbox), frame("0", codec::Opcode::pong) + frame("2", codec::Opcode::pong) + frame("3"));
  EXPECT_TRUE(drop_oldest());
  EXPECT_FALSE(drop_oldest());
  EXPECT_EQ(gathered(outbox), frame("0", codec::Opcode::pong) + frame("2", codec::Opcode::pong));
  EXPECT_EQ(outbox.messages(), 0u);
  EXPECT_EQ(outbox.controls(), 2u);
}

TEST_F(Outboxes, DropFromARangeBeginningToEnd) {
  for (const char* payload : {"a", "bb", "ccc"}) shared(payload);
  EXPECT_TRUE(drop_oldest());
  EXPECT_EQ(gathered(outbox), frame("bb") + frame("ccc"));
  EXPECT_EQ(outbox.messages(), 2u);
  EXPECT_TRUE(drop_oldest());
  EXPECT_TRUE(drop_oldest());
  EXPECT_TRUE(outbox.empty());
  EXPECT_FALSE(drop_oldest());
}

TEST_F(Outboxes, SplitARangeWhoseFirstFrameIsBegun) {
  for (const char* payload : {"begun", "dropped", "kept", "last"}) shared(payload);
  const std::size_t begun = frame("begun").size();
  consume(2);
  EXPECT_TRUE(drop_oldest());
  EXPECT_EQ(gathered(outbox), frame("begun").substr(2) + frame("kept") + frame("last"));
  EXPECT_EQ(segment_count(outbox), 2u);
  EXPECT_EQ(outbox.messages(), 3u);
  EXPECT_TRUE(drop_oldest());
  EXPECT_TRUE(drop_oldest());
  EXPECT_FALSE(drop_oldest()) << "a frame that was begun is finished";
  EXPECT_EQ(gathered(outbox), frame("begun").substr(2));
  consume(begun - 2);
  EXPECT_TRUE(outbox.empty());
}

TEST_F(Outboxes, ASplitRangeHoldsItsChunkUntilBothPartsAreSent) {
  {
    Tape brief(blocks);
    for (const char* payload : {"begun", "dropped", "kept"}) append(brief, frame(payload));
    outbox.append_shared({brief.chunks()[0], 0, brief.chunks()[0]->size, 3}, frames);
  }
  consume(1);
  EXPECT_TRUE(drop_oldest());
  consume(frame("begun").size() - 1);
  EXPECT_EQ(gathered(outbox), frame("kept"));
  consume(outbox.size());
  EXPECT_EQ(blocks.held(), 0u);
}

TEST_F(Outboxes, WhatComesNextGoesBehindASplitRange) {
  for (const char* payload : {"begun", "dropped", "kept"}) shared(payload);
  consume(1);
  EXPECT_TRUE(drop_oldest());
  shared("next");
  message("own");
  EXPECT_EQ(gathered(outbox), frame("begun").substr(1) + frame("kept") + frame("next") + frame("own"));
  EXPECT_EQ(outbox.messages(), 4u);
}

TEST_F(Outboxes, NeverDropWhatIsInFlightAndLeaveItWhereItIs) {
  message("own in flight");
  message("own waits");
  shared("shared");
  iovec segments[2];
  ASSERT_EQ(outbox.gather(segments), 2u);
  const void* const place = segments[0].iov_base;
  const std::size_t in_flight = frame("own in flight").size() - 2;  // the frame's end is not with the kernel
  EXPECT_TRUE(drop_oldest(in_flight));
  EXPECT_EQ(gathered(outbox), frame("own in flight") + frame("shared"));
  ASSERT_EQ(outbox.gather(segments), 2u);
  EXPECT_EQ(segments[0].iov_base, place);
  EXPECT_TRUE(drop_oldest(in_flight));
  EXPECT_FALSE(drop_oldest(in_flight));
  EXPECT_EQ(gathered(outbox), frame("own in flight"));
  consume(in_flight);
  EXPECT_FALSE(drop_oldest()) << "its end has to follow";
}

TEST_F(Outboxes, DropBehindAFlightThatEndsBetweenTwoPieces) {
  message("own");
  shared("first");
  shared("second");
  EXPECT_TRUE(drop_oldest(frame("own").size()));
  EXPECT_EQ(gathered(outbox), frame("own") + frame("second"));
  EXPECT_TRUE(drop_oldest(frame("own").size()));
  EXPECT_EQ(gathered(outbox), frame("own"));
  EXPECT_FALSE(drop_oldest(frame("own").size()));
}

TEST_F(Outboxes, RawBytesAreNoMessageToDrop) {
  append(outbox, "HTTP/1.1 101\r\n\r\n", Content::raw);
  EXPECT_FALSE(drop_oldest());
  message("a");
  message("b");
  EXPECT_TRUE(drop_oldest());
  EXPECT_EQ(gathered(outbox), "HTTP/1.1 101\r\n\r\n" + frame("b"));
  consume(10);
  EXPECT_TRUE(drop_oldest());
  EXPECT_EQ(gathered(outbox), "01\r\n\r\n");
}

// ---- by key

TEST_F(Outboxes, DropTheMessagesOfAKeyAndNoOthers) {
  shared("a1", 1);
  shared("b1", 2);
  message("own");
  shared("a2", 1);
  shared("no key");
  EXPECT_EQ(outbox.drop_key(3, 0), 0u);
  EXPECT_EQ(outbox.drop_key(1, 0), 2u);
  outbox.check_invariants();
  EXPECT_EQ(gathered(outbox), frame("b1") + frame("own") + frame("no key"));
  EXPECT_EQ(outbox.messages(), 3u);
}

TEST_F(Outboxes, NoMessageHasTheKeyZero) {
  shared("a");
  message("b");
  shared("c", 1);
  EXPECT_EQ(outbox.drop_key(0, 0), 0u);
  EXPECT_EQ(gathered(outbox), frame("a") + frame("b") + frame("c"));
}

TEST_F(Outboxes, AKeyedMessageThatIsBegunOrInFlightStays) {
  shared("begun", 1);
  shared("in flight", 1);
  shared("waits", 1);
  consume(1);
  const std::size_t rest = frame("begun").size() - 1;
  EXPECT_EQ(outbox.drop_key(1, rest + 1), 1u);
  outbox.check_invariants();
  EXPECT_EQ(gathered(outbox), frame("begun").substr(1) + frame("in flight"));
  EXPECT_EQ(outbox.drop_key(1, rest), 1u);
  EXPECT_EQ(outbox.drop_key(1, 0), 0u) << "begun";
  EXPECT_EQ(gathered(outbox), frame("begun").substr(1));
}

TEST_F(Outboxes, DroppingTheLastPieceByKeyLeavesRoomForTheNext) {
  message("own");
  shared("value 1", 1);
  EXPECT_EQ(outbox.drop_key(1, 0), 1u);
  shared("value 2", 1);
  EXPECT_EQ(outbox.drop_key(1, 0), 1u);
  message("end");
  EXPECT_EQ(gathered(outbox), frame("own") + frame("end"));
}

// ---- what is not begun

TEST_F(Outboxes, DropAllThatIsNotBegun) {
  message("begun");
  control("pong");
  shared("shared");
  message("own");
  consume(1);
  drop_unbegun(0);
  EXPECT_EQ(gathered(outbox), frame("begun").substr(1));
  EXPECT_EQ(outbox.controls(), 0u);
  append(outbox, frame("bye", codec::Opcode::close), Content::control);
  EXPECT_EQ(gathered(outbox), frame("begun").substr(1) + frame("bye", codec::Opcode::close));
}

TEST_F(Outboxes, DropAClientsFramesWhichAreMaskedAsAServers) {
  const std::string first = test::masked_frame("first");
  const std::string second = test::masked_frame("second", codec::Opcode::pong);
  const std::string third = test::masked_frame(std::string(300, '3'));
  for (const std::string& each : {first, third}) append(outbox, each, Content::message);
  append(outbox, second, Content::control);
  append(outbox, third, Content::message);
  EXPECT_TRUE(drop_oldest(1)) << "not the first, which is begun";
  EXPECT_EQ(gathered(outbox), first + second + third);
  drop_unbegun(1);
  EXPECT_EQ(gathered(outbox), first);
  EXPECT_EQ(outbox.messages(), 1u);
  EXPECT_EQ(outbox.controls(), 0u);
}

TEST_F(Outboxes, DropNothingOfTheFramesThatAFlightTouches) {
  for (const char* payload : {"first", "second", "third"}) shared(payload);
  message("own");
  drop_unbegun(frame("first").size() + 1);
  EXPECT_EQ(gathered(outbox), frame("first") + frame("second"));
  EXPECT_EQ(outbox.messages(), 2u) << "what was dropped is not counted any more";
  drop_unbegun(frame("first").size());
  EXPECT_EQ(gathered(outbox), frame("first"));
  EXPECT_EQ(outbox.messages(), 1u);
  drop_unbegun(0);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.messages(), 0u);
}

TEST_F(Outboxes, RawBytesAreKeptAlsoBehindAFlight) {
  const std::string head(200, 'h');
  append(outbox, head, Content::raw);
  const std::string second(300, 's');  // does not fit into the first block
  append(outbox, second, Content::raw);
  message("dropped");
  ASSERT_GE(segment_count(outbox), 2u);
  drop_unbegun(10);
  EXPECT_EQ(gathered(outbox), head + second);
  EXPECT_EQ(outbox.messages(), 0u);
}

TEST_F(Outboxes, ClearingGivesEverythingBack) {
  for (int i = 0; i < 100; i++) {
    message(std::string(static_cast<std::size_t>(i) * 31, 'x'));
    shared("x");
  }
  consume(777);
  outbox.clear();
  outbox.check_invariants();
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.size(), 0u);
  EXPECT_EQ(outbox.messages(), 0u);
  EXPECT_EQ(frames.frames_in_use(), 0u);
}

TEST_F(Outboxes, ACountedMessageIsOneOfAPieceThatIsNotWhollySent) {
  for (int i = 0; i < 5; i++) shared("x");
  const std::size_t each = frame("x").size();
  consume(3 * each);
  EXPECT_GE(outbox.messages(), 2u);
  EXPECT_LE(outbox.messages(), 5u);
  consume(2 * each);
  EXPECT_EQ(outbox.messages(), 0u);
}

}  // namespace
}  // namespace brume::connection

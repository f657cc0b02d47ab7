#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/tape.h>
#include <brume/engine/core/block_pool.h>
#include <brume/tests/engine/connection/tape_fixture.h>

namespace brume::connection {
namespace {

using test::append;
using test::frame;

struct Stretch {
  TapeChunk* chunk;
  std::uint32_t begin;
  std::uint32_t end;
  std::uint32_t messages;
};

std::vector<Stretch> runs_from(const Tape& tape, std::uint32_t first) {
  std::vector<Stretch> runs;
  tape.for_each_run(first, [&](TapeChunk& chunk, std::uint32_t begin, std::uint32_t end, std::uint32_t messages) {
    runs.push_back({&chunk, begin, end, messages});
  });
  return runs;
}

class Tapes : public testing::Test {
 protected:
  ~Tapes() override {
    tape.clear();
    EXPECT_EQ(pool.held(), 0u);
  }
  // Frames that fill a few chunks, each of another length.
  void fill(std::size_t count) {
    for (std::size_t i = 0; i < count; i++) {
      frames.push_back(frame(std::string(i * 7 % 300, static_cast<char>('a' + i % 26))));
      append(tape, frames.back());
    }
  }

  core::BlockPool pool;
  Tape tape{pool};
  std::vector<std::string> frames;
};

TEST_F(Tapes, HoldNothingUntilAFrameIsAppended) {
  EXPECT_TRUE(tape.empty());
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_EQ(tape.bytes_from(0), 0u);
  EXPECT_EQ(pool.held(), 0u);
  tape.check_invariants();
}

TEST_F(Tapes, LayFramesNextToEachOtherWithWhatTheirMessagesAre) {
  const std::string one = frame("one");
  const std::string two = frame("twotwo");
  append(tape, one, {.policy = SlowConsumerPolicy::disconnect, .key = 0, .except = 7});
  append(tape, two, {.policy = SlowConsumerPolicy::drop_oldest, .key = 9, .except = 0});
  ASSERT_EQ(tape.chunks().size(), 1u);
  EXPECT_EQ(test::text_of({tape.chunks()[0]->bytes(), tape.chunks()[0]->size}), one + two);
  ASSERT_EQ(tape.size(), 2u);
  const auto entries = tape.entries();
  EXPECT_EQ(entries[0].message.policy, SlowConsumerPolicy::disconnect);
  EXPECT_EQ(entries[0].message.except, 7u);
  EXPECT_EQ(entries[1].message.policy, SlowConsumerPolicy::drop_oldest);
  EXPECT_EQ(entries[1].message.key, 9u);
  EXPECT_EQ(entries[1].begin, one.size());
  EXPECT_EQ(entries[1].end, one.size() + two.size());
}

TEST_F(Tapes, RunsHoldTheMessagesFromAnyFirstOneOnInOrderAndCountThem) {
  fill(400);
  ASSERT_GE(tape.chunks().size(), 4u);
  for (std::uint32_t first = 0; first < tape.size(); first++) {
    std::string expected;
    for (std::size_t i = first; i < frames.size(); i++) expected += frames[i];
    std::string bytes;
    std::uint32_t messages = 0;
    for (const Stretch& run : runs_from(tape, first)) {
      EXPECT_GT(run.messages, 0u);
      const std::string part = test::text_of({run.chunk->bytes() + run.begin, run.end - run.begin});
      std::string counted;
      for (std::uint32_t i = 0; i < run.messages; i++) counted += frames[first + messages + i];
      EXPECT_EQ(part, counted) << "first " << first;
      bytes += part;
      messages += run.messages;
    }
    ASSERT_EQ(bytes, expected) << "first " << first;
    EXPECT_EQ(messages, tape.size() - first);
    EXPECT_EQ(tape.bytes_from(first), expected.size());
  }
}

TEST_F(Tapes, ARunThatBeginsInALaterChunkDoesNotNameTheEarlierOnes) {
  fill(400);
  const std::uint32_t last = tape.size() - 1;
  const std::vector<Stretch> runs = runs_from(tape, last);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].chunk, tape.chunks().back());
  EXPECT_EQ(runs[0].messages, 1u);
}

TEST_F(Tapes, ChunksGrowSoThatABurstIsFewSegmentsAndAreBounded) {
  for (int i = 0; i < 2000; i++) append(tape, frame(std::string(200, 'x')));
  std::uint32_t before = 0;
  for (const TapeChunk* chunk : tape.chunks()) {
    EXPECT_GE(chunk->capacity, before);
    EXPECT_LE(chunk->capacity, 65536u);
    before = chunk->capacity;
  }
  EXPECT_LE(tape.chunks().size(), 16u);
}

TEST_F(Tapes, AFrameLargerThanAnyChunkHasOneOfItsOwn) {
  append(tape, frame("small"));
  append(tape, frame(std::string(300'000, 'L')));
  append(tape, frame("small again"));
  ASSERT_EQ(tape.chunks().size(), 2u) << "the block of the large one had room left";
  EXPECT_EQ(runs_from(tape, 1)[0].messages, 2u);
  append(tape, frame(std::string(300'000, 'M')));
  ASSERT_EQ(tape.chunks().size(), 3u);
  append(tape, frame(std::string(250'000, 'N')));
  ASSERT_EQ(tape.chunks().size(), 4u);
}

TEST_F(Tapes, AFrameThatNoBlockHoldsThrowsAndChangesNothing) {
  EXPECT_THROW((void)tape.append(core::BlockPool::kMaxSize, {.policy = SlowConsumerPolicy::latest_only, .except = 3}),
               std::bad_alloc);
  EXPECT_TRUE(tape.empty());
  EXPECT_TRUE(tape.chunks().empty());
  EXPECT_FALSE(tape.excepts(3));
  EXPECT_FALSE(tape.has_latest_only());
  append(tape, frame("first"));
  EXPECT_THROW((void)tape.append(core::BlockPool::kMaxSize, {.except = 3}), std::bad_alloc);
  EXPECT_EQ(tape.size(), 1u);
  EXPECT_EQ(runs_from(tape, 0).size(), 1u);
  EXPECT_FALSE(tape.excepts(3));
  tape.check_invariants();
}

TEST_F(Tapes, KnowWhomSomeMessageDoesNotGoToAndWhetherSomeReplaceOthers) {
  append(tape, frame("a"), {.except = 5});
  append(tape, frame("b"), {.except = 5});
  append(tape, frame("c"));
  EXPECT_FALSE(tape.has_latest_only());
  append(tape, frame("d"), {.policy = SlowConsumerPolicy::latest_only, .key = 1, .except = 6});
  append(tape, frame("e"), {.except = 5});
  EXPECT_TRUE(tape.excepts(5));
  EXPECT_TRUE(tape.excepts(6));
  EXPECT_FALSE(tape.excepts(7));
  EXPECT_FALSE(tape.excepts(0)) << "no exception is none of a connection with the id 0";
  EXPECT_TRUE(tape.has_latest_only());
}

TEST_F(Tapes, AddUpWhoTookEachMessage) {
  for (int i = 0; i < 5; i++) append(tape, frame("x"));
  tape.entries()[0].taken_from_here = 10;  // took everything
  tape.entries()[3].taken_from_here = 4;   // came later
  tape.entries()[1].taken = 1;             // took that one alone
  tape.entries()[4].taken = 2;
  tape.sum_taken();
  std::vector<std::uint32_t> taken;
  for (const Tape::Entry& entry : tape.entries()) taken.push_back(entry.taken);
  EXPECT_EQ(taken, (std::vector<std::uint32_t>{10, 11, 10, 14, 16}));
}

TEST_F(Tapes, WhoTookEverythingAndLeftIsNotCountedForWhatCameLater) {
  append(tape, frame("a"));
  tape.note_whole(0);  // leaves
  append(tape, frame("b"));
  append(tape, frame("c"));
  tape.note_whole(1);  // came after "a"
  tape.note_whole(0);
  tape.sum_taken();
  std::vector<std::uint32_t> taken;
  for (const Tape::Entry& entry : tape.entries()) taken.push_back(entry.taken);
  EXPECT_EQ(taken, (std::vector<std::uint32_t>{2, 2, 2}));
}

TEST_F(Tapes, KeepNothingOnceCleared) {
  fill(400);
  append(tape, frame("x"), {.policy = SlowConsumerPolicy::latest_only, .key = 1, .except = 5});
  tape.clear();
  EXPECT_TRUE(tape.empty());
  EXPECT_TRUE(tape.chunks().empty());
  EXPECT_EQ(tape.bytes_from(0), 0u);
  EXPECT_FALSE(tape.excepts(5));
  EXPECT_FALSE(tape.has_latest_only());
  EXPECT_EQ(pool.held(), 0u);
  tape.check_invariants();
  append(tape, frame("again"));
  EXPECT_EQ(runs_from(tape, 0)[0].messages, 1u);
}

TEST_F(Tapes, TheFirstChunkHoldsWhatTheLastTurnCameTo) {
  append(tape, frame("x"));
  EXPECT_EQ(tape.chunks()[0]->capacity, 1024u) << "small where nothing is known";
  tape.clear();
  for (int turn = 0; turn < 3; turn++) {
    for (int i = 0; i < 32; i++) append(tape, frame(std::string(100, 'x')));
    EXPECT_EQ(tape.chunks().size(), turn == 0 ? 3u : 1u);
    tape.clear();
  }
  append(tape, frame("x"));
  tape.clear();
  append(tape, frame("x"));
  EXPECT_EQ(tape.chunks()[0]->capacity, 1024u) << "and small again where little came";
}

TEST_F(Tapes, AChunkLivesUntilTheLastWhoRefersToItLetsItGo) {
  append(tape, frame("kept"));
  TapeChunk* chunk = tape.chunks()[0];
  chunk->references++;
  tape.clear();
  EXPECT_EQ(pool.held(), chunk->capacity);
  EXPECT_EQ(test::text_of({chunk->bytes(), chunk->size}), frame("kept"));
  chunk->release();
  EXPECT_EQ(pool.held(), 0u);
}

}  // namespace
}  // namespace brume::connection

// Two outboxes and the tapes they share against an obvious model: a list of frames for each outbox.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/outbox.h>
#include <brume/engine/connection/tape.h>
#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/frame_pool.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/engine/connection/tape_fixture.h>
#include <brume/tests/support/seeds.h>

namespace brume::connection {
namespace {

using test::append;
using test::frame;
using test::gathered;
using Content = Outbox::Content;

struct ModelFrame {
  std::string bytes;
  Content content;
  std::uint64_t key = 0;
  const void* chunk = nullptr;  // null: own bytes
  int run = 0;                  // frames of one chunk that follow each other: no piece holds frames of two runs
};

class Model {
 public:
  void add(std::string bytes, Content content, std::uint64_t key, const void* chunk) {
    const bool goes_on = !frames_.empty() && frames_.back().chunk == chunk;
    frames_.push_back({std::move(bytes), content, key, chunk, goes_on ? frames_.back().run : ++runs_});
  }
  std::string bytes() const {
    std::string all;
    for (const ModelFrame& each : frames_) all += each.bytes;
    return all.substr(begun_);
  }
  std::uint32_t count(Content content) const {
    return static_cast<std::uint32_t>(std::ranges::count(frames_, content, &ModelFrame::content));
  }
  // Those of the piece at the front that may still be counted.
  std::uint32_t sent_in_front(Content content) const {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(sent_, [&](const ModelFrame& each) { return each.content == content; }));
  }
  void consume(std::size_t size) {
    begun_ += size;
    while (!frames_.empty() && begun_ >= frames_.front().bytes.size()) {
      begun_ -= frames_.front().bytes.size();
      sent_.push_back(std::move(frames_.front()));
      frames_.pop_front();
    }
    if (frames_.empty()) return clear();
    std::erase_if(sent_, [&](const ModelFrame& each) { return each.run != frames_.front().run; });
  }
  void clear() {
    frames_.clear();
    sent_.clear();
    begun_ = 0;
  }
  void drop_unbegun(std::size_t in_flight) {
    drop_if(in_flight, [](const ModelFrame& each) { return each.content != Content::raw; });
  }
  bool drop_oldest(std::size_t in_flight) {
    bool dropped = false;
    drop_if(in_flight,
            [&](const ModelFrame& each) { return each.content == Content::message && !std::exchange(dropped, true); });
    return dropped;
  }
  std::uint32_t drop_key(std::uint64_t key, std::size_t in_flight) {
    const std::size_t before = frames_.size();
    if (key != 0) drop_if(in_flight, [&](const ModelFrame& each) { return each.key == key; });
    return static_cast<std::uint32_t>(before - frames_.size());
  }

 private:
  template <class F>
  void drop_if(std::size_t in_flight, F&& wanted) {
    std::deque<ModelFrame> kept;
    std::size_t offset = 0;  // of the frame's first byte, from the first that was not sent before it
    for (ModelFrame& each : frames_) {
      const bool begun = offset < begun_ + in_flight || (offset == 0 && begun_ != 0);
      offset += each.bytes.size();
      if (begun || !wanted(each)) kept.push_back(std::move(each));
    }
    frames_ = std::move(kept);
    if (frames_.empty()) clear();
  }

  std::deque<ModelFrame> frames_;
  std::vector<ModelFrame> sent_;
  std::size_t begun_ = 0;  // bytes of the first frame that were sent
  int runs_ = 0;
};

class Both {
 public:
  Both(core::BlockPool& blocks, core::FramePool& frames) : outbox_(blocks), frames_(frames) {}

  std::size_t in_flight() const { return in_flight_; }
  bool empty() const { return outbox_.empty(); }

  void add_own(const std::string& bytes, Content content, std::size_t first_size) {
    append(outbox_, bytes, content, first_size);
    model_.add(bytes, content, 0, nullptr);
  }
  void add_shared(Tape& tape, const Tape::Entry& entry, std::uint64_t key) {
    TapeChunk* chunk = tape.chunks()[entry.chunk];
    outbox_.append_shared({chunk, entry.begin, entry.end, 1, key}, frames_);
    model_.add(test::text_of({chunk->bytes() + entry.begin, entry.end - entry.begin}), Content::message, key, chunk);
  }
  void add_all(Tape& tape, std::uint32_t first) {
    tape.for_each_run(first, [&](TapeChunk& chunk, std::uint32_t begin, std::uint32_t end, std::uint32_t messages) {
      outbox_.append_shared({&chunk, begin, end, messages}, frames_);
    });
    for (const Tape::Entry& entry : tape.entries().subspan(first)) {
      TapeChunk* chunk = tape.chunks()[entry.chunk];
      model_.add(test::text_of({chunk->bytes() + entry.begin, entry.end - entry.begin}), Content::message, 0, chunk);
    }
  }
  // Hands the first bytes to a send; what it sees has to stay the same until it ends.
  void begin_send(std::size_t segments) {
    if (in_flight_ != 0 || outbox_.empty()) return;
    in_kernel_.resize(segments);
    in_kernel_.resize(outbox_.gather(in_kernel_));
    seen_ = kernel_bytes();
    in_flight_ = seen_.size();
    EXPECT_EQ(seen_, model_.bytes().substr(0, in_flight_));
  }
  void end_send(std::size_t taken) {
    EXPECT_EQ(kernel_bytes(), seen_);
    in_flight_ = 0;
    outbox_.consume(taken);
    model_.consume(taken);
  }
  void drop_unbegun() {
    outbox_.drop_unbegun(in_flight_);
    model_.drop_unbegun(in_flight_);
  }
  void drop_oldest() { EXPECT_EQ(outbox_.drop_oldest(in_flight_, frames_), model_.drop_oldest(in_flight_)); }
  void drop_key(std::uint64_t key) { EXPECT_EQ(outbox_.drop_key(key, in_flight_), model_.drop_key(key, in_flight_)); }
  void clear() {
    outbox_.clear();
    model_.clear();
  }

  void check() {
    outbox_.check_invariants();
    const std::string expected = model_.bytes();
    ASSERT_EQ(gathered(outbox_), expected);
    ASSERT_EQ(outbox_.size(), expected.size());
    ASSERT_EQ(outbox_.empty(), expected.empty());
    ASSERT_GE(outbox_.messages(), model_.count(Content::message));
    ASSERT_LE(outbox_.messages(), model_.count(Content::message) + model_.sent_in_front(Content::message));
    ASSERT_GE(outbox_.controls(), model_.count(Content::control));
    ASSERT_LE(outbox_.controls(), model_.count(Content::control) + model_.sent_in_front(Content::control));
    ASSERT_EQ(in_flight_ == 0 ? seen_ : kernel_bytes(), seen_) << "what is in flight has changed or moved";
  }

 private:
  std::string kernel_bytes() const {
    std::string bytes;
    for (const iovec& each : in_kernel_) bytes.append(static_cast<const char*>(each.iov_base), each.iov_len);
    return bytes;
  }

  test::PooledOutbox outbox_;
  Model model_;
  core::FramePool& frames_;
  std::vector<iovec> in_kernel_;
  std::string seen_;
  std::size_t in_flight_ = 0;
};

class Walk {
 public:
  explicit Walk(std::uint64_t seed) : random_(seed) {}
  ~Walk() {
    for (Both& each : both_) each.clear();
    tape_.reset();
    EXPECT_EQ(blocks_.held(), 0u);
    EXPECT_EQ(frames_.frames_in_use(), 0u);
  }

  void step() {
    Both& both = both_[random_.below(2)];
    switch (random_.below(16)) {
      case 0:
      case 1:
        return both.add_own(frame(payload()), Content::message, 256u << random_.below(5));
      case 2:
        return both.add_own(frame(payload().substr(0, 125), codec::Opcode::pong), Content::control, 256);
      case 3:
        if (both.empty()) both.add_own(std::string(1 + random_.below(700), 'R'), Content::raw, 256);
        return;
      case 4:
      case 5:
        return fill_tape();
      case 6:
      case 7:
        if (!tape_->empty()) both.add_all(*tape_, random_.below(tape_->size()));
        return;
      case 8:
      case 9:
        return lay_some(both);
      case 10:
        return both.begin_send(1 + random_.below(16));
      case 11:
        if (both.in_flight() == 0) return both.begin_send(1 + random_.below(3));
        return both.end_send(random_.below(3) == 0 ? both.in_flight()
                                                   : random_.below(static_cast<std::uint32_t>(both.in_flight()) + 1));
      case 12:
      case 13:
        for (std::uint32_t i = 1 + random_.below(4); i != 0; i--) both.drop_oldest();
        return;
      case 14:
        return both.drop_key(random_.below(4));
      default:
        if (random_.below(6) == 0) both.drop_unbegun();
        if (random_.below(20) == 0 && both.in_flight() == 0) both.clear();
    }
  }
  void check() {
    for (Both& each : both_) each.check();
    blocks_.check_invariants();
    frames_.check_invariants();
  }

 private:
  std::string payload() {
    static constexpr std::uint32_t kSizes[] = {4, 20, 126, 300, 2000};
    const std::uint32_t most = random_.below(400) == 0 ? 70'000 : kSizes[random_.below(5)];
    std::string text = std::to_string(serial_++);
    text.resize(std::max<std::size_t>(text.size(), random_.below(most)), static_cast<char>('a' + serial_ % 26));
    return text;
  }
  void fill_tape() {
    if (random_.below(3) == 0) {  // the turn is over: its chunks live as long as somebody waits for them
      if (random_.below(2) == 0) {
        tape_->clear();
      } else {
        tape_.emplace(blocks_);
      }
    }
    for (std::uint32_t i = 1 + random_.below(8); i != 0; i--) append(*tape_, frame(payload()));
  }
  // Some messages of the tape one by one, as where they do not all go to this outbox or have keys.
  void lay_some(Both& both) {
    const std::uint32_t keys = random_.below(4);
    for (std::uint32_t i = 0; i < tape_->size(); i++)
      if (random_.below(3) != 0) both.add_shared(*tape_, tape_->entries()[i], random_.below(1 + keys));
  }

  sim::Random random_;
  core::BlockPool blocks_;
  core::FramePool frames_;
  std::optional<Tape> tape_{std::in_place, blocks_};
  Both both_[2] = {{blocks_, frames_}, {blocks_, frames_}};
  std::uint64_t serial_ = 0;
};

TEST(OutboxModel, RandomWalksOfTwoOutboxesOverSharedTapesAreThoseOfTheModel) {
  for (const std::uint64_t seed : brume::test::seeds(40)) {
    SCOPED_TRACE(brume::test::seed_hint(seed));
    Walk walk(seed);
    for (int i = 0; i < 400; i++) {
      walk.step();
      walk.check();
      if (testing::Test::HasFailure()) FAIL() << "after step " << i;
    }
  }
}

}  // namespace
}  // namespace brume::connection

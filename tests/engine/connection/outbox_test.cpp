#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include <brume/codec/encoder.h>
#include <brume/engine/connection/outbox.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::connection {
namespace {

using Content = Outbox::Content;
using Bytes = std::vector<std::byte>;

constexpr std::size_t kFirstSize = 256;

struct Box {
  core::BlockPool pool;
  Outbox outbox;

  // A whole message whose payload is `size` bytes `mark`.
  std::size_t add_message(std::size_t size, std::uint8_t mark, Content content = Content::message) {
    const Bytes payload(size, std::byte{mark});
    const auto room = outbox.append(pool, codec::server_frame_size(size), content, kFirstSize);
    codec::write_server_frame(room, codec::Opcode::binary, payload);
    outbox.check_invariants();
    return room.size();
  }
  Bytes content(std::size_t segments = 1000) const {
    std::vector<iovec> out(segments);
    out.resize(outbox.gather(out));
    Bytes bytes;
    for (const iovec& part : out) {
      const auto* data = static_cast<const std::byte*>(part.iov_base);
      bytes.insert(bytes.end(), data, data + part.iov_len);
    }
    return bytes;
  }
};

TEST(Outbox, IsOnePointerAndHoldsNothingWhileItIsEmpty) {
  EXPECT_EQ(sizeof(Outbox), sizeof(void*));
  Box box;
  EXPECT_TRUE(box.outbox.empty());
  EXPECT_EQ(box.outbox.size(), 0U);
  EXPECT_EQ(box.outbox.messages(), 0U);
  EXPECT_TRUE(box.content().empty());
  box.outbox.drop_unbegun(0);
  box.outbox.consume(0);
  box.outbox.clear();
  box.add_message(10, 'a');
  box.outbox.consume(box.outbox.size());
  EXPECT_TRUE(box.outbox.empty());
  EXPECT_EQ(box.pool.held(), 0U);
}

TEST(Outbox, GivesBackWhatItWasGivenAcrossBlocks) {
  Box box;
  std::size_t size = 0;
  for (std::uint8_t i = 0; i < 200; i++) size += box.add_message(300, i);
  EXPECT_EQ(box.outbox.size(), size);
  EXPECT_EQ(box.outbox.messages(), 200U);
  const Bytes all = box.content();
  ASSERT_EQ(all.size(), size);
  EXPECT_EQ(all[10], std::byte{0});
  EXPECT_EQ(all.back(), std::byte{199});
  EXPECT_LT(box.content(2).size(), size) << "no more segments than there is room for";
  box.outbox.consume(1000);
  EXPECT_EQ(box.content(), Bytes(all.begin() + 1000, all.end()));
  box.outbox.check_invariants();
}

TEST(Outbox, KeepsRawBytesAndTheFrameThatHasBegunWhenTheRestIsDropped) {
  Box box;
  std::ranges::fill(box.outbox.append(box.pool, 50, Content::raw, kFirstSize), std::byte{'r'});
  const std::size_t first = box.add_message(20, 'a');
  box.add_message(20, 'b');
  for (int i = 0; i < 100; i++) box.add_message(1000, 'c');  // in other blocks
  box.outbox.drop_unbegun(51);                               // a byte of the first frame is on its way
  box.outbox.check_invariants();
  EXPECT_EQ(box.outbox.size(), 50 + first);
  EXPECT_EQ(box.content().size(), 50 + first);
  box.add_message(5, 'd');
  EXPECT_EQ(box.content().back(), std::byte{'d'});
  box.outbox.consume(box.outbox.size());
  EXPECT_EQ(box.pool.held(), 0U);
}

TEST(Outbox, DropsEverythingWhereNothingHasBegun) {
  Box box;
  for (int i = 0; i < 100; i++) box.add_message(1000, 'c');
  box.outbox.drop_unbegun(0);
  EXPECT_TRUE(box.outbox.empty());
  EXPECT_EQ(box.pool.held(), 0U);
}

// Against a plain list of frames.
TEST(Outbox, SendsWholeFramesInOrderWhateverIsSentAndDropped) {
  for (const std::uint64_t seed : test::seeds(200)) {
    SCOPED_TRACE(test::seed_hint(seed));
    sim::Random random(seed);
    Box box;
    std::deque<Bytes> frames;   // not wholly sent
    std::size_t sent = 0;       // of the first
    std::size_t in_flight = 0;  // bytes of a send under way
    const auto total = [&] {
      return std::accumulate(frames.begin(), frames.end(), std::size_t{0},
                             [](std::size_t sum, const Bytes& frame) { return sum + frame.size(); }) -
             sent;
    };
    for (int step = 0; step < 300; step++) {
      const std::uint32_t choice = random.below(10);
      if (choice < 5) {
        const std::size_t size = random.below(4) == 0 ? random.below(20'000) : random.below(200);
        const auto mark = static_cast<std::uint8_t>(random.below(256));
        Bytes frame(codec::server_frame_size(size));
        codec::write_server_frame(frame, codec::Opcode::binary, Bytes(size, std::byte{mark}));
        frames.push_back(frame);
        box.add_message(size, mark, random.below(5) == 0 ? Content::control : Content::message);
      } else if (choice < 7) {
        if (in_flight == 0) in_flight = box.content(1 + random.below(4)).size();
      } else if (choice < 9) {
        if (in_flight == 0) continue;
        std::size_t taken = random.between(1, static_cast<std::uint32_t>(in_flight));
        in_flight = 0;
        box.outbox.consume(taken);
        while (taken > 0) {
          const std::size_t part = std::min(taken, frames.front().size() - sent);
          taken -= part;
          sent += part;
          if (sent < frames.front().size()) break;
          frames.pop_front();
          sent = 0;
        }
      } else {
        box.outbox.drop_unbegun(in_flight);
        std::size_t begun = 0;  // frames that stay
        for (std::size_t bytes = sent + in_flight, sum = 0; sum < bytes; begun++) sum += frames[begun].size();
        frames.resize(begun);
      }
      box.outbox.check_invariants();
      ASSERT_EQ(box.outbox.size(), total());
    }
    Bytes expected;
    for (const Bytes& frame : frames) expected.insert(expected.end(), frame.begin(), frame.end());
    ASSERT_EQ(box.content(), Bytes(expected.begin() + static_cast<std::ptrdiff_t>(sent), expected.end()));
    box.outbox.clear();
    ASSERT_EQ(box.pool.held(), 0U);
  }
}

}  // namespace
}  // namespace brume::connection

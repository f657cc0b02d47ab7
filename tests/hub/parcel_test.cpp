// Parcels: what they carry, and how they come home to their pool from any thread.
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <brume/hub/parcel.h>

namespace brume::hub {
namespace {

struct Abandon {
  void operator()(ParcelPool* pool) const { pool->abandon(); }
};
using Pool = std::unique_ptr<ParcelPool, Abandon>;

TEST(Parcel, CarriesTwoNamesAndAFrameWhateverTheirSizes) {
  const Pool pool(ParcelPool::create());
  for (const std::size_t name : {0UL, 5UL, 300UL, 65535UL}) {
    for (const std::size_t frame : {0UL, 1UL, 200UL, 70'000UL, 1'000'000UL}) {
      const ParcelPtr parcel(pool->make(std::string(name, 'n'), std::string(name / 2, 'b'), frame));
      std::ranges::fill(parcel->frame(), std::byte{0x7F});
      EXPECT_EQ(parcel->name(), std::string(name, 'n'));
      EXPECT_EQ(parcel->body(), std::string(name / 2, 'b'));
      EXPECT_EQ(parcel->frame().size(), frame);
      EXPECT_FALSE(parcel->reply);
      EXPECT_EQ(parcel->policy, kNoPolicy);
    }
  }
}

TEST(Parcel, ComesBackAfterItsLastReaderAndIsUsedAgainWithoutTraceOfItsFormerLife) {
  const Pool pool(ParcelPool::create());
  Parcel* const first = pool->make("lobby", {}, 10);
  first->reply = {1, 2, 3};
  first->except = first->key = first->hash = 9;
  first->policy = 1;
  first->share(2);
  first->release();
  first->release();
  Parcel* const second = pool->make("den", {}, 10);
  EXPECT_NE(second, first) << "somebody still reads it";
  first->release();
  Parcel* const third = pool->make("hall", {}, 20);
  EXPECT_EQ(third, first);
  EXPECT_EQ(third->name(), "hall");
  EXPECT_FALSE(third->reply);
  EXPECT_EQ(third->except | third->key | third->hash, 0u);
  EXPECT_EQ(third->policy, kNoPolicy);
  second->release();
  third->release();
}

TEST(Parcel, ASizeClassServesOnlyItsOwn) {
  const Pool pool(ParcelPool::create());
  Parcel* const small = pool->make("a", {}, 1);
  small->release();
  const ParcelPtr large(pool->make("a", {}, 4000));
  EXPECT_NE(large.get(), small);
  const ParcelPtr again(pool->make("a", {}, 1));
  EXPECT_EQ(again.get(), small);
}

TEST(Parcel, ThePoolKeepsFreeMemoryOnlyUpToItsBound) {
  const Pool pool(ParcelPool::create());
  std::vector<ParcelPtr> out;
  for (int i = 0; i < 100; i++) out.emplace_back(pool->make({}, {}, 200'000));
  out.clear();
  const ParcelPtr one(pool->make({}, {}, 200'000));  // takes in what has come home
  EXPECT_LE(pool->cached(), 4U << 20);
  EXPECT_GT(pool->cached(), 2U << 20);
}

TEST(Parcel, OutlivesThePoolItCameFrom) {
  ParcelPool* const pool = ParcelPool::create();
  Parcel* const first = pool->make("lobby", {}, 100);
  Parcel* const second = pool->make("den", {}, 100);
  first->release();
  pool->abandon();
  EXPECT_EQ(second->name(), "den");
  second->release();  // and the pool goes with it (the address sanitizer says so)
}

TEST(Parcel, OfNoPoolGoesWhereItIsReleased) {
  const ParcelPtr parcel(ParcelPool::make_unpooled("lobby", "x", 3));
  EXPECT_EQ(parcel->name(), "lobby");
  EXPECT_EQ(parcel->body(), "x");
}

TEST(Parcel, ReadersOnOtherThreadsGiveItBackWhileTheOwnerMakesMore) {
  constexpr int kRounds = 2000;
  constexpr std::size_t kReaders = 3;
  ParcelPool* const pool = ParcelPool::create();
  std::vector<Parcel*> round;
  std::vector<std::thread> readers;
  std::vector<std::vector<Parcel*>> given(kReaders);
  std::set<Parcel*> seen;
  for (int batch = 0; batch < 20; batch++) {
    for (auto& list : given) list.clear();
    for (int i = 0; i < kRounds / 20; i++) {
      Parcel* parcel = pool->make("room", {}, 64);
      std::memset(parcel->frame().data(), i, 64);
      seen.insert(parcel);
      parcel->share(kReaders - 1);
      for (auto& list : given) list.push_back(parcel);
    }
    for (auto& reader : readers) reader.join();  // those of the batch before: they gave back while this one was made
    readers.clear();
    for (const auto& list : given) {
      readers.emplace_back([list] {
        for (std::size_t i = 0; i < list.size(); i++) {
          EXPECT_EQ(list[i]->frame()[63], static_cast<std::byte>(i));
          list[i]->release();
        }
      });
    }
  }
  pool->abandon();  // with parcels out
  for (auto& reader : readers) reader.join();
  EXPECT_LE(seen.size(), 4U * kRounds / 20) << "those that came home were used again";
}

}  // namespace
}  // namespace brume::hub

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/slab.h>
#include <brume/engine/sim/random.h>
#include <brume/tests/support/seeds.h>

namespace brume::core {
namespace {

struct Thing {
  explicit Thing(int v, int* l = nullptr) : value(v), living(l) {
    if (living) ++*living;
  }
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;
  ~Thing() {
    if (living) --*living;
  }
  int value;
  int* living;
  std::byte rest[200] = {};
};

TEST(Slab, KnowsTheNameOfEachOfItsObjects) {
  Slab<Thing> slab(5000);
  std::vector<Slab<Thing>::Place> places;
  for (int i = 0; i < 5000; i++) places.push_back(slab.emplace(i));
  for (std::size_t i = 0; i < places.size(); i += 2) slab.erase(places[i].slot, places[i].generation);
  for (std::size_t i = 0; i < places.size(); i += 2) places[i] = slab.emplace(static_cast<int>(i));
  for (const auto& place : places) {
    EXPECT_EQ(Slab<Thing>::name_of(*place.object), std::pair(place.slot, place.generation));
  }
  slab.check_invariants();
}

TEST(Slab, FindsAnObjectByItsNameUntilItIsErased) {
  Slab<Thing> slab(10);
  const auto place = slab.emplace(7);
  ASSERT_NE(place.object, nullptr);
  EXPECT_NE(place.generation, 0U);
  EXPECT_EQ(slab.find(place.slot, place.generation), place.object);
  EXPECT_EQ(place.object->value, 7);
  EXPECT_EQ(slab.find(place.slot, place.generation + 1), nullptr);
  EXPECT_EQ(slab.find(place.slot, 0), nullptr);
  EXPECT_EQ(slab.find(place.slot + 1, place.generation), nullptr);
  EXPECT_EQ(slab.find(UINT32_MAX, place.generation), nullptr);
  slab.erase(place.slot, place.generation);
  EXPECT_EQ(slab.find(place.slot, place.generation), nullptr);
  EXPECT_EQ(slab.size(), 0U);
  slab.check_invariants();
}

TEST(Slab, FindsNothingInASlabThatWasNeverUsed) {
  Slab<Thing> slab(10);
  EXPECT_EQ(slab.find(0, 0), nullptr);
  EXPECT_EQ(slab.find(0, 1), nullptr);
  EXPECT_EQ(slab.memory(), 0U);
}

TEST(Slab, HoldsExactlyItsBound) {
  for (const std::size_t bound : {1U, 63U, 300U}) {
    Slab<Thing> slab(bound);
    std::set<std::uint32_t> slots;
    for (std::size_t i = 0; i < bound; i++) {
      const auto place = slab.emplace(1);
      ASSERT_NE(place.object, nullptr);
      EXPECT_EQ(slab.find(place.slot, place.generation), place.object);
      slots.insert(place.slot);
    }
    EXPECT_EQ(slots.size(), bound);
    EXPECT_EQ(slab.emplace(1).object, nullptr);
    EXPECT_EQ(slab.size(), bound);
    slab.check_invariants();
  }
}

TEST(Slab, UsesTheSlotGivenUpLastFirstAndNeverItsNameAgain) {
  Slab<Thing> slab(1000);
  std::vector<Slab<Thing>::Place> places;
  for (int i = 0; i < 500; i++) places.push_back(slab.emplace(i));
  for (const std::size_t i : {3U, 200U, 77U}) slab.erase(places[i].slot, places[i].generation);
  for (const std::size_t i : {77U, 200U, 3U}) {
    const auto again = slab.emplace(-1);
    EXPECT_EQ(again.slot, places[i].slot);
    EXPECT_NE(again.generation, places[i].generation);
    EXPECT_EQ(slab.find(places[i].slot, places[i].generation), nullptr);
  }
}

TEST(Slab, GivesItsMemoryBackButForOneChunk) {
  Slab<Thing> slab(100'000);
  const auto first = slab.emplace(0);
  const std::size_t chunk = slab.memory();
  std::vector<Slab<Thing>::Place> places;
  for (int i = 0; i < 10'000; i++) places.push_back(slab.emplace(i));
  EXPECT_GT(slab.memory(), 10'000 * sizeof(Thing));
  EXPECT_LT(slab.memory(), 10'000 * (sizeof(Thing) + 8) * 5 / 4);
  for (const auto& place : places) slab.erase(place.slot, place.generation);
  EXPECT_LE(slab.memory(), 2 * chunk) << "the first object's, and one that is empty";
  slab.erase(first.slot, first.generation);
  EXPECT_EQ(slab.memory(), chunk);
  // A name from a chunk that is gone finds nothing, nor does it after the chunk's place is taken again.
  EXPECT_EQ(slab.find(places[9000].slot, places[9000].generation), nullptr);
  for (int i = 0; i < 10'000; i++) (void)slab.emplace(i);
  for (const auto& place : places) EXPECT_EQ(slab.find(place.slot, place.generation), nullptr);
  slab.check_invariants();
}

TEST(Slab, KeepsItsChunkWhileOneObjectComesAndGoes) {
  Slab<Thing> slab(100);
  for (int i = 0; i < 10; i++) {
    const auto place = slab.emplace(i);
    const std::size_t memory = slab.memory();
    slab.erase(place.slot, place.generation);
    EXPECT_EQ(slab.memory(), memory);
  }
}

TEST(Slab, DestroysWhatItStillHoldsWhenItGoes) {
  int living = 0;
  {
    Slab<Thing> slab(1000);
    for (int i = 0; i < 700; i++) (void)slab.emplace(i, &living);
    EXPECT_EQ(living, 700);
  }
  EXPECT_EQ(living, 0);
}

TEST(Slab, VisitsEachObjectWhileTheVisitErases) {
  Slab<Thing> slab(1000);
  std::map<int, Slab<Thing>::Place> places;
  for (int i = 0; i < 600; i++) places[i] = slab.emplace(i);
  const auto erase = [&](int value) {
    slab.erase(places[value].slot, places[value].generation);
    places.erase(value);
  };
  std::vector<int> seen;
  slab.for_each([&](Thing& thing) {
    const int value = thing.value;
    seen.push_back(value);
    erase(value);
    if (places.contains(value + 300)) erase(value + 300);
  });
  EXPECT_EQ(seen.size(), 300U);
  EXPECT_EQ(slab.size(), 0U);
  slab.check_invariants();
}

struct Picky {
  explicit Picky(bool refuse) {
    if (refuse) throw std::runtime_error("refused");
  }
};

TEST(Slab, IsUnchangedWhereAConstructorThrows) {
  Slab<Picky> slab(2);
  const auto one = slab.emplace(false);
  for (int i = 0; i < 5; i++) EXPECT_THROW((void)slab.emplace(true), std::runtime_error);
  EXPECT_EQ(slab.size(), 1U);
  slab.check_invariants();
  EXPECT_NE(slab.emplace(false).object, nullptr);
  EXPECT_EQ(slab.emplace(false).object, nullptr);
  EXPECT_NE(slab.find(one.slot, one.generation), nullptr);
}

// Makes another on the way in and erases it on the way out.
struct Parent {
  Parent(Slab<Parent>& s, int depth) : slab(s) {
    if (depth > 0) child = slab.emplace(slab, depth - 1);
  }
  ~Parent() {
    if (child.object) slab.erase(child.slot, child.generation);
  }
  Slab<Parent>& slab;
  Slab<Parent>::Place child;
};

TEST(Slab, MayBeUsedByConstructorsAndDestructors) {
  Slab<Parent> slab(100);
  const auto place = slab.emplace(slab, 20);
  EXPECT_EQ(slab.size(), 21U);
  slab.erase(place.slot, place.generation);
  EXPECT_EQ(slab.size(), 0U);
  slab.check_invariants();
}

TEST(Slab, AgreesWithAMapOverRandomUse) {
  for (const std::uint64_t seed : brume::test::seeds(10)) {
    SCOPED_TRACE(brume::test::seed_hint(seed));
    sim::Random random(seed);
    Slab<Thing> slab(1500);
    std::vector<std::pair<Slab<Thing>::Place, int>> living;
    std::vector<Slab<Thing>::Place> gone;
    for (int step = 0; step < 6000; step++) {
      const bool grow = step / 2000 % 2 == 0;
      if (living.empty() || random.below(10) < (grow ? 8U : 2U)) {
        const auto place = slab.emplace(step);
        ASSERT_EQ(place.object == nullptr, living.size() == 1500);
        if (place.object) living.emplace_back(place, step);
      } else {
        const std::size_t i = random.below(static_cast<std::uint32_t>(living.size()));
        slab.erase(living[i].first.slot, living[i].first.generation);
        gone.push_back(living[i].first);
        living[i] = living.back();
        living.pop_back();
      }
      if (step % 500 != 0) continue;
      slab.check_invariants();
      for (const auto& [place, value] : living) {
        ASSERT_EQ(slab.find(place.slot, place.generation), place.object);
        ASSERT_EQ(place.object->value, value);
      }
      for (const auto& place : gone) ASSERT_EQ(slab.find(place.slot, place.generation), nullptr);
      std::size_t visited = 0;
      slab.for_each([&](Thing&) { visited++; });
      ASSERT_EQ(visited, living.size());
    }
  }
}

}  // namespace
}  // namespace brume::core

// The table of pointers against a std::set, with hashes that collide at will.
#include <array>
#include <cstdint>
#include <deque>
#include <set>

#include <gtest/gtest.h>

#include <brume/engine/sim/random.h>
#include <brume/hub/pointer_table.h>

namespace brume::hub {
namespace {

struct Thing {
  std::uint64_t hash;
  int name;
};
struct HashOfThing {
  std::uint64_t operator()(const Thing& thing) const { return thing.hash; }
};
using Table = PointerTable<Thing, HashOfThing>;

Thing* find(const Table& table, const Thing& wanted) {
  return table.find(wanted.hash, [&](const Thing& thing) { return thing.name == wanted.name; });
}

// `spread`: how many different hashes there are; 1 makes all of them collide.
void compare_with_set(std::uint64_t spread, std::size_t things, int steps) {
  sim::Random random(spread * 31 + things);
  std::deque<Thing> all;
  for (std::size_t i = 0; i < things; i++) all.push_back({random.next() % spread, static_cast<int>(i)});
  Table table;
  std::set<Thing*> model;
  for (int step = 0; step < steps; step++) {
    // Phases of growth and of shrinking.
    const bool grow = random.below(100) < (step / 500 % 2 == 0 ? 75U : 25U);
    Thing& thing = all[random.below(static_cast<std::uint32_t>(things))];
    if (grow && model.insert(&thing).second) table.insert(thing);
    if (!grow && model.erase(&thing) != 0) table.erase(thing);
    const Thing& asked = all[random.below(static_cast<std::uint32_t>(things))];
    ASSERT_EQ(find(table, asked) != nullptr, model.contains(const_cast<Thing*>(&asked)));
    ASSERT_EQ(table.size(), model.size());
    if (step % 64 == 0) table.check_invariants();
  }
  std::set<Thing*> met;
  table.for_each([&](Thing& thing) { EXPECT_TRUE(met.insert(&thing).second); });
  EXPECT_EQ(met, model);
}

TEST(PointerTable, HoldsWhatASetHolds) {
  compare_with_set(~std::uint64_t{0}, 2000, 20'000);
}

TEST(PointerTable, HoldsItAlsoWhereHashesCollide) {
  compare_with_set(1, 60, 4000);
  compare_with_set(3, 100, 4000);
  compare_with_set(16, 400, 8000);  // runs that touch each other
}

TEST(PointerTable, HashesAtTheTableEndWrapAroundAndMoveBackOnErase) {
  std::deque<Thing> all;
  for (int i = 0; i < 6; i++) all.push_back({15, i});  // the last of the sixteen places
  all.push_back({0, 6});                               // wants the first one, which is taken
  for (const std::size_t erased : {0U, 2U, 5U}) {
    Table table;
    for (Thing& thing : all) table.insert(thing);
    table.erase(all[erased]);
    table.check_invariants();
    for (std::size_t i = 0; i < all.size(); i++) EXPECT_EQ(find(table, all[i]) != nullptr, i != erased) << i;
  }
}

TEST(PointerTable, GivesItsMemoryBackAsItEmpties) {
  std::deque<Thing> all;
  Table table;
  EXPECT_EQ(table.memory(), 0u);
  sim::Random random(7);
  for (int i = 0; i < 5000; i++) all.push_back({random.next(), i});
  for (Thing& thing : all) table.insert(thing);
  const std::size_t most = table.memory();
  EXPECT_LE(most, 8192 * sizeof(Thing*)) << "seven eighths of it are used before it grows";
  for (std::size_t i = 0; i + 10 < all.size(); i++) table.erase(all[i]);
  EXPECT_LE(table.memory(), 128 * sizeof(Thing*));
  table.check_invariants();
  for (std::size_t i = all.size() - 10; i < all.size(); i++) EXPECT_EQ(find(table, all[i]), &all[i]);
  for (std::size_t i = all.size() - 10; i < all.size(); i++) table.erase(all[i]);
  EXPECT_EQ(table.memory(), 0u);
  EXPECT_EQ(find(table, all[0]), nullptr);
}

}  // namespace
}  // namespace brume::hub

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/core/intrusive_list.h>

namespace brume::core {
namespace {

struct Late;
struct Item : ListLink<>, ListLink<Late> {
  explicit Item(int v) : value(v) {}
  int value;
};

std::vector<int> values(const IntrusiveList<Item>& list) {
  std::vector<int> all;
  list.for_each([&](Item& item) { all.push_back(item.value); });
  list.check_invariants();
  return all;
}

TEST(IntrusiveList, KeepsTheOrderOfPushesAtBothEnds) {
  Item one(1), two(2), three(3);
  IntrusiveList<Item> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3}));
  EXPECT_EQ(list.front(), &one);
  EXPECT_EQ(list.back(), &three);
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_EQ(values(list), (std::vector{2, 3}));
}

TEST(IntrusiveList, LosesAnElementThatIsDestroyedOrUnlinked) {
  Item one(1), three(3);
  IntrusiveList<Item> list;
  auto two = std::make_unique<Item>(2);
  list.push_back(one);
  list.push_back(*two);
  list.push_back(three);
  two.reset();
  EXPECT_EQ(values(list), (std::vector{1, 3}));
  one.ListLink<>::unlink();
  one.ListLink<>::unlink();
  EXPECT_FALSE(one.ListLink<>::linked());
  EXPECT_EQ(values(list), (std::vector{3}));
}

TEST(IntrusiveList, LetsItsElementsGoWhenItGoes) {
  Item one(1);
  {
    IntrusiveList<Item> list;
    list.push_back(one);
    EXPECT_TRUE(one.ListLink<>::linked());
  }
  EXPECT_FALSE(one.ListLink<>::linked());
}

TEST(IntrusiveList, LetsAnElementBeInSeveralListsByTags) {
  Item one(1);
  IntrusiveList<Item> list;
  IntrusiveList<Item, Late> late;
  list.push_back(one);
  late.push_back(one);
  EXPECT_EQ(list.front(), &one);
  EXPECT_EQ(late.pop_front(), &one);
  EXPECT_TRUE(late.empty());
  EXPECT_EQ(list.front(), &one);
}

TEST(IntrusiveList, LetsAVisitRemoveOrDestroyTheElementItIsAt) {
  IntrusiveList<Item> list;
  std::vector<std::unique_ptr<Item>> items;
  for (int i = 0; i < 5; i++) list.push_back(*items.emplace_back(std::make_unique<Item>(i)));
  list.for_each([&](Item& item) { items[static_cast<std::size_t>(item.value)].reset(); });
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace brume::core

#include <gtest/gtest.h>

#include <brume/engine/connection/core_extension.h>

namespace brume::connection {
namespace {

class Shard final : public CoreExtension {
 public:
  void check_invariants() const override { checks++; }
  mutable int checks = 0;
};

TEST(CoreExtensions, AreFoundByTheirNumberUntilTheyAreRemoved) {
  CoreExtensions extensions;
  EXPECT_EQ(extensions.find(0), nullptr);
  Shard one;
  Shard two;
  const std::uint32_t first = extensions.add(one);
  const std::uint32_t second = extensions.add(two);
  EXPECT_EQ(extensions.find(first), &one);
  EXPECT_EQ(extensions.find(second), &two);
  EXPECT_EQ(extensions.find(second + 1), nullptr);
  extensions.remove(first);
  EXPECT_EQ(extensions.find(first), nullptr);
  EXPECT_EQ(extensions.find(second), &two);
}

TEST(CoreExtensions, NeverGiveANumberTwice) {
  CoreExtensions extensions;
  Shard shard;
  const std::uint32_t first = extensions.add(shard);
  extensions.remove(first);
  const std::uint32_t second = extensions.add(shard);
  EXPECT_NE(second, first);
  EXPECT_EQ(extensions.find(first), nullptr) << "what was sent to the first life does not reach the second";
  EXPECT_EQ(extensions.find(second), &shard);
}

TEST(CoreExtensions, CheckThoseThatAreThere) {
  CoreExtensions extensions;
  Shard gone;
  Shard there;
  extensions.remove(extensions.add(gone));
  (void)extensions.add(there);
  extensions.check_invariants();
  EXPECT_EQ(gone.checks, 0);
  EXPECT_EQ(there.checks, 1);
}

}  // namespace
}  // namespace brume::connection

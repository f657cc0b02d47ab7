#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <brume/engine/core/inline_function.h>

namespace brume::core {
namespace {

TEST(InlineFunction, CallsWhatItHolds) {
  InlineFunction<int(int, int)> add = [](int a, int b) { return a + b; };
  EXPECT_TRUE(static_cast<bool>(add));
  EXPECT_EQ(add(2, 3), 5);
  EXPECT_FALSE(static_cast<bool>(InlineFunction<void()>()));
}

TEST(InlineFunction, KeepsTheStateOfItsCallable) {
  InlineFunction<int()> counter = [n = 0]() mutable { return ++n; };
  EXPECT_EQ(counter(), 1);
  EXPECT_EQ(counter(), 2);
  InlineFunction<int()> moved = std::move(counter);
  EXPECT_FALSE(static_cast<bool>(counter));
  EXPECT_EQ(moved(), 3);
}

TEST(InlineFunction, IgnoresAResultNobodyAskedFor) {
  int calls = 0;
  InlineFunction<void()> function = [&calls] { return ++calls; };
  function();
  EXPECT_EQ(calls, 1);
}

TEST(InlineFunction, PassesArgumentsOnWithoutCopies) {
  InlineFunction<std::size_t(std::unique_ptr<std::string>, std::string&)> function = [](std::unique_ptr<std::string> a,
                                                                                        std::string& b) {
    b += *a;
    return b.size();
  };
  std::string text = "ab";
  EXPECT_EQ(function(std::make_unique<std::string>("cd"), text), 4U);
  EXPECT_EQ(text, "abcd");
}

TEST(InlineFunction, FreesACallableThatOwnsSomething) {
  const auto shared = std::make_shared<int>(7);
  {
    InlineFunction<int()> one = [shared] { return *shared; };
    InlineFunction<int()> two = [shared] { return *shared + 1; };
    EXPECT_EQ(shared.use_count(), 3);
    one = std::move(two);
    EXPECT_EQ(one(), 8);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

TEST(InlineFunction, HoldsCallablesOfAnySizeAndAlignment) {
  struct alignas(64) Wide {
    std::array<int, 40> values;
    int operator()(int i) const { return values[static_cast<std::size_t>(i)]; }
  };
  Wide wide{};
  wide.values[39] = 5;
  InlineFunction<int(int)> function = wide;
  InlineFunction<int(int)> moved = std::move(function);
  EXPECT_EQ(moved(39), 5);
}

TEST(InlineFunction, TravelsAsBytes) {
  using Function = InlineFunction<int()>;
  const auto shared = std::make_shared<int>(7);
  std::array<Function, 2> functions{Function([a = 1, b = 2] { return a + b; }), Function([shared] { return *shared; })};
  for (const int expected : {3, 7}) {
    Function::Packed packed = std::move(functions[expected == 3 ? 0 : 1]).pack();
    std::array<std::byte, sizeof packed> wire{};
    std::memcpy(wire.data(), &packed, sizeof packed);
    Function::Packed arrived;
    std::memcpy(&arrived, wire.data(), sizeof arrived);
    Function function = Function::unpack(arrived);
    EXPECT_EQ(function(), expected);
  }
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace brume::core

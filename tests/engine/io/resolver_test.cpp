// Host names by the system's resolver, on threads of its own.
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include <brume/engine/io/machine.h>
#include <brume/engine/io/resolver.h>

namespace brume::io {
namespace {

using namespace std::chrono_literals;

Environment::Resolution resolve(Environment& environment, const std::string& host) {
  std::promise<Environment::Resolution> promise;
  environment.resolve(host, 4711, [&](Environment::Resolution found) { promise.set_value(std::move(found)); });
  return promise.get_future().get();
}

TEST(Resolver, LocalhostIsThisMachineWithThePortAskedFor) {
  Machine machine;
  const auto found = resolve(machine, "localhost");
  EXPECT_EQ(found.error, "");
  ASSERT_FALSE(found.addresses.empty());
  for (const Address& address : found.addresses) {
    EXPECT_TRUE(address.host() == "127.0.0.1" || address.host() == "::1") << address.to_string();
    EXPECT_EQ(address.port, 4711);
  }
}

TEST(Resolver, AddressesAreTakenAsTheyAre) {
  Machine machine;
  EXPECT_EQ(resolve(machine, "192.0.2.1").addresses.at(0).to_string(), "192.0.2.1:4711");
  EXPECT_EQ(resolve(machine, "2001:db8::1").addresses.at(0).to_string(), "[2001:db8::1]:4711");
}

TEST(Resolver, ANameThatIsNeverThereHasAnErrorOfOneLine) {
  Machine machine;  // RFC 6761, section 6.4
  const auto found = resolve(machine, "name.invalid");
  EXPECT_TRUE(found.addresses.empty());
  EXPECT_FALSE(found.error.empty());
  EXPECT_EQ(found.error.find('\n'), std::string::npos);
}

TEST(Resolver, ManyNamesShareAFewThreadsAndEachIsAnswered) {
  std::atomic<int> answers{0};
  Resolver resolver;
  constexpr int kNames = 200;
  for (int i = 0; i < kNames; i++) resolver.resolve("localhost", 1, [&](Environment::Resolution) { answers++; });
  for (int i = 0; i < 2000 && answers != kNames; i++) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(answers, kNames);
}

TEST(Resolver, NobodyHearsOfANameOnceItIsGone) {
  const auto gone = std::make_shared<std::atomic<bool>>(false);
  {
    Resolver resolver;
    for (int i = 0; i < 500; i++)
      resolver.resolve("localhost", 1, [gone](Environment::Resolution) { EXPECT_FALSE(*gone); });
  }
  *gone = true;
  // Until the threads that were inside the system have come back.
  for (int i = 0; i < 2000 && gone.use_count() != 1; i++) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(gone.use_count(), 1);
}

}  // namespace
}  // namespace brume::io

// Host names by the system's resolver, on threads of its own.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <iterator>
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

// Lives as long as a thread that looks names up.
struct Living {
  Living() { count++; }
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;
  ~Living() { count--; }
  static inline std::atomic<int> count{0};
};

Environment::Resolution find_at_once(const std::string&, std::uint16_t) {
  thread_local const Living living;
  return {{}, Living::count > 0 ? "nobody" : ""};
}

TEST(Resolver, ItsThreadsAreFewAndHaveEndedOnceItIsGone) {
  for (int round = 0; round < 50; round++) {
    std::atomic<int> answers{0};
    {
      Resolver resolver(find_at_once);
      for (int i = 0; i < 20; i++) {
        resolver.resolve("a", 1, [&](Environment::Resolution) { answers++; });
        EXPECT_LE(Living::count, static_cast<int>(Resolver::kMaxThreads) * 2);  // some of them ending
      }
      if (round % 2 == 0)
        for (int i = 0; i < 2000 && answers != 20; i++) std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(Living::count, 0);
    EXPECT_TRUE(round % 2 != 0 || answers == 20);
  }
}

TEST(Resolver, ItDoesNotWaitForASystemThatIsSilentAndNobodyHearsOfWhatThatFindsLater) {
  struct Shared {
    std::promise<void> release;
    std::shared_future<void> released{release.get_future().share()};
    std::atomic<int> inside{0};
    std::atomic<int> told{0};
  };
  const auto shared = std::make_shared<Shared>();
  const auto held = std::make_shared<int>(0);  // what the callbacks hold
  {
    Resolver resolver([shared](const std::string&, std::uint16_t) -> Environment::Resolution {
      shared->inside++;
      shared->released.wait();
      return {{}, "late"};
    });
    for (int i = 0; i < 10; i++) resolver.resolve("a", 1, [shared, held](Environment::Resolution) { shared->told++; });
    for (int i = 0; i < 2000 && shared->inside != static_cast<int>(Resolver::kMaxThreads); i++)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(shared->inside, static_cast<int>(Resolver::kMaxThreads));
  }
  // Gone, although its threads stand where they stood; what waited for them was dropped.
  EXPECT_EQ(shared->told, 0);
  EXPECT_EQ(held.use_count(), 1 + static_cast<long>(Resolver::kMaxThreads));
  shared->release.set_value();
  for (int i = 0; i < 2000 && held.use_count() != 1; i++) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(shared->told, 0);
  EXPECT_EQ(shared->inside, static_cast<int>(Resolver::kMaxThreads));
  // Until the threads have let go of the rest, too.
  for (int i = 0; i < 2000 && shared.use_count() != 1; i++) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(shared.use_count(), 1);
}

std::ptrdiff_t threads_of_this_process() {
  return std::ranges::distance(std::filesystem::directory_iterator("/proc/self/task"),
                               std::filesystem::directory_iterator());
}

TEST(Resolver, AMachineThatIsJoinedHasNoThreadOfItsResolverLeftAndResolvesAgainAfterwards) {
  const std::ptrdiff_t before = threads_of_this_process();
  Machine machine;
  for (int round = 0; round < 20; round++) {
    const auto held = std::make_shared<int>(0);
    for (int i = 0; i < 8; i++) machine.resolve("127.0.0.1", 1, [held](Environment::Resolution) {});
    machine.join();
    EXPECT_EQ(threads_of_this_process(), before);
    EXPECT_EQ(held.use_count(), 1);
    EXPECT_EQ(resolve(machine, "127.0.0.1").addresses.size(), 1U);
  }
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

// A hub's calls from a thread that is no core's, where memory runs out.
#include <cstdint>
#include <expected>

#include <gtest/gtest.h>

#include <brume/engine/simulator.h>
#include <brume/hub/hub.h>
#include <brume/tests/support/failing_memory.h>

namespace brume {
namespace {

using test::MayFail;

TEST(HubMemory, APostedBroadcastSaysThatThereIsNoneLeft) {
  Simulator world{SimulatorOptions{}};
  Server server{world};
  Hub hub(server);
  ASSERT_TRUE(server.listen("127.0.0.1:0"));
  ASSERT_TRUE(server.start());
  for (std::uint64_t number = 1;; number++) {
    std::expected<void, Error> posted;
    test::memory.arm(number, 1);
    {
      const MayFail may_fail;
      ASSERT_NO_THROW(posted = hub.broadcast_text_to_room("lobby", "hi")) << "allocation " << number;
    }
    test::memory.disarm();
    if (test::memory.failed() != 0) {
      ASSERT_FALSE(posted) << "allocation " << number;
      EXPECT_EQ(posted.error(), Error::out_of_memory);
      continue;
    }
    EXPECT_TRUE(posted);
    EXPECT_GT(number, 1u) << "no allocation ever failed";
    break;
  }
  world.run_until_idle();
}

}  // namespace
}  // namespace brume

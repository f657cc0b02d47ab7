#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(ClosePayloadFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("close_payload");
}

}  // namespace
}  // namespace brume::test

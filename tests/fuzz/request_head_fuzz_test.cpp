#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(RequestHeadFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("request_head");
}

}  // namespace
}  // namespace brume::test

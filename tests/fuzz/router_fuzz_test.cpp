#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(RouterFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("router");
}

}  // namespace
}  // namespace brume::test

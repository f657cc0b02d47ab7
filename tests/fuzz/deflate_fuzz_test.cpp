#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(DeflateFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("deflate");
}

}  // namespace
}  // namespace brume::test

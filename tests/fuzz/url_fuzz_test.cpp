#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(UrlFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("url");
}

}  // namespace
}  // namespace brume::test

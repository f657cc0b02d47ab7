#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(KernelsFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("kernels");
}

}  // namespace
}  // namespace brume::test

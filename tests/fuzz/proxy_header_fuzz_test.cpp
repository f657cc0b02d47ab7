#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(ProxyHeaderFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("proxy_header");
}

}  // namespace
}  // namespace brume::test

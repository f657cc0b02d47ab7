#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(HandshakeFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("handshake");
}

}  // namespace
}  // namespace brume::test

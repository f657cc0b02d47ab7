#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(ClientHandshakeFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("client_handshake");
}

}  // namespace
}  // namespace brume::test

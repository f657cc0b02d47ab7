#include <gtest/gtest.h>

#include <brume/tests/support/corpus_replay.h>

namespace brume::test {
namespace {

TEST(FrameDecoderFuzz, EverySeedAndEveryBeginningOfItPasses) {
  replay_corpus("frame_decoder");
}

}  // namespace
}  // namespace brume::test

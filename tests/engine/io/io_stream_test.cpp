#include <array>
#include <random>

#include <brume/tests/engine/io/io_fixture.h>

namespace brume::io::testing {
namespace {

class IoStream : public IoTest {
 protected:
  // Reads at the client until `size` bytes are there or nothing comes any more.
  static std::string read_all(Core& core, const OwnedDescriptor& client, std::size_t size) {
    std::string bytes;
    EXPECT_TRUE(core.run_until([&] {
      bytes += read_some(client).bytes;
      return bytes.size() >= size;
    }));
    return bytes;
  }
  // Writes all of `bytes` at the client in pieces of changing size, polling in between.
  static void write_all(Core& core, const OwnedDescriptor& client, std::string_view bytes, std::size_t largest) {
    std::minstd_rand random(7);
    std::uniform_int_distribution<std::size_t> sizes(1, largest);
    EXPECT_TRUE(core.step_until([&] {
      bytes.remove_prefix(write_some(client, bytes.substr(0, sizes(random))));
      return bytes.empty();
    }));
  }
};
BRUME_EVERY_BACKEND(IoStream);

TEST_P(IoStream, DeliversBytesInOrderHoweverTheyAreSplit) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  for (const std::size_t largest : {3u, 1000u, 70000u}) {
    auto pair = connect_pair(core);
    const std::string sent = pattern(largest * 40, largest);
    write_all(core, pair.client, sent, largest);
    ASSERT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes.size() >= sent.size(); }));
    EXPECT_TRUE(core.story_of(pair.token).bytes == sent);
    finish(core, pair.token, true);
  }
  expect_clean_end(core);
}

TEST_P(IoStream, ManySocketsAtOnceKeepTheirBytesApart) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  constexpr std::size_t kPairs = 50;
  std::vector<Pair> pairs;
  std::vector<std::string> sent, rest;
  for (std::size_t i = 0; i < kPairs; i++) {
    pairs.push_back(connect_pair(core));
    sent.push_back(pattern(100'000 + i * 997, i));
  }
  rest = sent;
  std::minstd_rand random(3);
  EXPECT_TRUE(core.step_until([&] {
    bool all = true;
    for (std::size_t i = 0; i < kPairs; i++) {
      rest[i].erase(0, write_some(pairs[i].client, std::string_view(rest[i]).substr(0, 1 + random() % 9000)));
      all = all && core.story_of(pairs[i].token).bytes.size() == sent[i].size();
    }
    return all;
  }));
  for (std::size_t i = 0; i < kPairs; i++) {
    EXPECT_TRUE(core.story_of(pairs[i].token).bytes == sent[i]) << "socket " << i;
    finish(core, pairs[i].token, true);
  }
  expect_clean_end(core);
}

TEST_P(IoStream, SendsUpToSixteenSegmentsInOrder) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{7}, Io::kMaxSegments}) {
    auto pair = connect_pair(core);
    std::vector<std::string> parts;
    std::string whole;
    for (std::size_t i = 0; i < count; i++) {
      parts.push_back(pattern(1 + i * 37, i));
      whole += parts.back();
    }
    std::int32_t result = 0;
    {
      std::vector<iovec> segments;
      for (std::string& part : parts) segments.push_back({part.data(), part.size()});
      result = core.io->send(pair.socket(), pair.token, segments);
      std::ranges::fill(segments, iovec{nullptr, 999});  // the span need not outlive the call
    }
    if (result == Io::kPending) {
      ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).sends.empty(); }));
      result = core.story_of(pair.token).sends.back();
    }
    EXPECT_EQ(result, static_cast<std::int32_t>(whole.size()));
    EXPECT_EQ(read_all(core, pair.client, whole.size()), whole);
    finish(core, pair.token, true);
  }
  expect_clean_end(core);
}

TEST_P(IoStream, ASendManyTimesTheSocketsBufferMakesProgressAndCompletes) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, true, {.receive_buffer = 64 << 10});
  const std::string sent = pattern(16 << 20);
  std::string got;
  std::size_t done = 0, partial = 0, pending = 0;
  bool in_flight = false;
  const auto go_on = [&](std::int32_t result) {
    ASSERT_GT(result, 0);
    partial += std::size_t{static_cast<std::size_t>(result) < sent.size() - done};
    done += static_cast<std::size_t>(result);
  };
  core.sent_hook = [&](Token, std::int32_t result) {
    in_flight = false;
    go_on(result);
  };
  EXPECT_TRUE(core.step_until([&] {
    while (!in_flight && done < sent.size()) {
      // As an outbox would: several segments, of which the first may be short.
      std::array<iovec, 3> segments;
      std::size_t count = 0;
      for (std::size_t at = done; at < sent.size() && count < segments.size(); count++) {
        const std::size_t size = count == 0 ? 1 : std::min<std::size_t>(5 << 20, sent.size() - at);
        segments[count] = {const_cast<char*>(sent.data()) + at, size};
        at += size;
      }
      const std::int32_t result = core.io->send(pair.socket(), pair.token, std::span(segments).first(count));
      in_flight = result == Io::kPending;
      pending += std::size_t{in_flight};
      if (!in_flight) go_on(result);
      if (::testing::Test::HasFatalFailure()) return true;
    }
    got += read_some(pair.client, 64 << 10).bytes;
    return got.size() == sent.size();
  }));
  EXPECT_TRUE(got == sent);
  EXPECT_GT(partial, 0u);
  EXPECT_GT(pending, 0u);
  finish(core, pair.token, true);
  expect_clean_end(core);
}

TEST_P(IoStream, ASlowReaderHoldsUpItsOwnSendOnly) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto slow = connect_pair(core, true, {.receive_buffer = 4096});
  const std::string block = pattern(kBlock);
  block_a_send(core, slow.token, block);
  const std::size_t before = core.story_of(slow.token).sends.size();
  auto quick = connect_pair(core);
  for (int i = 0; i < 20; i++) {
    write_some(quick.client, "ping");
    const std::size_t expected = 4 * (static_cast<std::size_t>(i) + 1);
    ASSERT_TRUE(core.run_until([&] { return core.story_of(quick.token).bytes.size() == expected; }));
    ASSERT_EQ(send_and_wait(core, quick.token, "pong"), 4);
    ASSERT_EQ(read_all(core, quick.client, 4), "pong");
  }
  EXPECT_EQ(core.story_of(slow.token).sends.size(), before);
  core.io->cancel(slow.socket(), slow.token);
  EXPECT_TRUE(core.run_until([&] { return core.io->operations_in_flight() == (is_uring(GetParam()) ? 33u : 2u); }));
  core.io->close(slow.socket(), true);
  finish(core, quick.token, true);
  expect_clean_end(core);
}

TEST_P(IoStream, StoppingAndStartingAgainLosesNoByte) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  const std::string sent = pattern(3 << 20);
  std::string_view rest = sent;
  bool receiving = true;
  std::size_t stops = 0;
  core.end_hook = [&](Token) { receiving = false; };
  std::minstd_rand random(5);
  EXPECT_TRUE(core.step_until([&] {
    rest.remove_prefix(write_some(pair.client, rest.substr(0, 30'000)));
    if (!receiving) {
      EXPECT_EQ(core.story_of(pair.token).receive_ends.back(), ECANCELED);
      core.io->receive(pair.socket(), pair.token);
      receiving = true;
    } else if (random() % 3 == 0) {
      core.io->stop_receive(pair.socket(), pair.token);
      core.io->stop_receive(pair.socket(), pair.token);  // asking twice is asking once
      stops++;
    }
    return core.story_of(pair.token).bytes.size() >= sent.size();
  }));
  EXPECT_GT(stops, 10u);
  EXPECT_TRUE(core.story_of(pair.token).bytes == sent);
  if (receiving) finish(core, pair.token, true);
  EXPECT_TRUE(core.run_until([&] { return !receiving; }));
  expect_clean_end(core);
}

TEST_P(IoStream, StoppingFromWithinADeliveryEndsTheReceiveOnce) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  core.receive_hook = [&](Token token) { core.io->stop_receive(token.slot, token); };
  write_some(pair.client, "one");
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  write_some(pair.client, "two");
  core.run_a_while();
  EXPECT_EQ(core.story_of(pair.token).bytes, "one") << "nothing is read while nobody receives";
  EXPECT_EQ(core.story_of(pair.token).receive_ends, std::vector<int>{ECANCELED});
  core.receive_hook = nullptr;
  core.io->receive(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes == "onetwo"; }));
  core.io->cancel(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).receive_ends.size() == 2; }));
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoStream, APausedConnectionIsHeldByTcp) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core);
  core.io->stop_receive(pair.socket(), pair.token);
  ASSERT_TRUE(core.run_until([&] { return !core.story_of(pair.token).receive_ends.empty(); }));
  const std::string block = pattern(1 << 16);
  std::size_t sent = 0;
  constexpr std::size_t kFar = std::size_t{256} << 20;
  for (int still = 0; still < 20 && sent < kFar;) {
    const std::size_t count = write_some(pair.client, block);
    sent += count;
    still = count == 0 ? still + 1 : 0;
    core.run_a_while(1);
  }
  EXPECT_LT(sent, kFar) << "the writer was never held up";
  EXPECT_TRUE(core.story_of(pair.token).bytes.empty());
  core.io->receive(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).bytes.size() == sent; }));
  core.io->cancel(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(pair.token).receive_ends.size() == 2; }));
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

// An echo that never holds more than what one delivery brought: it reads again once that has gone out. The client
// writes all it can and reads a byte at a time through a small window, so that both directions are blocked most of the
// time.
TEST_P(IoStream, EightMebibytesComeBackThroughASmallWindowAByteAtATime) {
  BRUME_CORE_OR_SKIP(core);
  core.listen();
  auto pair = connect_pair(core, true, {.receive_buffer = 2048, .send_buffer = 4096});
  const std::string sent = pattern(8 << 20);
  std::string held;
  std::size_t from = 0;
  bool receiving = true;
  bool sending = false;
  std::size_t pauses = 0;
  const auto flush = [&] {
    while (!sending && from < held.size()) {
      const iovec rest{held.data() + from, held.size() - from};
      const std::int32_t result = core.io->send(pair.socket(), pair.token, {&rest, 1});
      sending = result == Io::kPending;
      if (!sending) from += static_cast<std::size_t>(std::max(result, 0));
    }
    if (sending || from < held.size()) return;
    held.clear();
    from = 0;
    if (!receiving) {
      core.io->receive(pair.socket(), pair.token);
      receiving = true;
    }
  };
  // While a send is in flight `held` must not move: bytes of the same poll wait here.
  std::string next;
  std::size_t taken = 0;
  core.receive_hook = [&](Token token) {
    std::string& story = core.story_of(token).bytes;
    next.append(story);
    taken += story.size();
    story.clear();
    core.io->stop_receive(token.slot, token);
  };
  core.end_hook = [&](Token) {
    receiving = false;
    pauses++;
  };
  core.sent_hook = [&](Token, std::int32_t result) {
    sending = false;
    from += static_cast<std::size_t>(std::max(result, 0));
  };
  std::string_view rest = sent;
  std::string got;
  got.reserve(sent.size());
  constexpr int kRounds = 2'000'000;
  for (int i = 0; i < kRounds && got.size() < sent.size(); i++) {
    rest.remove_prefix(write_some(pair.client, rest.substr(0, 64 << 10)));
    core.io->poll(core, std::chrono::microseconds(100));
    if (!sending && held.empty()) held.swap(next);
    flush();
    // A byte alone, then whatever is there.
    got += read_some(pair.client, 1).bytes;
    got += read_some(pair.client, 16 << 10).bytes;
  }
  EXPECT_EQ(got.size(), sent.size());
  EXPECT_TRUE(got == sent);
  EXPECT_EQ(taken, sent.size());
  EXPECT_GT(pauses, 10u);
  core.io->cancel(pair.socket(), pair.token);
  EXPECT_TRUE(core.run_until([&] { return !receiving && !sending; }));
  core.io->close(pair.socket(), false);
  expect_clean_end(core);
}

TEST_P(IoStream, OneSocketWithMuchToSayDoesNotFillAPoll) {
  UringOptions options;
  options.receive_pool_size = 16 << 10;
  BRUME_CORE_OR_SKIP(core, options);
  core.listen();
  auto loud = connect_pair(core, false);
  auto quiet = connect_pair(core, false);
  write_some(loud.client, pattern(1 << 20));
  write_some(quiet.client, "psst");
  core.io->receive(loud.socket(), loud.token);
  core.io->receive(quiet.socket(), quiet.token);
  core.run_a_while(1);
  EXPECT_LE(core.story_of(loud.token).bytes.size(), options.receive_pool_size * 4);
  EXPECT_TRUE(core.run_until([&] { return core.story_of(quiet.token).bytes == "psst"; }));
  EXPECT_LT(core.story_of(loud.token).bytes.size(), std::size_t{1} << 19);
  finish(core, loud.token, true, true);
  finish(core, quiet.token, true);
  expect_clean_end(core);
}

}  // namespace
}  // namespace brume::io::testing

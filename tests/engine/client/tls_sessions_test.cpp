// Which sessions are kept, for whom, how many, and that each is given away once.
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <brume/engine/client/tls_sessions.h>

namespace brume::client {
namespace {

// What is kept is not looked at: an empty one will do.
tls::Session some_session() {
  return {SSL_SESSION_new(), [](SSL_SESSION* s) { SSL_SESSION_free(s); }};
}

TEST(TlsSessions, TheNewestOfAHostIsGivenToOneAndToNobodyElse) {
  TlsSessions sessions;
  const tls::Session first = some_session();
  const tls::Session second = some_session();
  sessions.put("a.test", first);
  sessions.put("a.test", second);
  sessions.put("b.test", some_session());
  EXPECT_EQ(sessions.take("a.test:444"), nullptr);
  EXPECT_EQ(sessions.take("a.test"), second);
  EXPECT_EQ(sessions.take("a.test"), first);
  EXPECT_EQ(sessions.take("a.test"), nullptr);
  EXPECT_NE(sessions.take("b.test"), nullptr);
  EXPECT_EQ(sessions.size(), 0u);
  EXPECT_EQ(first.use_count(), 1);
}

TEST(TlsSessions, NoSessionIsKeptAsNone) {
  TlsSessions sessions;
  sessions.put("a.test", nullptr);
  EXPECT_EQ(sessions.size(), 0u);
}

TEST(TlsSessions, OfOneHostAndInAllTheOldestMakeRoom) {
  TlsSessions sessions;
  std::vector<tls::Session> of_one;
  for (std::size_t i = 0; i <= TlsSessions::kMaxOfOne; i++) {
    of_one.push_back(some_session());
    sessions.put("a.test", of_one.back());
  }
  EXPECT_EQ(sessions.size(), TlsSessions::kMaxOfOne);
  EXPECT_EQ(of_one.front().use_count(), 1);
  for (std::size_t i = 0; i < TlsSessions::kMax; i++) sessions.put("host" + std::to_string(i), some_session());
  EXPECT_EQ(sessions.size(), TlsSessions::kMax);
  for (const tls::Session& session : of_one) EXPECT_EQ(session.use_count(), 1);
  EXPECT_EQ(sessions.take("a.test"), nullptr);
  EXPECT_NE(sessions.take("host0"), nullptr);
}

TEST(TlsSessions, ThreadsThatTakeAndPutNeverShareASession) {
  TlsSessions sessions;
  std::atomic<int> shared{0};
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; t++) {
      threads.emplace_back([&, t] {
        const std::string host = "host" + std::to_string(t % 2);
        for (int i = 0; i < 1000; i++) {
          sessions.put(host, some_session());
          const tls::Session own = sessions.take(host);
          if (!own) continue;  // the other thread of that host has it
          taken++;
          if (own.use_count() != 1) shared++;
        }
      });
    }
  }
  EXPECT_EQ(shared, 0);
  EXPECT_GT(taken, 0);
}

}  // namespace
}  // namespace brume::client

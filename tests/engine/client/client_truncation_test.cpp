// Row T7 at the client: TLS that ends without close_notify, or in a record that is not what was sent.
#include <brume/engine/tls/tls_filter.h>
#include <brume/tests/engine/client/client_tls_fixture.h>

namespace brume::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// How a server's connection ends.
struct Ending {
  std::string frames{};       // behind the 101, in one record
  bool answers = true;        // with a 101
  bool close_notify = false;  // before TCP's end
  std::size_t cut = 0;        // bytes of the last record that are not sent
  bool altered = false;       // the last byte of the last record
};

// A server by TLS that answers the upgrade, says what it has to say, and ends TCP.
class EndingServer {
 public:
  EndingServer(Simulator& world, const TlsCertificate& certificate, const Ending& ending)
      : core_(world, [context = context_for(certificate), ending]() -> ReplyCore::Talk {
          auto talk = std::make_shared<Talk>(context, ending);
          return [talk](std::string_view bytes) { return talk->take(bytes); };
        }) {}
  std::string url() const { return "wss" + url_of(core_.address()).substr(2); }

 private:
  using Context = std::shared_ptr<const tls::TlsContext>;
  static Context context_for(const TlsCertificate& certificate) {
    TlsConfig config;
    config.certificates = {certificate};
    auto made = tls::TlsContext::for_server(config, std::make_shared<tls::TicketKeys>(std::chrono::hours(1)));
    EXPECT_TRUE(made);
    return *made;
  }

  class Talk final : private tls::Output {
   public:
    Talk(const Context& context, const Ending& ending) : ending_(ending) { EXPECT_TRUE(filter_.begin_server(context)); }
    Reply take(std::string_view bytes) {
      std::vector<std::byte> plain(4 * tls::TlsFilter::kMaxRecordPayload);
      using State = tls::TlsFilter::State;
      while (!bytes.empty() && (filter_.state() == State::handshake || filter_.state() == State::open)) {
        const auto step = filter_.step(std::as_bytes(std::span(bytes)), plain, *this, io::Time(0));
        head_.append(reinterpret_cast<const char*>(plain.data()), step.opened);
        bytes.remove_prefix(step.taken);
        if (step.taken == 0 && step.opened == 0) break;
      }
      Reply reply;
      if (!done_ && head_.find("\r\n\r\n") != std::string::npos) {
        done_ = true;
        reply.finish = true;
        say(ending_.answers ? good_answer(head_) : "");
        say(ending_.frames);
        sent_.resize(sent_.size() - ending_.cut);
        if (ending_.altered) sent_.back() = static_cast<char>(sent_.back() ^ 1);
        if (ending_.close_notify) filter_.close(*this, io::Time(0));
      }
      reply.bytes = std::exchange(sent_, {});
      return reply;
    }

   private:
    void say(std::string_view text) {
      if (!text.empty()) {
        EXPECT_TRUE(filter_.seal(std::as_bytes(std::span(text)), *this, io::Time(0)));
      }
    }
    bool take_records(std::span<const std::byte> records) noexcept override {
      sent_.append(reinterpret_cast<const char*>(records.data()), records.size());
      return true;
    }

    Ending ending_;
    tls::TlsFilter filter_;
    std::string sent_;
    std::string head_;
    bool done_ = false;
  };

  ReplyCore core_;
};

class ClientTruncation : public ClientTlsTest {
 protected:
  std::shared_ptr<Outcome> follow(const Ending& ending) {
    const EndingServer cutter(own.world, certificate, ending);
    const auto outcome = own.follow(cutter.url(), options);
    own.world.run_for(15s);
    EXPECT_EQ(own.client.stats().sockets, 0u);
    return outcome;
  }
  const TlsCertificate certificate = good();
  const std::string message = text_of_frame(1, "whole");
};

TEST_F(ClientTruncation, T7_AnEndWithoutCloseNotifyIsUncleanAlsoRightBehindAWholeMessageWhichIsDelivered) {
  const auto outcome = follow({.frames = message + message});
  EXPECT_TRUE(outcome->connected);
  EXPECT_THAT(outcome->messages, ElementsAre("whole", "whole"));
  EXPECT_EQ(outcome->close_code, 1006);
  EXPECT_EQ(outcome->close_cause, CloseCause::transport);
  EXPECT_FALSE(outcome->clean);
  EXPECT_EQ(own.client.stats().refused_by("tls_truncated"), 1u);
}

TEST_F(ClientTruncation, T7_AnEndWithCloseNotifyButWithoutACloseFrameIsUncleanTooAndNothingWasCutOff) {
  const auto outcome = follow({.frames = message, .close_notify = true});
  EXPECT_THAT(outcome->messages, ElementsAre("whole"));
  EXPECT_EQ(outcome->close_code, 1006);
  EXPECT_FALSE(outcome->clean);
  EXPECT_EQ(own.client.stats().refused_by("tls_truncated"), 0u);
}

TEST_F(ClientTruncation, ACloseFrameThatCameWholeEndsItInOrderWhateverBecomesOfTls) {
  const auto outcome = follow({.frames = message + std::string("\x88\x02\x0B\xB9", 4)});
  EXPECT_THAT(outcome->messages, ElementsAre("whole"));
  EXPECT_EQ(outcome->close_code, 3001);
  EXPECT_TRUE(outcome->clean);
}

TEST_F(ClientTruncation, T7_AMessageOfWhichARecordIsCutOffAnywhereIsNeverDelivered) {
  const std::size_t most = message.size() + 20;  // a part of the record's header at least is there
  for (std::size_t cut = 1; cut <= most; cut++) {
    const auto outcome = follow({.frames = message, .cut = cut});
    EXPECT_TRUE(outcome->connected) << cut;
    EXPECT_TRUE(outcome->messages.empty()) << cut;
    EXPECT_EQ(outcome->close_code, 1006) << cut;
    EXPECT_FALSE(outcome->clean) << cut;
  }
}

TEST_F(ClientTruncation, T7_ARecordThatWasAlteredIsNeverDelivered) {
  const auto outcome = follow({.frames = message, .altered = true});
  EXPECT_TRUE(outcome->connected);
  EXPECT_TRUE(outcome->messages.empty());
  EXPECT_EQ(outcome->close_code, 1006);
  EXPECT_FALSE(outcome->clean);
  EXPECT_EQ(own.client.stats().refused_by("tls_record"), 1u);
}

TEST_F(ClientTruncation, T7_BeforeTheAnswerItIsAnErrorThatNamesIt) {
  const auto outcome = follow({.answers = false});
  EXPECT_FALSE(outcome->connected);
  ASSERT_TRUE(outcome->error);
  EXPECT_EQ(outcome->error->step, ConnectStep::upgrade);
  EXPECT_THAT(outcome->error->text, HasSubstr("truncated"));
}

TEST_F(ClientTruncation, T7_MessagesThatNobodyWaitedForYetAreDeliveredBeforeTheEndIsTold) {
  const EndingServer cutter(own.world, certificate, {.frames = message + message + message});
  std::vector<std::string> got;
  std::optional<CloseInfo> end;
  ASSERT_TRUE(own.client.run([&]() -> Task<> {
    auto feed = co_await own.client.connect(cutter.url(), options);
    EXPECT_TRUE(feed);
    if (!feed) co_return;
    for (;;) {
      (void)co_await sleep(200ms);  // TLS ends meanwhile
      auto received = co_await feed->receive();
      if (!received) {
        end = received.error();
        co_return;
      }
      got.emplace_back(received->text());
    }
  }));
  own.world.run_for(15s);
  EXPECT_THAT(got, ElementsAre("whole", "whole", "whole"));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, 1006);
  EXPECT_FALSE(end->clean);
  EXPECT_EQ(own.client.stats().sockets, 0u);
  EXPECT_EQ(own.client.stats().refused_by("tls_truncated"), 1u);
}

TEST_F(ClientTruncation, T7_WhoReconnectsConnectsAgainAfterIt) {
  options.reconnect = Backoff(100ms, 1s);
  const EndingServer cutter(own.world, certificate, {.frames = message});
  const auto outcome = own.follow(cutter.url(), options);
  own.world.run_for(3s);
  EXPECT_GE(outcome->messages.size(), 2u);
  EXPECT_FALSE(outcome->close_code);
  own.client.stop();
  own.world.run_for(15s);
}

}  // namespace
}  // namespace brume::test

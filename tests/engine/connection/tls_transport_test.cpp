// TLS between a link and a protocol, a client's against a server's: batches, what may still be dropped, input that is
// not taken, both roles, and the ways to end.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/link.h>
#include <brume/engine/connection/tls_transport.h>
#include <brume/tests/engine/connection/tape_fixture.h>
#include <brume/tests/engine/core/fake_io.h>
#include <brume/tests/engine/tls/large_ticket_server.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::connection {
namespace {

using namespace std::chrono_literals;

// Bytes of its outbox go to `wire`, unless it is stuck.
class FakeLink final : public Transport {
 public:
  explicit FakeLink(CoreContext& context) : Transport(context) { context.reactor.admit(); }
  ~FakeLink() {
    context_.reactor.unmark(*this);
    context_.reactor.dismiss();
  }
  void request_flush() override { context_.reactor.mark_flush(*this); }
  std::size_t in_flight() const override { return 0; }
  void pause() override { paused = true; }
  void resume() override { paused = false; }
  bool held_back() const override { return false; }
  void end(Time) override {
    ended = true;
    request_flush();
  }
  void abort(End end) override {
    if (!aborted) aborted = end;
  }
  void set_protocol(Protocol& p) override { protocol = &p; }
  void wake_by(Time) override {}
  bool rename_peer(const io::Address&) override { return true; }
  const io::Address& peer() const override { return peer_; }
  io::Token token() const override { return {1, 1}; }
  void run_ready() override {}
  void flush() override {
    if (stuck || outbox_.empty()) return;
    wire += test::gathered(outbox_);
    outbox_.consume(outbox_.size());
    if (!ended) protocol->on_output_progress();
  }
  void reap() override {}
  void fire() override {}

  Protocol* protocol = nullptr;
  std::string wire;
  bool stuck = false;
  bool paused = false;
  bool ended = false;
  std::optional<End> aborted;

 private:
  io::Address peer_;
};

class FakeProtocol final : public Protocol {
 public:
  explicit FakeProtocol(CoreContext& context) : context_(context) {}
  std::size_t on_input(std::span<std::byte> input) override {
    const std::size_t size = std::min(input.size(), most);
    got.append(reinterpret_cast<const char*>(input.data()), size);
    most -= size;
    if (most == 0) transport->pause();
    return size;
  }
  void on_output_progress() override { progress++; }
  void on_end(End end) override {
    ends.push_back(end);
    if (aborts) transport->abort(End::local);
  }
  void on_exception(std::exception_ptr) noexcept override {}
  Time on_deadline(Time) override { return Time::max(); }
  void on_stop() override {}
  void on_detached() override { detached = true; }
  std::size_t read_buffer_size() const override { return 256; }
  core::Reactor& reactor() override { return context_.reactor; }
  void on_task_begun(void*) override {}
  void on_task_done(void*, std::exception_ptr) noexcept override {}
  void give_up() override {}

  Transport* transport = nullptr;
  std::string got;
  std::size_t most = SIZE_MAX;  // bytes it takes before it pauses
  int progress = 0;
  std::vector<End> ends;
  bool aborts = false;  // where it hears of the end
  bool detached = false;

 private:
  CoreContext& context_;
};

// One side: link, TLS, protocol.
struct Side final : TlsOpener {
  Side(CoreContext& c, const std::shared_ptr<const tls::TlsContext>& certificates) : context(c), link(c), protocol(c) {
    store.set(certificates);
    core.emplace(c.reactor, store, *this, TlsCore::Limits{16, 16, 100});
  }
  void on_tls_open(Transport& transport, Time) override {
    protocol.transport = &transport;
    transport.set_protocol(protocol);
  }
  // Appends raw bytes, as a protocol does.
  void send(std::string_view text) {
    const auto room = tls->outbox().append(context.reactor.blocks(), text.size(), Outbox::Content::raw, 256);
    std::memcpy(room.data(), text.data(), text.size());
    tls->request_flush();
  }
  void take(std::string bytes) {
    const std::span<std::byte> input = std::as_writable_bytes(std::span(bytes));
    aside.insert(aside.end(), input.begin(), input.end());
    offer();
  }
  // As a link does: what is not taken is offered again.
  void offer() {
    while (!aside.empty() && !link.paused && !link.ended) {
      const std::size_t taken = tls->on_input(aside);
      aside.erase(aside.begin(), aside.begin() + static_cast<std::ptrdiff_t>(taken));
    }
  }

  CoreContext& context;
  FakeLink link;
  FakeProtocol protocol;
  TlsStore store;
  std::optional<TlsCore> core;
  TlsTransport* tls = nullptr;
  std::vector<std::byte> aside;
};

struct NoEvents final : io::Events {
  void on_accepted(io::ListenerHandle, io::SocketId, const io::Address&) override {}
  void on_accept_failed(io::ListenerHandle, int) override {}
  void on_received(io::Token, std::span<std::byte>) override {}
  void on_receive_ended(io::Token, int) override {}
  void on_sent(io::Token, std::int32_t) override {}
};

struct NoDoor final : Doorkeeper {
  bool enter_address(const io::Address&) override { return true; }
  void leave(const io::Address&) override {}
};

class TlsTransportTest : public testing::Test {
 protected:
  TlsTransportTest() {
    config.certificates = {certificates.issue("a.test", "DNS:a.test")};
    client_config.ca_file = certificates.ca_file();
  }
  ~TlsTransportTest() override {
    for (auto* side : {&client, &server}) {
      if (*side && (*side)->tls) std::exchange((*side)->tls, nullptr)->on_detached();
    }
    turn();
    client.reset();
    server.reset();
  }
  void connect(const std::string& host = "a.test", bool client_aborts = false) {
    server.emplace(context, *tls::TlsContext::for_server(config, std::make_shared<tls::TicketKeys>(1h)));
    client.emplace(context, *tls::TlsContext::for_client(client_config));
    const Time now = io.now();
    server->tls = &TlsTransport::open_server(server->link, *server->core, now, now + 10s);
    client->tls = &TlsTransport::open_client(client->link, *client->core, client->core->context(), host, {});
    client->on_tls_open(*client->tls, now);
    client->protocol.aborts = client_aborts;
    run();
  }
  void turn() {
    NoEvents events;
    context.reactor.turn(events, Time::zero());
    for (auto* side : {&client, &server})
      if (*side && (*side)->tls) (*side)->tls->check_invariants();
  }
  // Until neither side has anything to say.
  void run() {
    for (int i = 0; i < 200; i++) {
      turn();
      if (!server->link.stuck) client->take(std::exchange(server->link.wire, {}));
      if (!client->link.stuck) server->take(std::exchange(client->link.wire, {}));
    }
  }

  core::test::FakeIo io;
  NoDoor door;
  CoreContext context{io, {}, {}, 0, 16, door};
  brume::test::TestCertificates certificates;
  TlsConfig config;
  TlsClientConfig client_config;
  std::optional<Side> server;
  std::optional<Side> client;
};

TEST_F(TlsTransportTest, CarriesBytesBothWays) {
  connect();
  ASSERT_TRUE(server->protocol.transport && client->protocol.transport);
  client->send("hello");
  server->send("welcome");
  run();
  EXPECT_EQ(server->protocol.got, "hello");
  EXPECT_EQ(client->protocol.got, "welcome");
  EXPECT_EQ(server->protocol.progress, 1);
  EXPECT_EQ(server->tls->tls_info()->server_name, "a.test");
  EXPECT_TRUE(client->tls->session());
  EXPECT_EQ(context.reactor.ledger().held(core::Ledger::Kind::tls), 2 * TlsTransport::kStateSize);
}

TEST_F(TlsTransportTest, SealsOneBatchAtATimeAndHoldsItUntilItIsSent) {
  connect();
  const std::string all(200'000, 'x');
  server->link.stuck = true;
  server->send(all);
  turn();
  turn();
  EXPECT_EQ(server->tls->in_flight(), TlsTransport::kBatchSize);
  EXPECT_EQ(server->tls->outbox().size(), all.size());
  EXPECT_EQ(server->protocol.progress, 0);
  const std::size_t sealed = server->link.outbox().size();
  EXPECT_GT(sealed, TlsTransport::kBatchSize);
  EXPECT_LT(sealed, TlsTransport::kBatchSize + 1000);
  EXPECT_EQ(server->tls->held_bytes(), TlsTransport::kStateSize + all.size());
  server->link.stuck = false;
  server->link.request_flush();
  run();
  EXPECT_EQ(client->protocol.got, all);
  EXPECT_EQ(server->tls->in_flight(), 0U);
  EXPECT_TRUE(server->tls->outbox().empty());
  EXPECT_EQ(server->protocol.progress, 5) << "200,000 bytes in batches of 48 KiB";
}

TEST_F(TlsTransportTest, WhatHasNotBegunMayStillBeDropped) {
  connect();
  const std::string first = test::frame(std::string(40'000, '1'));
  const std::string second = test::frame(std::string(40'000, '2'));
  const std::string third = test::frame(std::string(40'000, '3'));
  server->link.stuck = true;
  for (const std::string* frame : {&first, &second, &third}) {
    const auto room =
        server->tls->outbox().append(context.reactor.blocks(), frame->size(), Outbox::Content::message, 256);
    std::memcpy(room.data(), frame->data(), frame->size());
  }
  server->tls->request_flush();
  turn();
  ASSERT_EQ(server->tls->in_flight(), TlsTransport::kBatchSize);  // into the second frame
  server->tls->outbox().drop_unbegun(server->tls->in_flight());
  server->link.stuck = false;
  server->link.request_flush();
  run();
  EXPECT_EQ(client->protocol.got, first + second);
}

TEST_F(TlsTransportTest, ManySmallPiecesBecomeOneRecord) {
  connect();
  client->send("x");
  run();
  server->link.stuck = true;
  std::string all;
  for (int i = 0; i < 10; i++) {
    all.append(10, static_cast<char>('0' + i));
    server->send(std::string(10, static_cast<char>('0' + i)));
  }
  turn();
  EXPECT_EQ(server->link.outbox().size(), all.size() + 5 + 1 + 16) << "header, kind and tag once (RFC 8446, 5.2)";
}

TEST_F(TlsTransportTest, InputThatIsNotTakenWaitsInOrder) {
  connect();
  server->protocol.most = 1000;
  std::string all;
  for (int i = 0; i < 30'000; i++) all += std::to_string(i) + ' ';
  client->send(all);
  run();
  EXPECT_EQ(server->protocol.got, all.substr(0, 1000));
  EXPECT_TRUE(server->link.paused);
  EXPECT_LE(server->tls->held_bytes(), TlsTransport::kStateSize + 2 * TlsCore::kPlainSize);
  for (std::size_t had = 1000; had < all.size(); had += 10'000) {
    server->protocol.most = 10'000;
    server->tls->resume();
    turn();
    server->offer();
    run();
    EXPECT_EQ(server->protocol.got, all.substr(0, had + 10'000));
  }
  EXPECT_EQ(server->protocol.got, all);
}

TEST_F(TlsTransportTest, EndSealsEverythingThenCloseNotifyThenEndsTheLink) {
  connect();
  const std::string all(150'000, 'x');
  server->send(all);
  server->tls->end(io.now() + 5s);
  EXPECT_FALSE(server->link.ended);
  run();
  EXPECT_EQ(client->protocol.got, all);
  EXPECT_TRUE(server->link.ended);
  EXPECT_EQ(client->protocol.ends, std::vector<End>{End::fin});
  EXPECT_TRUE(server->protocol.ends.empty());
}

TEST_F(TlsTransportTest, AnEndThatIsNotDoneByItsDeadlineIsCutOff) {
  connect();
  server->link.stuck = true;
  server->send(std::string(150'000, 'x'));
  const Time deadline = io.now() + 5s;
  server->tls->end(deadline);
  turn();
  EXPECT_EQ(server->tls->on_deadline(deadline - 1s), deadline);
  EXPECT_FALSE(server->link.aborted);
  server->tls->on_deadline(deadline);
  EXPECT_EQ(server->link.aborted, End::local);
}

TEST_F(TlsTransportTest, AnEndOfTheLinkIsUncleanWithoutCloseNotify) {
  connect();
  server->tls->on_end(End::fin);
  EXPECT_EQ(server->protocol.ends, std::vector<End>{End::reset});
  client->tls->on_end(End::write_timeout);
  EXPECT_EQ(client->protocol.ends, std::vector<End>{End::write_timeout});
}

TEST_F(TlsTransportTest, AClientThatDoesNotTrustTheServerSaysWhy) {
  connect("other.test");
  EXPECT_FALSE(client->tls->handshake_done());
  ASSERT_TRUE(client->tls->fault());
  EXPECT_EQ(client->tls->fault()->error, tls::TlsError::host_mismatch);
  EXPECT_TRUE(client->link.ended);
  EXPECT_EQ(server->tls->fault()->error, tls::TlsError::alert_received);
}

TEST_F(TlsTransportTest, WhyAHandshakeFailedIsSaidToThePeerThoughTheProtocolAborts) {
  connect("other.test", true);
  EXPECT_EQ(client->protocol.ends, std::vector<End>{End::reset});
  EXPECT_FALSE(client->link.aborted);
  EXPECT_TRUE(client->link.ended);
  EXPECT_EQ(server->tls->fault()->error, tls::TlsError::alert_received);
}

TEST_F(TlsTransportTest, AnAbortCutsAtOnceAndIsToldOnce) {
  connect();
  server->send("lost");
  server->protocol.aborts = true;
  server->tls->abort(End::memory);
  server->tls->on_end(End::memory);
  turn();
  EXPECT_EQ(server->link.aborted, End::memory);
  EXPECT_EQ(server->protocol.ends, std::vector<End>{End::memory});
  EXPECT_EQ(server->link.wire, "");
}

TEST_F(TlsTransportTest, AnEndInOrderFromThePeerIsNotAnErrorOfItsLink) {
  connect();
  client->tls->end(io.now() + 5s);
  run();
  EXPECT_EQ(server->protocol.ends, std::vector<End>{End::fin});
  server->tls->on_end(End::fin);  // TCP's, behind it
  EXPECT_FALSE(server->tls->fault());
  EXPECT_FALSE(server->link.ended);
  server->send("still said");
  server->tls->end(io.now() + 5s);
  run();
  EXPECT_TRUE(server->link.ended);
}

// A client of a server whose ticket has come in part.
class TicketInPieces : public TlsTransportTest {
 protected:
  TicketInPieces() : other(config.certificates.front()) {
    client.emplace(context, *tls::TlsContext::for_client(client_config));
    client->tls = &TlsTransport::open_client(client->link, *client->core, client->core->context(), "a.test", {});
    client->on_tls_open(*client->tls, io.now());
    turn();
    client->take(other.answer(std::exchange(client->link.wire, {})));
    turn();
    std::string first;
    std::tie(first, rest) = other.ticket(std::exchange(client->link.wire, {}));
    client->take(first);
  }

  tls::LargeTicketServer other;
  std::string rest;
};

TEST_F(TicketInPieces, WhatIsSentMeanwhileWaitsForTheRestOfIt) {
  client->send("said meanwhile");
  turn();
  EXPECT_EQ(client->link.wire, "");
  EXPECT_TRUE(client->protocol.ends.empty());
  client->take(rest);
  turn();
  EXPECT_EQ(other.open(client->link.wire), "said meanwhile");
  EXPECT_TRUE(client->tls->session());
}

TEST_F(TicketInPieces, AnEndWaitsForTheRestOfItToo) {
  client->send("last words");
  client->tls->end(io.now() + 5s);
  turn();
  EXPECT_FALSE(client->link.ended);
  client->take(rest);
  turn();
  EXPECT_EQ(other.open(client->link.wire), "last words");
  EXPECT_TRUE(other.told_of_the_end());
  EXPECT_TRUE(client->link.ended);
  EXPECT_FALSE(client->tls->fault());
}

TEST_F(TlsTransportTest, WhenTheLinkIsGoneTheProtocolHearsOfItAndNothingIsHeld) {
  connect();
  server->protocol.most = 10;
  client->send(std::string(1000, 'x'));
  server->link.stuck = true;
  server->send("never sent");
  run();
  server->tls->on_detached();
  EXPECT_TRUE(server->protocol.detached);
  server->tls = nullptr;
  client->tls->on_detached();
  client->tls = nullptr;
  turn();
  EXPECT_EQ(context.reactor.ledger().held(), 0U);
}

}  // namespace
}  // namespace brume::connection

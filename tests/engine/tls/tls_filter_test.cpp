// A server's filter against a client's: versions, every way to cut the bytes, short room, ends, and rows T5 to T10 of
// the bad-input table.
#include <array>

#include <openssl/ssl.h>

#include <brume/tests/engine/tls/filter_pair.h>
#include <brume/tests/engine/tls/large_ticket_server.h>

namespace brume::tls {
namespace {

using State = TlsFilter::State;

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; i++) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

// A client by bare OpenSSL, for what a filter never does.
struct BareClient {
  explicit BareClient(const std::function<void(SSL_CTX*)>& change) : context(SSL_CTX_new(TLS_client_method())) {
    change(context);
    ssl = SSL_new(context);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl);
  }
  BareClient(const BareClient&) = delete;
  BareClient& operator=(const BareClient&) = delete;
  ~BareClient() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  // What it has to send.
  std::string take() {
    char* data = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl), &data);
    const std::string text(data, static_cast<std::size_t>(size));
    (void)BIO_reset(SSL_get_wbio(ssl));
    return text;
  }
  // Shakes hands with `server` until both have no more to say.
  void run(End& server) {
    for (int i = 0; i < 10; i++) {
      SSL_do_handshake(ssl);
      server.take(take());
      const std::string answer = std::exchange(server.sent, {});
      if (!answer.empty()) BIO_write(SSL_get_rbio(ssl), answer.data(), static_cast<int>(answer.size()));
    }
  }
  SSL_CTX* context;
  SSL* ssl = nullptr;
};

class EachVersion : public FilterTest, public testing::WithParamInterface<TlsVersion> {};

TEST_P(EachVersion, BothSidesAgreeOnVersionNameAndProtocolAndOpenWhatTheOtherSealed) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.open()) << pair.server.filter.fault().detail << pair.client.filter.fault().detail;
  const TlsInfo info = pair.server.filter.info();
  EXPECT_EQ(info.version, GetParam());
  EXPECT_EQ(info.server_name, "a.test");
  EXPECT_EQ(info.protocol, "http/1.1");
  EXPECT_EQ(info.client_subject, "");
  EXPECT_NE(info.cipher, "");
  EXPECT_FALSE(info.resumed);
  ASSERT_TRUE(pair.client.seal("hello"));
  ASSERT_TRUE(pair.server.seal("welcome"));
  pair.run();
  EXPECT_EQ(pair.server.opened, "hello");
  EXPECT_EQ(pair.client.opened, "welcome");
}

TEST_P(EachVersion, T9_ManyRecordsInOneReadAreAllOpened) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  std::string all;
  for (int i = 0; i < 300; i++) {
    const std::string text = std::to_string(i) + ' ';
    ASSERT_TRUE(pair.client.seal(text));
    all += text;
  }
  pair.server.take(std::exchange(pair.client.sent, {}));
  EXPECT_EQ(pair.server.opened, all);
}

TEST_P(EachVersion, T9_TheWayTheBytesAreCutChangesNothing) {
  const auto from = server();
  const auto to = client(GetParam());
  const std::string request = pattern(1000);
  const std::string answer = pattern(40'000);
  for (const std::size_t chunk : {1, 2, 3, 4, 5, 6, 7, 16, 100, 1000, 16'384, 16'385}) {
    FilterPair pair(from, to);
    pair.run(chunk);
    ASSERT_TRUE(pair.open()) << chunk;
    ASSERT_TRUE(pair.client.seal(request));
    ASSERT_TRUE(pair.server.seal(answer));
    pair.run(chunk, TlsFilter::kMaxRecordPayload);
    EXPECT_EQ(pair.server.opened, request) << chunk;
    EXPECT_EQ(pair.client.opened, answer) << chunk;
  }
}

TEST_P(EachVersion, T9_ARecordCutAtEachOfItsBytesIsOpenedOnceItIsWhole) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.client.seal("x"));
  const std::size_t size = pair.client.sent.size();
  pair.server.take(std::exchange(pair.client.sent, {}));
  for (std::size_t cut = 1; cut < size; cut++) {
    pair.server.opened.clear();
    ASSERT_TRUE(pair.client.seal("y"));
    const std::string record = std::exchange(pair.client.sent, {});
    pair.server.take(std::string_view(record).substr(0, cut));
    EXPECT_EQ(pair.server.opened, "") << cut;
    pair.server.take(std::string_view(record).substr(cut));
    EXPECT_EQ(pair.server.opened, "y") << cut;
  }
}

TEST_P(EachVersion, T9_WhatOthersLeftInTheErrorQueueIsNobodysFailure) {
  FilterPair pair(server(), client(GetParam()));
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  const auto leave_an_error = [&] { EXPECT_NE(SSL_CTX_set_cipher_list(context, "no such cipher"), 1); };
  leave_an_error();
  pair.run(1);
  ASSERT_TRUE(pair.open());
  leave_an_error();
  ASSERT_TRUE(pair.client.seal("hello"));
  leave_an_error();
  pair.run(3);
  EXPECT_EQ(pair.server.opened, "hello");
  EXPECT_TRUE(pair.open());
  SSL_CTX_free(context);
}

TEST_P(EachVersion, T10_ALargeWriteIsTakenWholeAndOneWithoutMemoryFails) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  const std::string large = pattern(1'000'000);
  ASSERT_TRUE(pair.server.seal(large));
  pair.run();
  EXPECT_EQ(pair.client.opened, large);
  pair.server.refuse = true;
  EXPECT_FALSE(pair.server.seal("lost"));
  EXPECT_EQ(pair.server.filter.state(), State::failed);
  EXPECT_EQ(pair.server.filter.fault().error, TlsError::out_of_memory);
}

TEST_P(EachVersion, CloseNotifyIsSeenAndTheOtherDirectionGoesOn) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.client.seal("last words"));
  pair.client.filter.close(pair.client, {});
  pair.server.take(std::exchange(pair.client.sent, {}));
  EXPECT_EQ(pair.server.opened, "last words");
  EXPECT_EQ(pair.server.filter.state(), State::closed);
  ASSERT_TRUE(pair.server.seal("answer"));
  pair.client.take(std::exchange(pair.server.sent, {}));
  EXPECT_EQ(pair.client.opened, "answer");
}

TEST_P(EachVersion, T7_ARecordChangedOnItsWayIsRefusedWithAnAlert) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.client.seal("hello"));
  pair.client.sent.back() = static_cast<char>(pair.client.sent.back() ^ 1);
  pair.server.take(std::exchange(pair.client.sent, {}));
  EXPECT_EQ(pair.server.filter.state(), State::failed);
  EXPECT_EQ(pair.server.filter.fault().error, TlsError::bad_record);
  EXPECT_EQ(pair.server.opened, "");
  pair.client.take(std::exchange(pair.server.sent, {}));
  EXPECT_EQ(pair.client.filter.fault().error, TlsError::alert_received);
}

INSTANTIATE_TEST_SUITE_P(Versions, EachVersion, testing::Values(TlsVersion::tls_1_2, TlsVersion::tls_1_3),
                         [](const auto& version) { return version.param == TlsVersion::tls_1_2 ? "Tls12" : "Tls13"; });

TEST_F(FilterTest, AClientOfAnOlderVersionThanAllowedIsRefused) {
  config.min_version = TlsVersion::tls_1_3;
  FilterPair pair(server(), client(TlsVersion::tls_1_2));
  pair.run();
  EXPECT_EQ(pair.server.filter.fault().error, TlsError::no_common_version);
  EXPECT_EQ(pair.client.filter.fault().error, TlsError::alert_received);
}

TEST_F(FilterTest, WithoutACommonCipherThereIsNoHandshake) {
  config.ciphersuites = "TLS_AES_256_GCM_SHA384";
  BareClient client([](SSL_CTX* context) {
    ASSERT_EQ(SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256"), 1);
    ASSERT_EQ(SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION), 1);
  });
  End end;
  ASSERT_TRUE(end.filter.begin_server(server()));
  client.run(end);
  EXPECT_EQ(end.filter.fault().error, TlsError::no_common_cipher);
}

// ---- certificates

TEST_F(FilterTest, TheCertificateIsChosenByTheNameAskedFor) {
  config.certificates.push_back(certificates.issue("b.test", "DNS:b.test,DNS:*.b.test"));
  const auto from = server();
  for (const std::string name : {"a.test", "x.wild.test", "b.test", "deep.b.test", "B.TEST"}) {
    FilterPair pair(from, client(), name);
    pair.run();
    EXPECT_TRUE(pair.open()) << name << ": " << pair.client.filter.fault().detail;
  }
  // The first certificate is for a.test: a client that insists on its name does not take it.
  for (const std::string name : {"c.test", "wild.test", "x.y.wild.test"}) {
    FilterPair pair(from, client(), name);
    pair.run();
    EXPECT_EQ(pair.client.filter.fault().error, TlsError::host_mismatch) << name;
  }
}

TEST_F(FilterTest, T8_AnUnknownNameGetsTheFirstCertificate) {
  TlsClientConfig trusting;
  trusting.verify = false;
  FilterPair pair(server(), client(trusting), "unknown.test");
  pair.run();
  ASSERT_TRUE(pair.open());
  EXPECT_EQ(pair.server.filter.info().server_name, "unknown.test");
}

TEST_F(FilterTest, ADotAtANamesEndIsNeitherSentNorExpected) {
  FilterPair pair(server(), client(), "a.test.");
  pair.run();
  EXPECT_TRUE(pair.open()) << pair.client.filter.fault().detail;
  EXPECT_EQ(pair.server.filter.info().server_name, "a.test") << "RFC 6066, section 3";
}

TEST_F(FilterTest, AnAddressIsNotSentAsANameButIsCheckedAsOne) {
  FilterPair pair(server(), client(), "127.0.0.1");
  pair.run();
  ASSERT_TRUE(pair.open()) << pair.client.filter.fault().detail;
  EXPECT_EQ(pair.server.filter.info().server_name, "");
  FilterPair other(server(), client(), "127.0.0.2");
  other.run();
  EXPECT_EQ(other.client.filter.fault().error, TlsError::host_mismatch);
}

TEST_F(FilterTest, AClientRefusesAnExpiredCertificateAndOneOfAnotherAuthority) {
  config.certificates = {certificates.issue("a.test", "DNS:a.test", -2)};
  FilterPair expired(server(), client());
  expired.run();
  EXPECT_EQ(expired.client.filter.fault().error, TlsError::certificate_refused);
  EXPECT_NE(expired.client.filter.fault().detail.find("expired"), std::string_view::npos);
  EXPECT_EQ(expired.server.filter.fault().error, TlsError::alert_received);

  test::TestCertificates others("Another Authority");
  config.certificates = {others.issue("a.test", "DNS:a.test")};
  FilterPair foreign(server(), client());
  foreign.run();
  EXPECT_EQ(foreign.client.filter.fault().error, TlsError::certificate_refused);
}

TEST_F(FilterTest, AClientsCertificateIsCheckedAndItsSubjectKnown) {
  config.client_ca_file = certificates.ca_file();
  config.client_certificates = ClientCertificates::required;
  TlsClientConfig ann;
  ann.certificate = certificates.issue("ann");
  for (const TlsVersion version : {TlsVersion::tls_1_2, TlsVersion::tls_1_3}) {
    ann.min_version = ann.max_version = version;
    const auto from = server();
    const auto to = client(ann);
    FilterPair pair(from, to);
    pair.run();
    ASSERT_TRUE(pair.open());
    EXPECT_EQ(pair.server.filter.info().client_subject, "CN=ann");
    // A ticket carries who it was issued to.
    FilterPair again(from, to, "a.test", pair.client.filter.session());
    again.run();
    ASSERT_TRUE(again.open());
    EXPECT_TRUE(again.server.filter.resumed());
    EXPECT_EQ(again.server.filter.info().client_subject, "CN=ann");

    FilterPair none(from, client(version));
    none.run();
    EXPECT_EQ(none.server.filter.fault().error, TlsError::certificate_missing);
  }
}

TEST_F(FilterTest, AnOptionalClientCertificateMayBeMissingButNotBad) {
  config.client_ca_file = certificates.ca_file();
  config.client_certificates = ClientCertificates::optional;
  const auto from = server();
  FilterPair none(from, client());
  none.run();
  EXPECT_TRUE(none.open());
  EXPECT_EQ(none.server.filter.info().client_subject, "");
  test::TestCertificates others("Another Authority");
  TlsClientConfig stranger;
  stranger.certificate = others.issue("stranger");
  FilterPair bad(from, client(stranger));
  bad.run();
  EXPECT_EQ(bad.server.filter.fault().error, TlsError::certificate_refused);
}

TEST_F(FilterTest, ATicketIsNotGoodWhereOtherClientsAreTrustedSince) {
  const auto to = client();
  FilterPair first(server(), to);
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  config.client_ca_file = certificates.ca_file();
  config.client_certificates = ClientCertificates::optional;
  FilterPair second(server(), to, "a.test", session);
  second.run();
  ASSERT_TRUE(second.open());
  EXPECT_FALSE(second.server.filter.resumed());
}

// ---- hostile peers

class Hostile : public FilterTest {
 protected:
  Hostile() { EXPECT_TRUE(end.filter.begin_server(server())); }
  // The client's first flight.
  std::string hello() {
    const FilterPair pair(server(), client());
    return pair.client.sent;
  }
  End end;
};

TEST_F(Hostile, T4_HttpOnATlsPortIsToldApart) {
  end.take("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
  EXPECT_EQ(end.filter.fault().error, TlsError::plain_http);
}

TEST_F(Hostile, T4_BytesThatAreNoTlsFailAtOnce) {
  end.take("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c");
  EXPECT_EQ(end.filter.state(), State::failed);
  EXPECT_EQ(end.filter.fault().error, TlsError::not_tls);
}

TEST_F(Hostile, T5_AHelloThatDeclares16MbIsRefusedFromItsFirstBytesWithAnAlert) {
  const std::string head("\x16\x03\x01\x40\x00\x01\xff\xff\xff", 9);
  for (const std::size_t chunk : {1, 9}) {
    End fresh;
    ASSERT_TRUE(fresh.filter.begin_server(server()));
    fresh.take(head, chunk);
    EXPECT_EQ(fresh.filter.fault().error, TlsError::handshake_too_large);
    EXPECT_EQ(fresh.sent, std::string("\x15\x03\x03\x00\x02\x02\x2f", 7));
  }
}

TEST_F(Hostile, T5_AHelloSpreadOverManyRecordsIsTaken) {
  const std::string whole = hello();
  const std::string_view message = std::string_view(whole).substr(5);
  std::string spread;
  for (const char byte : message) spread.append("\x16\x03\x01\x00\x01", 5) += byte;
  end.take(spread, 3);
  EXPECT_EQ(end.filter.state(), State::handshake);
  EXPECT_NE(end.sent, "");  // its own hello and certificate
}

TEST_F(Hostile, T5_EveryTruncationOfAHelloLeavesTheHandshakeWaiting) {
  const std::string whole = hello();
  const auto context = server();
  for (std::size_t size = 1; size < whole.size(); size++) {
    End fresh;
    ASSERT_TRUE(fresh.filter.begin_server(context));
    fresh.take(std::string_view(whole).substr(0, size));
    ASSERT_EQ(fresh.filter.state(), State::handshake) << size;
    ASSERT_EQ(fresh.sent, "") << size;
  }
}

TEST_F(Hostile, T7_CloseNotifyInsideTheHandshakeIsAFailureAndNoEndInOrder) {
  const std::string close_notify("\x15\x03\x03\x00\x02\x01\x00", 7);
  end.take(hello() + close_notify);
  EXPECT_EQ(end.filter.fault().error, TlsError::truncated);
  FilterPair pair(server(), client());
  pair.client.take(close_notify);
  EXPECT_EQ(pair.client.filter.state(), State::failed);
}

TEST_F(FilterTest, T6_RecordsWithoutDataAreCounted) {
  FilterPair pair(server(), client());
  pair.run();
  ASSERT_TRUE(pair.client.seal("x"));
  pair.run();
  (void)pair.server.filter.take_bare_records();
  for (int i = 0; i < 50; i++) {
    ASSERT_TRUE(pair.client.seal("x"));
    ASSERT_TRUE(pair.client.filter.update_keys());
    ASSERT_TRUE(pair.client.seal("y"));
  }
  pair.run(1000);
  EXPECT_TRUE(pair.open());
  EXPECT_EQ(pair.server.opened.size(), 101U);
  EXPECT_EQ(pair.server.filter.take_bare_records(), 50U);
  EXPECT_EQ(pair.server.filter.take_bare_records(), 0U);
}

TEST_P(EachVersion, ARecordThatComesInPiecesIsNoneWithoutData) {
  FilterPair pair(server(), client(GetParam()));
  pair.run();
  ASSERT_TRUE(pair.open());
  (void)pair.server.filter.take_bare_records();
  ASSERT_TRUE(pair.client.seal(std::string(3 * TlsFilter::kMaxRecordPayload, 'x') + "y"));
  std::string_view rest = pair.client.sent;
  for (std::size_t size = 1; !rest.empty(); size = size * 2 % 1021) {
    pair.server.take(rest.substr(0, size));
    rest.remove_prefix(std::min(size, rest.size()));
    ASSERT_EQ(pair.server.filter.take_bare_records(), 0U) << rest.size();
  }
  EXPECT_EQ(pair.server.opened.size(), 3 * TlsFilter::kMaxRecordPayload + 1);
}

TEST_F(FilterTest, T6_RenegotiationIsRefusedAndCounted) {
  BareClient client([](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); });
  End end;
  ASSERT_TRUE(end.filter.begin_server(server()));
  client.run(end);
  ASSERT_EQ(end.filter.state(), State::open);
  (void)end.filter.take_bare_records();
  ASSERT_EQ(SSL_renegotiate(client.ssl), 1);
  SSL_do_handshake(client.ssl);
  end.take(client.take());
  EXPECT_EQ(end.filter.state(), State::open);
  EXPECT_EQ(end.filter.take_bare_records(), 1U);
  EXPECT_EQ(end.sent.substr(0, 1), "\x15") << "a warning that it is not wanted, no second hello";
  const std::string warning = std::exchange(end.sent, {});
  BIO_write(SSL_get_rbio(client.ssl), warning.data(), static_cast<int>(warning.size()));
  EXPECT_NE(SSL_do_handshake(client.ssl), 1);
}

TEST_F(FilterTest, NothingIsSealedWhileATicketIsPartlyThereAndThenItIs) {
  LargeTicketServer server(config.certificates.front());
  End end;
  ASSERT_TRUE(end.filter.begin_client(client(), "a.test", {}));
  std::vector<std::byte> plain(End::kRoom);
  end.filter.step({}, plain, end, end.now);
  end.take(server.answer(std::exchange(end.sent, {})));
  ASSERT_EQ(end.filter.state(), State::open);
  const auto [first, rest] = server.ticket(std::exchange(end.sent, {}));
  EXPECT_TRUE(end.filter.may_seal());
  end.take(first);
  EXPECT_FALSE(end.filter.may_seal());
  end.take(rest);
  ASSERT_TRUE(end.filter.may_seal());
  EXPECT_TRUE(end.filter.session());
  ASSERT_TRUE(end.seal("said later")) << end.filter.fault().detail;
  EXPECT_EQ(server.open(end.sent), "said later");
}

TEST_F(FilterTest, T8_EarlyDataIsNotTaken) {
  const auto from = server();
  FilterPair first(from, client(TlsVersion::tls_1_3));
  first.run();
  const Session session = first.client.filter.session();
  ASSERT_TRUE(session);
  EXPECT_EQ(SSL_SESSION_get_max_early_data(session.get()), 0U) << "a ticket that allows none";
}

TEST_F(FilterTest, T8_WithoutACommonProtocolTheHandshakeIsRefused) {
  BareClient client([](SSL_CTX* context) {
    const std::array<unsigned char, 3> h2 = {2, 'h', '2'};
    ASSERT_EQ(SSL_CTX_set_alpn_protos(context, h2.data(), h2.size()), 0);
  });
  End end;
  ASSERT_TRUE(end.filter.begin_server(server()));
  SSL_do_handshake(client.ssl);
  end.take(client.take());
  EXPECT_EQ(end.filter.fault().error, TlsError::no_common_protocol);
  EXPECT_EQ(end.sent.substr(0, 1), "\x15");
  EXPECT_EQ(end.sent.back(), 120);  // no_application_protocol (RFC 7301, section 3.2)
}

TEST_F(FilterTest, ARandomlyChangedByteOfAnyFlightNeverOpensTheConnectionSilently) {
  const auto from = server();
  const auto to = client(TlsVersion::tls_1_3);
  // The server's flight, whose every byte is bound by the handshake's hash.
  for (std::size_t at = 0; at < 600; at += 7) {
    FilterPair pair(from, to);
    pair.server.take(std::exchange(pair.client.sent, {}));
    ASSERT_GT(pair.server.sent.size(), at);
    pair.server.sent[at] = static_cast<char>(pair.server.sent[at] ^ 0x40);
    pair.run();
    EXPECT_FALSE(pair.open()) << at;
  }
}

}  // namespace
}  // namespace brume::tls

// filter_pair.h: a client's filter and a server's, and the bytes between them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <brume/engine/tls/tls_filter.h>
#include <brume/tests/support/test_certificates.h>

namespace brume::tls {

// One end: what it opened, and what it has to send.
struct End final : Output {
  bool take_records(std::span<const std::byte> records) noexcept override {
    if (refuse) return false;
    sent.append(reinterpret_cast<const char*>(records.data()), records.size());
    return true;
  }

  // Gives it `bytes`, at most `chunk` at a time, and room for `plain_room` bytes.
  void take(std::string_view bytes, std::size_t chunk = SIZE_MAX, std::size_t plain_room = 4 * kRoom) {
    std::vector<std::byte> plain(plain_room);
    while (!bytes.empty() && going_on()) {
      const std::string_view part = bytes.substr(0, chunk);
      const auto step = filter.step(std::as_bytes(std::span(part)), plain, *this, now);
      opened.append(reinterpret_cast<const char*>(plain.data()), step.opened);
      ASSERT_LE(step.taken, part.size());
      ASSERT_TRUE(step.taken != 0 || step.opened != 0 || !going_on()) << "no progress";
      bytes.remove_prefix(step.taken);
    }
  }
  bool going_on() const {
    return filter.state() == TlsFilter::State::handshake || filter.state() == TlsFilter::State::open;
  }
  bool seal(std::string_view text) { return filter.seal(std::as_bytes(std::span(text)), *this, now); }

  static constexpr std::size_t kRoom = TlsFilter::kMaxRecordPayload;
  TlsFilter filter;
  std::string sent;
  std::string opened;
  io::Time now{0};
  bool refuse = false;  // there is no memory for records
};

class FilterPair {
 public:
  using Context = std::shared_ptr<const TlsContext>;

  FilterPair(const Context& server_context, const Context& client_context, const std::string& host = "a.test",
             const Session& resume = {}) {
    EXPECT_TRUE(server.filter.begin_server(server_context));
    EXPECT_TRUE(client.filter.begin_client(client_context, host, resume));
    std::vector<std::byte> plain(End::kRoom);
    client.filter.step({}, plain, client, client.now);
  }

  // Carries bytes, `chunk` at a time, until neither has anything to say.
  void run(std::size_t chunk = SIZE_MAX, std::size_t plain_room = 4 * End::kRoom) {
    while (!client.sent.empty() || !server.sent.empty()) {
      server.take(std::exchange(client.sent, {}), chunk, plain_room);
      client.take(std::exchange(server.sent, {}), chunk, plain_room);
      if (!server.going_on()) client.sent.clear();
      if (!client.going_on()) server.sent.clear();
    }
  }
  bool open() const {
    return server.filter.state() == TlsFilter::State::open && client.filter.state() == TlsFilter::State::open;
  }

  End server;
  End client;
};

// Contexts that fit each other, with certificates of a folder of their own.
class FilterTest : public testing::Test {
 protected:
  FilterTest() { config.certificates = {certificates.issue("a.test", "DNS:a.test,DNS:*.wild.test,IP:127.0.0.1")}; }

  std::shared_ptr<const TlsContext> server() {
    auto made = TlsContext::for_server(config, keys);
    EXPECT_TRUE(made) << made.error().text;
    return made ? *made : nullptr;
  }
  std::shared_ptr<const TlsContext> client(TlsClientConfig wanted = {}) {
    if (wanted.ca_file.empty()) wanted.ca_file = certificates.ca_file();
    auto made = TlsContext::for_client(wanted);
    EXPECT_TRUE(made) << made.error().text;
    return made ? *made : nullptr;
  }
  std::shared_ptr<const TlsContext> client(TlsVersion only) {
    TlsClientConfig wanted;
    wanted.min_version = wanted.max_version = only;
    return client(wanted);
  }

  test::TestCertificates certificates;
  TlsConfig config;
  std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>(std::chrono::hours(1));
};

}  // namespace brume::tls

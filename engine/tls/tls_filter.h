// tls_filter.h: one connection's TLS, between spans: sealed bytes in, plain bytes out, and the other way round.
//
// No I/O, no clock: either end of a connection, over sockets or a simulation. Its core's thread only. Stays where it is
// while begun: OpenSSL points at it. The spans of a call are used during that call alone, and what has to be sent goes
// to its Output; between two calls no buffer of OpenSSL's is held but for a record that is partly there.
//
//   handshake -> open -> closed (the peer's close_notify came; sending may go on) or failed (nothing goes on)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <openssl/types.h>

#include <brume/engine/io/io.h>
#include <brume/engine/tls/tls_context.h>
#include <brume/engine/tls/tls_error.h>
#include <brume/engine/tls_config.h>

struct ssl_session_st;

namespace brume::tls {

// Takes records that have to be sent, in order.
class Output {
 public:
  // Copies them; false where there is no memory.
  virtual bool take_records(std::span<const std::byte> records) noexcept = 0;

 protected:
  ~Output() = default;
};

// What a client may resume by.
using Session = std::shared_ptr<ssl_session_st>;

class TlsFilter {
 public:
  static constexpr std::size_t kMaxRecordPayload = 16 * 1024;  // bytes (RFC 8446, section 5.1)
  // No client says hello in more: about 2 KiB with keys against quantum computers and a ticket.
  static constexpr std::size_t kMaxHelloSize = 16 * 1024;
  // Of all a peer sends before it has shown that it can: a hello, a chain of certificates and some room.
  static constexpr std::size_t kMaxHandshakeSize = 128 * 1024;

  // Below what AES-GCM is safe for (RFC 8446, section 5.5: 2^24.5).
  static constexpr std::uint32_t kRecordsPerKey = 1U << 24;

  enum class State : std::uint8_t { fresh, handshake, open, closed, failed };

  TlsFilter() = default;
  ~TlsFilter();
  TlsFilter(const TlsFilter&) = delete;
  TlsFilter& operator=(const TlsFilter&) = delete;

  // Once. False where there is no memory; then nothing changed.
  bool begin_server(std::shared_ptr<const TlsContext> context);
  // `host`: that is connected to, a name or an address in digits; `resume`: null for a full handshake, which it is too
  // where names are checked and the session's certificate is not for this one, or has expired since: a resumed session
  // brings none to check. The session has to be of a context that verifies as this one does, and is nobody else's from
  // here on. The first step() needs no input. May throw std::bad_alloc; then nothing changed.
  bool begin_client(std::shared_ptr<const TlsContext> context, const std::string& host, const Session& resume);

  struct Step {
    std::size_t taken = 0;   // bytes of the input
    std::size_t opened = 0;  // bytes of `plain`
  };
  // Goes on with the handshake, then opens records into `plain`, until the input is used up, `plain` has no room for a
  // whole record, or the state is closed or failed. Where it returns with input left and state() open, it is to be
  // called again. Requires: plain.size() >= kMaxRecordPayload; begun; not closed or failed.
  Step step(std::span<const std::byte> input, std::span<std::byte> plain, Output& output, io::Time now);
  // Not while a message about the connection itself is partly there, a ticket in several records (RFC 8446, section
  // 5.1): OpenSSL seals nothing before step() has had the rest. Requires: open or closed.
  bool may_seal() const;
  // Seals `plain`, which is not empty. False: failed. Requires: open or closed; may_seal().
  bool seal(std::span<const std::byte> plain, Output& output, io::Time now);
  // What is sealed from now on has fresh keys (RFC 8446, section 4.6.3), which happens by itself after kRecordsPerKey.
  // False with TLS 1.2, which has no such thing. Requires: open or closed.
  bool update_keys();
  // Seals close_notify (RFC 8446, section 6.1); does nothing where that cannot be.
  void close(Output& output, io::Time now);

  State state() const { return state_; }
  bool begun() const { return ssl_ != nullptr; }
  // Why it failed.
  const TlsFault& fault() const { return fault_; }
  // Records without data since this was last asked, once open: key updates, alerts, empty ones.
  std::uint32_t take_bare_records();

  // Require: open or later.
  TlsInfo info() const;
  bool resumed() const;
  // Client: what the next connection may resume by, a copy of its own. With TLS 1.3 it comes some time after the
  // handshake. Null where there is none, or no memory.
  Session session() const;

  // For OpenSSL's callbacks.
  static TlsFilter& of(SSL* ssl);
  io::Time now() const { return now_; }
  std::size_t take_input(std::span<std::byte> out);
  bool give_output(std::span<const std::byte> records);
  void note_record(std::size_t size) {
    records_++;
    record_left_ = static_cast<std::uint16_t>(size);
  }

 private:
  // The spans and the output of the call under way.
  class Call;

  bool begin(std::shared_ptr<const TlsContext> context);
  // Whether the hello's declared size is one that is believed. Looks at the first bytes of the connection alone.
  bool believes(std::span<const std::byte> input);
  bool shake_hands();
  // After a call that did not succeed: false where it only wants more input.
  bool failed_by(int result);
  void fail(TlsFault fault);

  std::shared_ptr<const TlsContext> context_;
  SSL* ssl_ = nullptr;
  std::span<const std::byte> input_;
  Output* output_ = nullptr;
  io::Time now_{0};
  TlsFault fault_;
  std::uint32_t records_ = 0;  // since the count was last taken: all, and those with data
  std::uint32_t data_records_ = 0;
  std::uint32_t handshake_bytes_ = 0;   // received
  std::uint32_t sealed_records_ = 0;    // with the keys in use
  std::array<std::uint8_t, 8> head_{};  // of the connection
  std::uint16_t record_left_ = 0;       // bytes of the newest record that OpenSSL has not asked for or got
  State state_ = State::fresh;
  bool no_memory_ = false;
};

}  // namespace brume::tls

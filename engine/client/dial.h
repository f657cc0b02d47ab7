// dial.h: one attempt to get a WebSocket connection: resolve, connect, shake hands by TLS (wss://), upgrade.
//
// Its core's thread only; owned by its feed, which may destroy it at any time but inside its calls to the owner's
// on_dialed(). The addresses of a host are tried in the resolver's order with the families taking turns; each has a
// short while before the next one is begun beside it, and the first that connects wins (RFC 8305, in short).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <brume/engine/client/options.h>
#include <brume/engine/client/tls_contexts.h>
#include <brume/engine/client/upgrade_session.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_transport.h>

namespace brume::client {

class Dial final : private connection::Connects::Owner, private UpgradeSession::Owner {
 public:
  // Time an address has before the next is tried beside it (RFC 8305, section 5).
  static constexpr std::chrono::milliseconds kNextAddress{250};
  static constexpr std::size_t kMaxAddresses = 16;  // of a host; the others are not tried

  class Owner {
   public:
    // The route's handler has been called with the connection. The dial is over: it may be destroyed.
    virtual void on_dialed() = 0;
    virtual void on_dial_failed(ConnectError error) = 0;

   protected:
    ~Owner() = default;
  };

  // `url` and `options` outlive it. `tls`: null where the URL is not secure.
  Dial(connection::CoreContext& context, Owner& owner, const codec::Url& url, const ConnectOptions& options,
       TlsContexts::Settings tls, connection::RouteRef route);
  ~Dial();
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;

  // The answer to what its owner asked the resolver.
  void on_resolved(io::Environment::Resolution resolution);

 private:
  struct OwnAlarm final : core::Alarm {
    using Method = void (Dial::*)();
    OwnAlarm(Dial& d, Method m) : dial(d), method(m) {}
    void fire() override;
    Dial& dial;
    Method method;
  };

  void take_addresses(io::Environment::Resolution resolution);
  void on_connected(io::Token attempt, io::SocketId socket, const io::Address& peer, int error) override;
  void on_upgraded() override;
  void on_upgrade_failed(ConnectError error) override;

  // Where memory runs out in `call` that is what the attempt fails for.
  template <class F>
  void guarded(F&& call);
  void try_next();
  void on_time_out();
  void abandon_connects();
  void upgrade(io::SocketId socket, const io::Address& peer);
  // For the next connection to resume by.
  void keep_session();
  // Makes `error`, of an upgrade, say what TLS met, where it met something.
  void tell_tls(ConnectError& error) const;
  void fail(ConnectStep step, ConnectCause cause, std::string text, int code = 0);

  connection::CoreContext& context_;
  Owner& owner_;
  const codec::Url& url_;
  const ConnectOptions& options_;
  TlsContexts::Settings tls_;
  connection::RouteRef route_;
  ConnectStep step_ = ConnectStep::resolve;
  std::vector<io::Address> addresses_;  // not tried yet, the next one last
  std::vector<io::Token> connects_;     // under way
  UpgradeSession* upgrade_ = nullptr;   // under way, and what it speaks through, if that is TLS
  const connection::TlsTransport* secured_ = nullptr;
  int last_code_ = 0;
  std::string last_text_;
  OwnAlarm deadline_{*this, &Dial::on_time_out};
  OwnAlarm next_address_{*this, &Dial::try_next};
  bool over_ = false;
};

}  // namespace brume::client

#include <algorithm>
#include <array>
#include <new>
#include <string_view>

#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tls_core.h>
#include <brume/engine/connection/tls_transport.h>
#include <brume/engine/http/proxy_session.h>

namespace brume::http {

using connection::CoreContext;
using connection::End;
using connection::Refusal;

namespace {

// Whom the header names; `own` where it names nobody.
io::Address named_by(const codec::ProxyHeader& header, const io::Address& own) {
  using Source = codec::ProxyHeader::Source;
  switch (header.source) {
    case Source::own:
      return own;
    case Source::v4:
      return io::Address::v4({header.address[0], header.address[1], header.address[2], header.address[3]}, header.port);
    case Source::v6:
      return io::Address::v6(header.address, header.port);
    case Source::local: {
      io::Address address;
      address.family = io::Address::Family::local;
      return address;
    }
  }
  return own;
}

// By which scheme its client came; empty where the header does not say.
std::string_view scheme_of(const codec::ProxyHeader& header) {
  using Tls = codec::ProxyHeader::Tls;
  switch (header.tls) {
    case Tls::unsaid:
      return {};
    case Tls::no:
      return "http";
    case Tls::yes:
      return "https";
  }
  return {};
}

}  // namespace

void ProxySession::open(connection::Transport& transport, const Service& service, Time accepted) {
  void* memory = transport.context().reactor.frames().allocate(sizeof(ProxySession));
  auto* session = new (memory) ProxySession(transport, service, accepted);
  transport.set_protocol(*session);
  transport.wake_by(session->deadline());
}

core::Reactor& ProxySession::reactor() {
  return transport_.context().reactor;
}

std::size_t ProxySession::on_input(std::span<std::byte> input) {
  const auto header = codec::read_proxy_header(input);
  if (!header) {
    refuse(header.error());
    return input.size();
  }
  if (!*header) return 0;  // offered again with what comes next
  const std::size_t size = (*header)->size;
  go_on(**header);
  return size;
}

void ProxySession::refuse(codec::ProxyError error) {
  CoreContext& context = transport_.context();
  const codec::ProxyErrorInfo& rule = codec::info(error);
  context.counters.proxy_errors[static_cast<std::size_t>(error)].add();
  context.log.event(LogLevel::warning, context.reactor.now(), rule.name, &transport_.peer(), rule.message);
  transport_.abort(End::local);
}

void ProxySession::go_on(const codec::ProxyHeader& header) {
  connection::Transport& transport = transport_;
  // Where there is no memory for what follows, this session is still there to hear of it.
  const bool welcome = transport.rename_peer(named_by(header, transport.peer()));
  if (connection::TlsCore* tls = transport.context().tls.get()) {
    if (!welcome) return transport.abort(End::local);  // as any connection beyond a limit: before the handshake
    // What is TLS here is https, whatever the header says of it: a proxy that passes TLS on has seen none.
    connection::TlsTransport::open_server(transport, *tls, accepted_, deadline());
    return free();
  }
  HttpSession& session = HttpSession::open(transport, service_, accepted_, scheme_of(header));
  free();
  if (!welcome) session.refuse(codec::HttpError::over_capacity);
}

void ProxySession::on_end(End end) {
  // A health check that only connects, or a peer that thought better of it.
  if (end == End::fin) transport_.abort(End::fin);
}

void ProxySession::on_exception(std::exception_ptr exception) noexcept {
  transport_.context().note_exception(exception, "(PROXY header)", &transport_.peer());
  transport_.abort(End::memory);
}

ProxySession::Time ProxySession::on_deadline(Time now) {
  if (now < deadline()) return deadline();
  CoreContext& context = transport_.context();
  context.counters.refusals[static_cast<std::size_t>(Refusal::proxy_timeout)].add();
  context.log.event(LogLevel::warning, now, to_string(Refusal::proxy_timeout), &transport_.peer(),
                    "no whole PROXY header in time");
  transport_.abort(End::local);
  return Time::max();
}

void ProxySession::on_stop() {
  transport_.abort(End::fin);
}

void ProxySession::free() {
  this->~ProxySession();
  core::FramePool::deallocate(this);
}

}  // namespace brume::http

// request.h: an HTTP request, as a route's handler sees it.
//
// A view of bytes its connection holds: valid until the handler has returned its response (WebSocket handlers:
// Connection::request() says how long). Its core's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/http_head.h>
#include <brume/engine/io/address.h>
#include <brume/engine/message.h>
#include <brume/engine/tls_config.h>

namespace brume {

// One ":name" of a route's path and what stood in its place, percent-decoded.
struct PathParameter {
  std::string_view name;
  std::string value;
};

// What is known of a request beyond what its sender wrote: of trusted proxies (Config::trusted_proxies), or of the
// connection.
struct Forwarded {
  std::optional<io::Address> client{};
  std::string_view scheme{};  // "http", "https" or empty; static storage
};

class Request {
 public:
  Request(const codec::RequestHead& head, Bytes body, const io::Address& peer,
          std::span<const PathParameter> parameters, const Forwarded& forwarded = {}, const TlsInfo* tls = nullptr)
      : head_(&head), body_(body), peer_(&peer), parameters_(parameters), forwarded_(forwarded), tls_(tls) {}

  std::string_view method() const { return head_->method; }
  std::string_view target() const { return head_->target; }
  std::string_view path() const { return head_->path; }  // as sent, undecoded
  std::string_view query_string() const { return head_->query; }
  // The first field of that name, ASCII case-blind.
  std::optional<std::string_view> header(std::string_view name) const { return head_->field(name); }
  std::span<const codec::HeaderField> headers() const { return head_->fields; }
  // The first query value of that name, percent-decoded and with '+' as a blank; nullopt where there is none or its
  // escapes are broken.
  std::optional<std::string> query(std::string_view name) const;
  // The value of the first cookie of that name (RFC 6265, section 4.2; case-sensitive), as sent, quotes included,
  // without the blanks around it. What has no "=" is no cookie.
  std::optional<std::string_view> cookie(std::string_view name) const;
  // What stood in the place of ":name" in the route's path, or of its "*" for the name "*"; empty where the route has
  // none.
  std::string_view parameter(std::string_view name) const;
  std::span<const PathParameter> parameters() const { return parameters_; }
  Bytes body() const { return body_; }
  std::string_view body_text() const { return as_text(body_); }
  // Who is at the other end of the connection, or whom the PROXY header of a trusted proxy named.
  const io::Address& remote_address() const { return *peer_; }
  // Whose request it is: what trusted proxies wrote into X-Forwarded-For, without a port; remote_address() where none
  // did. For the application's own limits and logs: those of the server go by remote_address().
  const io::Address& client_address() const { return forwarded_.client ? *forwarded_.client : *peer_; }
  // By which scheme the client came, "https" or "http". The first that says so: X-Forwarded-Proto of a trusted proxy,
  // this server where it ended TLS, the PROXY header (PP2_TYPE_SSL). Else empty.
  std::string_view scheme() const { return forwarded_.scheme.empty() && is_tls() ? "https" : forwarded_.scheme; }
  const Forwarded& forwarded() const { return forwarded_; }

  // Whether this server ended TLS for it, and what is known of that: the name asked for, the client's certificate. Null
  // where it came in clear.
  bool is_tls() const { return tls_ != nullptr; }
  const TlsInfo* tls() const { return tls_; }

  const codec::RequestHead& head() const { return *head_; }

 private:
  const codec::RequestHead* head_;
  Bytes body_;
  const io::Address* peer_;
  std::span<const PathParameter> parameters_;
  Forwarded forwarded_;
  const TlsInfo* tls_;
};

// Percent-decodes `text`; nullopt for a broken escape. `plus_is_blank`: as in a query.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank = false);

}  // namespace brume

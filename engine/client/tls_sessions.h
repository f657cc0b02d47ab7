// tls_sessions.h: sessions of TLS that a client's next connections may resume by (RFC 8446, section 2.2; RFC 5077).
//
// For one TlsClientConfig, so that a session made without looking at the certificate is never resumed where it counts.
// Any thread: feeds of all cores come here. A session is given to one connection, and its next one takes its place
// (RFC 8446, appendix C.4: by tickets used twice, whoever looks on could tell who comes again).
#pragma once

#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include <brume/engine/tls/tls_filter.h>

namespace brume::client {

class TlsSessions {
 public:
  static constexpr std::size_t kMax = 64;      // in all; the oldest goes first
  static constexpr std::size_t kMaxOfOne = 4;  // of one host and port: as many connections resume at a time

  // The newest of `authority`, which is then nobody else's; null: there is none.
  tls::Session take(std::string_view authority) noexcept;
  // Nothing is kept where there is no memory for it, or no session.
  void put(const std::string& authority, tls::Session session) noexcept;
  std::size_t size() const;

 private:
  mutable std::mutex mutex_;
  std::deque<std::pair<std::string, tls::Session>> sessions_;  // the oldest first
};

}  // namespace brume::client

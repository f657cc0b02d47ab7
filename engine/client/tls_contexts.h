// tls_contexts.h: what a client has for wss://, by the settings it is for: the files it read (the system's list of
// authorities alone takes milliseconds, which nobody wants to pay for each connection), and sessions to resume by.
//
// Any thread: connect() may be called by any. Owned by the client. What get() gives lives as long as who holds it.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <brume/engine/client/options.h>
#include <brume/engine/client/tls_sessions.h>
#include <brume/engine/tls/tls_context.h>

namespace brume::client {

// For one TlsClientConfig; shared by all that was connected with it.
struct TlsSettings {
  std::shared_ptr<const tls::TlsContext> context;
  bool resumes = true;
  TlsSessions sessions;
};

class TlsContexts {
 public:
  // Different settings that are remembered: of more, the oldest are read again, and their sessions are forgotten.
  static constexpr std::size_t kMax = 16;
  using Settings = std::shared_ptr<TlsSettings>;

  // Reads the files of `config` where that was not done yet; what failed is tried again. Errors: step tls, naming the
  // file. Requires: `config` passed validate().
  std::expected<Settings, ConnectError> get(const TlsClientConfig& config);

 private:
  std::mutex mutex_;
  std::vector<std::pair<TlsClientConfig, Settings>> known_;  // the oldest first
};

}  // namespace brume::client

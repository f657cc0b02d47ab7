// tls_contexts.h: what a client read for wss://, by the settings it was read for: the system's list of authorities
// alone takes milliseconds, which nobody wants to pay for each connection.
//
// Any thread: connect() may be called by any. Owned by the client. Contexts live as long as who holds them.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include <brume/engine/client/options.h>
#include <brume/engine/tls/tls_context.h>

namespace brume::client {

class TlsContexts {
 public:
  // Different settings that are remembered: of more, the oldest are read again.
  static constexpr std::size_t kMax = 16;
  using Context = std::shared_ptr<const tls::TlsContext>;

  // Reads the files of `config` where that was not done yet; what failed is tried again. Errors: step tls, naming the
  // file. Requires: `config` passed validate().
  std::expected<Context, ConnectError> get(const TlsClientConfig& config);

 private:
  std::mutex mutex_;
  std::vector<std::pair<TlsClientConfig, Context>> known_;  // the oldest first
};

}  // namespace brume::client

#include <algorithm>

#include <brume/engine/client/tls_contexts.h>

namespace brume::client {

std::expected<TlsContexts::Settings, ConnectError> TlsContexts::get(const TlsClientConfig& config) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(known_, config, [](const auto& known) -> const auto& { return known.first; });
  if (found != known_.end()) return found->second;
  auto made = tls::TlsContext::for_client(config);
  if (!made) {
    ConnectError error;
    error.step = ConnectStep::tls;
    error.cause = ConnectCause::invalid;
    error.text = std::move(made.error().text);
    return std::unexpected(std::move(error));
  }
  auto settings = std::make_shared<TlsSettings>();
  settings->context = *std::move(made);
  settings->resumes = config.resume;
  if (known_.size() == kMax) known_.erase(known_.begin());
  known_.emplace_back(config, settings);
  return settings;
}

}  // namespace brume::client

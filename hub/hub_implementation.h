// hub_implementation.h: what a Hub is made of: a shard on each core, and the ways to them.
//
// Made and taken apart on the server's thread. A core's thread finds its own shard by here(), any thread the gates.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <brume/engine/core/gate_ref.h>
#include <brume/engine/server/extension.h>
#include <brume/hub/hub.h>
#include <brume/hub/shard.h>

namespace brume {

class Hub::Implementation final : public server::Extension {
 public:
  Implementation(Server& server, const HubConfig& config);
  ~Implementation();

  std::optional<SystemError> problem() const override { return validate(options_.config); }
  void attach(std::span<connection::CoreContext* const> cores, std::uint64_t seed) override;
  void detach() override;

  // The shard of the core this thread is in; null elsewhere.
  hub::Shard* here() const;
  bool attached() const { return !shards_.empty(); }
  // Before start(). May throw std::bad_alloc.
  std::optional<Error> set_early_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy);

  std::expected<void, Error> post_broadcast(std::optional<std::string_view> room, const hub::Content& content,
                                            const BroadcastOptions& options) const;
  // Calls `f` with a shard on its core, or with null where there is none any more. Any thread.
  using Errand = std::function<void(hub::Shard*)>;
  std::expected<void, Error> post_errand(Errand f) const;

 private:
  Server* server_;  // null once it has gone
  hub::ShardOptions options_;
  std::vector<connection::CoreContext*> cores_;
  std::vector<core::GateRef> gates_;
  std::vector<std::unique_ptr<hub::Shard>> shards_;
  std::uint32_t number_ = 0;
};

}  // namespace brume

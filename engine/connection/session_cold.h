// session_cold.h: the parts of a Session that most connections never use; one allocation, made when first needed.
#pragma once

#include <any>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/deflater.h>
#include <brume/codec/frame_header.h>
#include <brume/codec/inflater.h>
#include <brume/engine/connection/session.h>

namespace brume::connection {

struct Session::Cold {
  explicit Cold(Session& session)
      : message_bucket(session.config().message_rate), byte_bucket(session.config().byte_rate) {}

  void note_dropped(std::uint64_t count) {
    dropped += count;
    untold_drops += count;
  }

  core::TokenBucket message_bucket;
  core::TokenBucket byte_bucket;
  std::vector<std::pair<std::string, std::any>> user_values;
  std::optional<std::stop_source> stop_source;
  std::string subprotocol;
  std::shared_ptr<const Request> request;
  std::string close_reason;
  std::vector<void*> spawned;         // frames of spawned tasks that have not ended
  DrainedAwaiter* drained = nullptr;  // those that wait for room
  Watcher* watchers = nullptr;        // those that hear of the end
  std::optional<KeptMessage> held;    // a message that came while nobody waited for one
  KeptMessage delivered;              // the held message whose view the handler has
  // The windows of messages that refer to earlier ones, each from the first such message on.
  std::unique_ptr<codec::Deflater> deflater;
  std::unique_ptr<codec::StreamInflater> inflater;
  std::uint64_t dropped = 0;
  std::uint64_t untold_drops = 0;  // since the application was last told
  io::Address peer;                // once the transport is gone, as the next
  std::uint64_t id = 0;
  bool pong_waits = false;  // the latest ping's answer, until fewer control frames wait
  std::uint8_t pong_size = 0;
  std::array<std::byte, codec::kMaxControlPayloadSize> pong;
};

}  // namespace brume::connection

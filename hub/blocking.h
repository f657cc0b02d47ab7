// blocking.h: a hub's calls for threads that are not a core's: each waits for its answer.
//
// -> expected<T, Error>, with timed_out where no answer came in time (the call may still act) and would_block_core on a
// core's own thread; their other errors are those of the hub's calls, and queue_full. May throw std::bad_alloc before
// anything was asked. A value that refers to its hub; any thread but a core's. In a simulation nothing would turn the
// cores meanwhile: every call times out.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/connection.h>
#include <brume/engine/error.h>
#include <brume/hub/options.h>

namespace brume {

class Hub;

class BlockingHub {
 public:
  template <class T>
  using Result = std::expected<T, Error>;

  BlockingHub(Hub& hub, std::chrono::milliseconds timeout) : hub_(hub), timeout_(timeout) {}

  Result<void> unregister_connection(std::string_view id) const;
  Result<void> join_room(std::string_view room, std::string_view id) const;
  Result<void> leave_room(std::string_view room, std::string_view id) const;
  Result<std::optional<ConnectionHandle>> find_connection(std::string_view id) const;

  Result<std::size_t> broadcast(MessageType type, Bytes data, const BroadcastOptions& options, Counted) const;
  Result<std::size_t> broadcast(MessageType type, Bytes data, Counted c) const { return broadcast(type, data, {}, c); }
  Result<std::size_t> broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                        const BroadcastOptions& options, Counted) const;
  Result<std::size_t> broadcast_to_room(std::string_view room, MessageType type, Bytes data, Counted c) const {
    return broadcast_to_room(room, type, data, {}, c);
  }
  Result<std::size_t> broadcast(const PreparedMessage& message, const BroadcastOptions& options, Counted) const;
  Result<std::size_t> broadcast(const PreparedMessage& message, Counted c) const { return broadcast(message, {}, c); }
  Result<std::size_t> broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                        const BroadcastOptions& options, Counted) const;
  Result<std::size_t> broadcast_to_room(std::string_view room, const PreparedMessage& message, Counted c) const {
    return broadcast_to_room(room, message, {}, c);
  }
  Result<std::size_t> broadcast_text(std::string_view text, const BroadcastOptions& options, Counted c) const {
    return broadcast(MessageType::text, as_bytes(text), options, c);
  }
  Result<std::size_t> broadcast_text(std::string_view text, Counted c) const { return broadcast_text(text, {}, c); }
  Result<std::size_t> broadcast_binary(Bytes data, const BroadcastOptions& options, Counted c) const {
    return broadcast(MessageType::binary, data, options, c);
  }
  Result<std::size_t> broadcast_binary(Bytes data, Counted c) const { return broadcast_binary(data, {}, c); }
  Result<std::size_t> broadcast_text_to_room(std::string_view room, std::string_view text,
                                             const BroadcastOptions& options, Counted c) const {
    return broadcast_to_room(room, MessageType::text, as_bytes(text), options, c);
  }
  Result<std::size_t> broadcast_text_to_room(std::string_view room, std::string_view text, Counted c) const {
    return broadcast_text_to_room(room, text, {}, c);
  }
  Result<std::size_t> broadcast_binary_to_room(std::string_view room, Bytes data, const BroadcastOptions& options,
                                               Counted c) const {
    return broadcast_to_room(room, MessageType::binary, data, options, c);
  }
  Result<std::size_t> broadcast_binary_to_room(std::string_view room, Bytes data, Counted c) const {
    return broadcast_binary_to_room(room, data, {}, c);
  }

  Result<std::size_t> connection_count() const;
  Result<std::size_t> room_connection_count(std::string_view room) const;
  Result<std::vector<std::string>> rooms() const;
  Result<std::vector<std::string>> room_connections(std::string_view room) const;
  Result<void> set_room_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy) const;

 private:
  template <class T, class F>
  Result<T> wait_for(F&& start) const;

  Hub& hub_;
  std::chrono::milliseconds timeout_;
};

}  // namespace brume

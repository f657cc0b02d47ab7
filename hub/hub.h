// hub.h: registered connections, rooms, and broadcasts to them, on all cores of a server.
//
//   brume::Server server;
//   brume::Hub hub(server);
//   brume::Task<> chat(brume::Connection& connection) {
//     auto me = co_await hub.register_connection(new_uuid(), connection);
//     if (!me || !co_await me->join("lobby")) co_return;
//     while (auto message = co_await connection.receive())
//       (void)hub.broadcast_text_to_room("lobby", message->text());
//   }                                                                          // leaves its rooms here
//
// Each core has a shard of its own and shares nothing: ids and rooms have a home core (by a keyed hash of the name),
// and shards speak through the cores' mailboxes, first in, first out for each pair of cores. Guarantees:
//   1. All members of a room get its broadcasts in one order, whichever cores they are on and came from. A core's
//      broadcasts to one room keep their order. Between two rooms, between rooms and broadcast(), and between a
//      broadcast and a direct send() there is no order.
//   2. Sent after join() returned, received: a broadcast made after the join has returned (on the same core, or later
//      by whatever told the sender) reaches the new member.
//   3. Once leave() returned, no later broadcast enters the connection's outbox.
//   4. A counted broadcast's number is exact: the connections whose outbox took it; a full or closed one does not
//      count.
//   5. room_connection_count() and room_connections() are exact at their place in the room's order; rooms() and
//      connection_count() are sums of per-core snapshots.
//   6. A registration that was replaced has left its rooms before the newer one's call returns.
//   7. After Server::stop() calls go on being answered until all connections have ended; later ones get `stopping`.
//
// Calls marked (core) are made on a core's thread, that is, in handlers and callbacks; posted broadcasts on any thread;
// blocking() on any other than a core's. Besides the errors named there, each call marked (core) may fail with
// stopping, wrong_thread, out_of_memory (none is left, or max_pending_calls wait) and, where it is given a name,
// name_too_long.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <brume/engine/connection.h>
#include <brume/engine/error.h>
#include <brume/engine/server.h>
#include <brume/hub/blocking.h>
#include <brume/hub/call.h>
#include <brume/hub/options.h>
#include <brume/hub/registration.h>

namespace brume {

class Hub {
 public:
  // Before server.start(). A configuration out of range makes Server::listen() (or start(), where the hub is made
  // between the two) fail with the field's name.
  explicit Hub(Server& server, const HubConfig& config = {});
  // Detaches from every core and waits; calls under way get `stopping`, connections stay. Not on a core's thread.
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  // (core) The connection's own core. Errors: invalid_argument (no id, or a client's connection), already_registered (a
  // connection has one registration), id_taken, connection_closed.
  HubCall<Registration> register_connection(std::string_view id, Connection& connection);
  // (core) Ends the registration of whoever holds the id. Errors: unknown_connection.
  HubCall<void> unregister_connection(std::string_view id);
  // (core) As Registration::join() and leave(), for whoever holds the id.
  HubCall<void> join_room(std::string_view room, std::string_view id);
  HubCall<void> leave_room(std::string_view room, std::string_view id);
  // (core) A handle to whoever holds the id; nullopt where nobody does.
  HubCall<std::optional<ConnectionHandle>> find_connection(std::string_view id);

  // Posts a message to every registered connection, or to a room's members; acts at the call and cannot be awaited.
  // Any thread. Errors: invalid_message_type, invalid_utf8, message_too_large (Config::max_message_size),
  // invalid_argument (a room without a name), name_too_long, hub_overloaded (too much waits for another core),
  // queue_full (foreign threads), out_of_memory, stopping.
  std::expected<void, Error> broadcast(MessageType type, Bytes data, const BroadcastOptions& options = {});
  std::expected<void, Error> broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                               const BroadcastOptions& options = {});
  std::expected<void, Error> broadcast_text(std::string_view text, const BroadcastOptions& options = {}) {
    return broadcast(MessageType::text, as_bytes(text), options);
  }
  std::expected<void, Error> broadcast_binary(Bytes data, const BroadcastOptions& options = {}) {
    return broadcast(MessageType::binary, data, options);
  }
  std::expected<void, Error> broadcast_text_to_room(std::string_view room, std::string_view text,
                                                    const BroadcastOptions& options = {}) {
    return broadcast_to_room(room, MessageType::text, as_bytes(text), options);
  }
  std::expected<void, Error> broadcast_binary_to_room(std::string_view room, Bytes data,
                                                      const BroadcastOptions& options = {}) {
    return broadcast_to_room(room, MessageType::binary, data, options);
  }

  // A message that was prepared is checked and framed no more. Errors as above, but for those of its making.
  std::expected<void, Error> broadcast(const PreparedMessage& message, const BroadcastOptions& options = {});
  std::expected<void, Error> broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                               const BroadcastOptions& options = {});

  // (core) The same, and how many connections took it. Errors as above.
  HubCall<std::size_t> broadcast(MessageType type, Bytes data, const BroadcastOptions& options, Counted);
  HubCall<std::size_t> broadcast(MessageType type, Bytes data, Counted c) { return broadcast(type, data, {}, c); }
  HubCall<std::size_t> broadcast_to_room(std::string_view room, MessageType type, Bytes data,
                                         const BroadcastOptions& options, Counted);
  HubCall<std::size_t> broadcast_to_room(std::string_view room, MessageType type, Bytes data, Counted c) {
    return broadcast_to_room(room, type, data, {}, c);
  }
  HubCall<std::size_t> broadcast(const PreparedMessage& message, const BroadcastOptions& options, Counted);
  HubCall<std::size_t> broadcast(const PreparedMessage& message, Counted c) { return broadcast(message, {}, c); }
  HubCall<std::size_t> broadcast_to_room(std::string_view room, const PreparedMessage& message,
                                         const BroadcastOptions& options, Counted);
  HubCall<std::size_t> broadcast_to_room(std::string_view room, const PreparedMessage& message, Counted c) {
    return broadcast_to_room(room, message, {}, c);
  }
  HubCall<std::size_t> broadcast_text(std::string_view text, const BroadcastOptions& options, Counted c) {
    return broadcast(MessageType::text, as_bytes(text), options, c);
  }
  HubCall<std::size_t> broadcast_text(std::string_view text, Counted c) { return broadcast_text(text, {}, c); }
  HubCall<std::size_t> broadcast_binary(Bytes data, const BroadcastOptions& options, Counted c) {
    return broadcast(MessageType::binary, data, options, c);
  }
  HubCall<std::size_t> broadcast_binary(Bytes data, Counted c) { return broadcast_binary(data, {}, c); }
  HubCall<std::size_t> broadcast_text_to_room(std::string_view room, std::string_view text,
                                              const BroadcastOptions& options, Counted c) {
    return broadcast_to_room(room, MessageType::text, as_bytes(text), options, c);
  }
  HubCall<std::size_t> broadcast_text_to_room(std::string_view room, std::string_view text, Counted c) {
    return broadcast_text_to_room(room, text, {}, c);
  }
  HubCall<std::size_t> broadcast_binary_to_room(std::string_view room, Bytes data, const BroadcastOptions& options,
                                                Counted c) {
    return broadcast_to_room(room, MessageType::binary, data, options, c);
  }
  HubCall<std::size_t> broadcast_binary_to_room(std::string_view room, Bytes data, Counted c) {
    return broadcast_binary_to_room(room, data, {}, c);
  }

  // (core) Of a room that is not there: 0, or no ids.
  HubCall<std::size_t> connection_count();
  HubCall<std::size_t> room_connection_count(std::string_view room);
  HubCall<std::vector<std::string>> rooms();
  HubCall<std::vector<std::string>> room_connections(std::string_view room);  // ids

  // (core, and before start() on the server's thread) The room's own policy, also for members and lives of the room to
  // come; nullopt: the hub's again. Errors: out_of_memory, also above max_room_policies.
  HubCall<void> set_room_policy(std::string_view room, std::optional<SlowConsumerPolicy> policy);

  // The same calls for a thread that is not a core's, which waits for the answer, at most `timeout`.
  BlockingHub blocking(std::chrono::milliseconds timeout) { return BlockingHub(*this, timeout); }

 private:
  friend class BlockingHub;
  class Implementation;
  template <class T, class F>
  HubCall<T> on_this_core(F&& f);

  std::unique_ptr<Implementation> implementation_;
};

}  // namespace brume

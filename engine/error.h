// error.h: what calls of the library answer with instead of throwing.
//
// Pure data; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace brume {

enum class Error : std::uint8_t {
  connection_closed,     // the connection is closed or closing
  message_too_large,     // above max_message_size
  invalid_message_type,  // neither text nor binary
  send_queue_full,       // the outbox holds message_buffer_size messages or max_buffered_size bytes
  invalid_utf8,          // text that is not UTF-8
  invalid_close_code,    // a close code that may not be sent (RFC 6455, 7.4)
  stopping,              // the server is stopping or gone
  queue_full,            // the target core's mailbox is full; nothing was queued
  out_of_memory,         // a pool or memory bound was reached
  invalid_argument,      // e.g. a header field with a line break in it
  already_upgraded,      // the request was upgraded before
  unknown_connection,    // no connection is registered under that id
  already_registered,    // the connection is registered with that hub
  id_taken,              // the id is registered and the hub does not replace (HubConfig::on_same_id)
  too_many_rooms,        // the connection is in max_rooms_per_connection rooms
  room_full,             // the room has max_members_per_room members
  not_a_member,          // the connection is not in that room
  name_too_long,         // an id or a room's name of more than max_name_size bytes
  hub_overloaded,        // too much waits for another core; nothing was queued
  timed_out,             // no answer in time; the call may still act
  would_block_core,      // a blocking call on a core's own thread
  wrong_thread,          // a call that belongs to a core's thread, elsewhere
};

// A short lower-case phrase ("send queue full"). Static storage.
std::string_view to_string(Error error);

// Why the server could not be set up or started: a configuration value out of range, or a system call that failed.
struct SystemError {
  enum class Kind : std::uint8_t {
    config,       // a field is out of range; `text` names field, value and range
    bad_address,  // not an address
    address_in_use,
    permission_denied,
    address_unavailable,  // the address is not one of this machine
    io_unavailable,       // the I/O backend asked for cannot be had here
    resources,            // out of memory, descriptors or threads
    wrong_state,          // called twice or out of order
    tls,                  // a certificate, key or CA cannot be used; `text` names the file
  };
  Kind kind = Kind::config;
  int code = 0;      // errno where a system call failed, else 0
  std::string text;  // one line without a line break
};

}  // namespace brume

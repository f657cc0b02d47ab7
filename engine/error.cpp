#include <brume/engine/error.h>

namespace brume {

std::string_view to_string(Error error) {
  switch (error) {
    case Error::connection_closed:
      return "connection closed";
    case Error::message_too_large:
      return "message too large";
    case Error::invalid_message_type:
      return "invalid message type";
    case Error::send_queue_full:
      return "send queue full";
    case Error::invalid_utf8:
      return "invalid UTF-8";
    case Error::invalid_close_code:
      return "invalid close code";
    case Error::stopping:
      return "stopping";
    case Error::queue_full:
      return "queue full";
    case Error::out_of_memory:
      return "out of memory";
    case Error::invalid_argument:
      return "invalid argument";
    case Error::already_upgraded:
      return "already upgraded";
    case Error::unknown_connection:
      return "unknown connection";
    case Error::already_registered:
      return "already registered";
    case Error::id_taken:
      return "id taken";
    case Error::too_many_rooms:
      return "too many rooms";
    case Error::room_full:
      return "room full";
    case Error::not_a_member:
      return "not a member";
    case Error::name_too_long:
      return "name too long";
    case Error::hub_overloaded:
      return "hub overloaded";
    case Error::timed_out:
      return "timed out";
    case Error::would_block_core:
      return "would block a core";
    case Error::wrong_thread:
      return "wrong thread";
  }
  return "unknown error";
}

}  // namespace brume

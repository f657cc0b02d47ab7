#include <brume/engine/connection/counters.h>

namespace brume::connection {

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::message_rate:
      return "message_rate";
    case Refusal::byte_rate:
      return "byte_rate";
    case Refusal::control_rate:
      return "control_rate";
    case Refusal::message_timeout:
      return "message_timeout";
    case Refusal::read_timeout:
      return "read_timeout";
    case Refusal::write_timeout:
      return "write_timeout";
    case Refusal::close_timeout:
      return "close_timeout";
    case Refusal::handler_exception:
      return "handler_exception";
    case Refusal::out_of_memory:
      return "out_of_memory";
    case Refusal::memory_held_back:
      return "memory_held_back";
    case Refusal::memory_refused:
      return "memory_refused";
    case Refusal::memory_limit:
      return "memory_limit";
    case Refusal::accept_paused:
      return "accept_paused";
    case Refusal::accept_refused:
      return "accept_refused";
    case Refusal::slow_turn:
      return "slow_turn";
    case Refusal::slow_consumer:
      return "slow_consumer";
    case Refusal::hub_overloaded:
      return "hub_overloaded";
    case Refusal::proxy_timeout:
      return "proxy_timeout";
    case Refusal::tls_handshake:
      return "tls_handshake";
    case Refusal::tls_timeout:
      return "tls_timeout";
    case Refusal::tls_record:
      return "tls_record";
    case Refusal::tls_truncated:
      return "tls_truncated";
    case Refusal::tls_bare_records:
      return "tls_bare_records";
  }
  return "unknown";
}

}  // namespace brume::connection

// agreed_deflate.h: what a connection agreed on for compressed messages (codec/permessage_deflate.h), in one byte.
//
// A value; any thread.
#pragma once

#include <cstdint>

#include <brume/codec/permessage_deflate.h>

namespace brume::connection {

class AgreedDeflate {
 public:
  AgreedDeflate() = default;
  // Requires: a server's settings, whose own window has kMinOwnWindowBits at least.
  explicit AgreedDeflate(const codec::DeflateSettings& settings)
      : own_window_(static_cast<std::uint8_t>(settings.server_max_window_bits - codec::kMinWindowBits) & 7),
        peer_window_(static_cast<std::uint8_t>(settings.client_max_window_bits - codec::kMinWindowBits) & 7),
        keeps_own_context_(!settings.server_no_context_takeover),
        keeps_peer_context_(!settings.client_no_context_takeover) {}

  bool agreed() const { return own_window_ != 0; }
  std::uint8_t own_window_bits() const { return static_cast<std::uint8_t>(codec::kMinWindowBits + own_window_); }
  std::uint8_t peer_window_bits() const { return static_cast<std::uint8_t>(codec::kMinWindowBits + peer_window_); }
  // Whether messages this side sends, or the peer, refer to earlier ones.
  bool keeps_own_context() const { return keeps_own_context_; }
  bool keeps_peer_context() const { return keeps_peer_context_; }
  bool keeps_context() const { return keeps_own_context_ || keeps_peer_context_; }

 private:
  std::uint8_t own_window_ : 3 = 0;   // bits of the window less kMinWindowBits; 0: nothing was agreed
  std::uint8_t peer_window_ : 3 = 0;  // the same
  bool keeps_own_context_ : 1 = false;
  bool keeps_peer_context_ : 1 = false;
};
static_assert(sizeof(AgreedDeflate) == 1);

}  // namespace brume::connection

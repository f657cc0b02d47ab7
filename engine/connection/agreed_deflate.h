// agreed_deflate.h: what a connection agreed on for compressed messages (codec/permessage_deflate.h), in one byte.
//
// A value; any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include <brume/codec/permessage_deflate.h>

namespace brume::connection {

class AgreedDeflate {
 public:
  AgreedDeflate() = default;
  // Of a server's connection. Requires: its own window has kMinOwnWindowBits at least.
  static AgreedDeflate of_server(const codec::DeflateSettings& settings) {
    return {settings.server_max_window_bits, settings.client_max_window_bits, !settings.server_no_context_takeover,
            !settings.client_no_context_takeover};
  }
  // Of a connection this side made. Where the server left it a window of 256 bytes, which its compressor cannot keep
  // to, it sends nothing compressed.
  static AgreedDeflate of_client(const codec::DeflateSettings& settings) {
    return {settings.client_max_window_bits, settings.server_max_window_bits, !settings.client_no_context_takeover,
            !settings.server_no_context_takeover};
  }

  bool agreed() const { return peer_window_ != 0; }
  // Whether messages this side sends may be compressed.
  bool compresses() const { return own_window_ != 0; }
  // Requires: compresses().
  std::uint8_t own_window_bits() const { return static_cast<std::uint8_t>(codec::kMinWindowBits + own_window_); }
  // At least kMinOwnWindowBits: what was made with a smaller window can be read with that one.
  std::uint8_t peer_window_bits() const { return static_cast<std::uint8_t>(codec::kMinWindowBits + peer_window_); }
  // Whether messages this side sends, or the peer, refer to earlier ones.
  bool keeps_own_context() const { return keeps_own_context_; }
  bool keeps_peer_context() const { return keeps_peer_context_; }
  bool keeps_context() const { return keeps_own_context_ || keeps_peer_context_; }

  // The same in the words of the handshake; nullopt where nothing was agreed.
  std::optional<codec::DeflateSettings> settings(bool is_client) const {
    if (!agreed()) return std::nullopt;
    codec::DeflateSettings own{!keeps_own_context_, !keeps_peer_context_,
                               static_cast<std::uint8_t>(codec::kMinWindowBits + own_window_), peer_window_bits()};
    if (is_client) {
      std::swap(own.server_no_context_takeover, own.client_no_context_takeover);
      std::swap(own.server_max_window_bits, own.client_max_window_bits);
    }
    return own;
  }

 private:
  AgreedDeflate(std::uint8_t own_window, std::uint8_t peer_window, bool keeps_own, bool keeps_peer)
      : own_window_(static_cast<std::uint8_t>(own_window - codec::kMinWindowBits) & 7),
        peer_window_(
            static_cast<std::uint8_t>(std::max(peer_window, codec::kMinOwnWindowBits) - codec::kMinWindowBits) & 7),
        keeps_own_context_(keeps_own && own_window_ != 0),
        keeps_peer_context_(keeps_peer) {}

  std::uint8_t own_window_ : 3 = 0;   // bits of the window less kMinWindowBits; 0: this side sends as it is
  std::uint8_t peer_window_ : 3 = 0;  // the same; 0: nothing was agreed
  bool keeps_own_context_ : 1 = false;
  bool keeps_peer_context_ : 1 = false;
};
static_assert(sizeof(AgreedDeflate) == 1);

}  // namespace brume::connection

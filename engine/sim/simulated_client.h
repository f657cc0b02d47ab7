// simulated_client.h: the clients of a simulation, for tests: a WebSocket client, and bare TCP for everything else.
//
// Handles, freely copied: what they name belongs to the Simulator and lives as long as it. Nothing here waits: a call
// starts something, and turning the Simulator makes it happen. The simulation's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <brume/codec/frame_header.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/codec/violation.h>
#include <brume/engine/io/address.h>
#include <brume/engine/io/io.h>
#include <brume/engine/message.h>
#include <brume/engine/tls_config.h>

namespace brume {

namespace sim {
class TcpPeer;
class WebSocketPeer;
}  // namespace sim

// With TLS keys are random: what a run with one seed means is the same each time, its bytes and trace_hash() are not.
struct ClientOptions {
  std::vector<std::pair<std::string, std::string>> headers{};  // added to the upgrade request as they are
  std::vector<std::string> subprotocols{};                     // offered in this order
  std::string origin{};                                        // the Origin header; none where empty
  std::string host{};                                          // the Host header; the server's address where empty
  std::optional<io::Address> from{};                           // its own address; else one that no other client has
  std::optional<TlsClientConfig> tls{};                        // speaks TLS; files that cannot be used end the process
  // Offers permessage-deflate; where the server accepts, the messages of send_text() and send_binary() are compressed
  // from the upgrade on, unless they are empty.
  std::optional<codec::DeflateOffer> compression{};
  bool answer_pings = true;
  bool answer_close = true;  // answers the server's Close frame with its own
};

// What a simulated client received whole.
struct ReceivedMessage {
  MessageType type = MessageType::binary;
  std::string data{};
  bool compressed = false;  // on the wire
};

// Bare TCP. Everything that arrives is kept in received().
class SimulatedSocket {
 public:
  explicit SimulatedSocket(sim::TcpPeer& peer) : peer_(&peer) {}

  // Bytes travel in one piece as far as the network's faults let them, at least `gap` after the piece before.
  void send(std::string_view bytes, io::Time gap = io::Time::zero());
  // Cuts `bytes` at the given offsets (ascending).
  void send_split(std::string_view bytes, const std::vector<std::size_t>& offsets,
                  io::Time gap = std::chrono::milliseconds{1});
  void shutdown();  // FIN after what was sent
  void close();     // the same, and what arrives later is answered with a reset
  void abort();     // RST
  void vanish();    // the cable is pulled: from now on nothing gets through, and nobody is told
  void pause_reading();
  void resume_reading();

  io::Address address() const;
  const std::string& received() const;
  // received(), which is empty afterwards.
  std::string take_received();
  bool is_connected() const;
  // Connecting failed with this errno, or 0.
  int connect_error() const;
  bool received_fin() const;
  bool received_rst() const;
  std::size_t unsent_size() const;

 private:
  sim::TcpPeer* peer_;
};

// A WebSocket client that keeps what it receives. What is sent before the upgrade waits for it.
class SimulatedClient {
 public:
  explicit SimulatedClient(sim::WebSocketPeer& peer) : peer_(&peer) {}

  void send_text(std::string_view text);
  void send_binary(std::string_view data);
  void send_ping(std::string_view payload = {});
  void send_pong(std::string_view payload = {});
  // One masked frame of any kind, also where the protocol forbids it; its payload goes as it is.
  void send_frame(codec::Opcode opcode, std::string_view payload, bool fin = true);
  // Bytes as they are, in place of a frame.
  void send_bytes(std::string_view bytes);
  // Sends a Close frame (no payload for 1005); the server then ends the connection.
  void close(std::uint16_t code = 1000, std::string_view reason = {});
  void shutdown();  // FIN after what was sent, without a Close frame
  void abort();     // RST
  void vanish();    // the cable is pulled: from now on nothing gets through, and nobody is told
  void pause_reading();
  void resume_reading();

  io::Address address() const;
  // The response to the upgrade request: its status (0 before it has come), its head, and the body of a refusal.
  int status() const;
  const std::string& response_head() const;
  const std::string& response_body() const;
  // The first field of that name in the response; empty where there is none.
  std::string_view response_field(std::string_view name) const;
  std::string_view subprotocol() const { return response_field("Sec-WebSocket-Protocol"); }
  // Answered with 101 and the right Sec-WebSocket-Accept (RFC 6455, section 4.1).
  bool upgraded() const;
  // What was agreed on for compressed messages; nullopt where nothing was.
  std::optional<codec::DeflateSettings> compression() const;
  // Upgraded, and neither side has begun to close.
  bool is_open() const;

  // Once the handshake is done; nullopt before, and without TLS.
  std::optional<TlsInfo> tls_info() const;
  // Why TLS failed, as in "alert_received: sslv3 alert certificate unknown"; empty where it did not. A server that ends
  // without close_notify: "truncated".
  std::string_view tls_failure() const;

  const std::vector<ReceivedMessage>& messages() const;
  // messages(), which are then gone.
  std::vector<ReceivedMessage> take_messages();
  // The last text message; empty where there was none.
  std::string_view last_text() const;
  const std::vector<std::string>& pings() const;
  const std::vector<std::string>& pongs() const;

  // From the server's Close frame: 1005 where it had no code; 1006 once the connection is over without one; else 0.
  std::uint16_t close_code() const;
  std::string_view close_reason() const;
  // The rule that the server broke; the client resets the connection then.
  std::optional<codec::Violation> violation() const;
  // Connecting failed with this errno, or 0.
  int connect_error() const;
  bool received_fin() const;
  bool received_rst() const;
  // The connection is over: nothing more will arrive.
  bool is_over() const;
  std::size_t unsent_size() const;

 private:
  sim::WebSocketPeer* peer_;
};

}  // namespace brume

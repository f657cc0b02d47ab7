// websocket_peer.h: the state of a SimulatedClient: handshake, decoder, and all it has seen.
//
// The simulation's thread only; owned by the World.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/decoder.h>
#include <brume/codec/deflater.h>
#include <brume/codec/inflater.h>
#include <brume/codec/permessage_deflate.h>
#include <brume/engine/sim/simulated_client.h>
#include <brume/engine/sim/tcp_peer.h>
#include <brume/engine/tls/tls_filter.h>

namespace brume::sim {

class WebSocketPeer final : public TcpPeer, private tls::Output {
 public:
  WebSocketPeer(SimContext& context, SimNetwork& network, const io::Address& from, const io::Address& to,
                std::string_view path, const ClientOptions& options);

  void send_message(codec::Opcode opcode, std::string_view payload);
  void send_frame(codec::Opcode opcode, std::string_view payload, bool fin, bool rsv1 = false);
  void send_bytes(std::string_view bytes);
  void send_close(std::uint16_t code, std::string_view reason);

  // These go through TLS where there is some; abort() and vanish() of TcpPeer do not ask.
  void shutdown();
  void close();
  std::optional<TlsInfo> tls_info() const;
  std::string_view tls_failure() const { return tls_failure_; }

  std::string_view response_field(std::string_view name) const;

  // What it has seen; the SimulatedClient says what each means.
  struct Seen {
    int status = 0;
    std::string response_head;
    std::string response_body;
    bool upgraded = false;
    std::optional<codec::DeflateSettings> compression;
    std::vector<ReceivedMessage> messages;
    std::size_t last_text = SIZE_MAX;  // index into messages
    std::vector<std::string> pings;
    std::vector<std::string> pongs;
    std::uint16_t close_code = 0;
    std::string close_reason;
    std::optional<codec::Violation> violation;
  };
  Seen& seen() { return seen_; }
  bool is_open() const { return seen_.upgraded && seen_.close_code == 0 && !close_sent_ && is_connected(); }

 private:
  void on_bytes(std::span<std::byte> bytes) override;
  void on_over() override;

  bool take_records(std::span<const std::byte> records) noexcept override;

  void begin_tls(const TlsClientConfig& config, const io::Address& to);
  // Sends, sealed where there is TLS; until its handshake is done it waits.
  void transmit(std::string_view bytes);
  void take_sealed(std::span<std::byte> bytes);
  void take_plain(std::span<std::byte> bytes);
  void say_close_notify();

  void send_request(const io::Address& to, std::string_view path, const ClientOptions& options);
  // Takes bytes up to the response head's end, and returns those after it.
  std::span<std::byte> take_head(std::span<std::byte> bytes);
  void judge_head();
  // False where the server's answer is none to the offer.
  bool agree();
  void decode(std::span<std::byte> bytes);
  void take_message(const codec::Event& event);
  std::optional<codec::Violation> inflate(std::span<const std::byte> payload, std::string& out);
  void take_close(std::string_view payload);
  void fail(codec::Violation violation);

  std::unique_ptr<tls::TlsFilter> tls_;  // null without TLS
  std::string before_tls_;               // waits for the handshake
  std::string tls_failure_;
  bool tls_over_ = false;
  bool answer_pings_;
  bool answer_close_;
  std::string key_;
  std::vector<std::string> waiting_;  // for the upgrade
  bool head_done_ = false;
  bool close_sent_ = false;
  bool decoding_over_ = false;
  std::optional<codec::DeflateOffer> offer_;
  std::unique_ptr<codec::Deflater> deflater_;
  std::unique_ptr<codec::StreamInflater> inflater_;
  codec::DecoderLimits limits_;
  codec::Decoder decoder_;
  Seen seen_;
};

}  // namespace brume::sim

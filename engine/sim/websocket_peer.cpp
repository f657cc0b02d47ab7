#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include <openssl/evp.h>

#include <brume/codec/close_payload.h>
#include <brume/codec/encoder.h>
#include <brume/codec/handshake.h>
#include <brume/codec/http_head.h>
#include <brume/codec/utf8.h>
#include <brume/engine/sim/websocket_peer.h>

namespace brume::sim {
namespace {

// Far above any test's; the limits under test are the server's.
constexpr std::size_t kMaxMessageSize = std::size_t{1} << 30;
constexpr std::size_t kKeySize = 16;  // bytes before Base64 (RFC 6455, section 4.1)

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string draw_key(Random& random) {
  std::array<unsigned char, kKeySize> nonce;
  for (unsigned char& byte : nonce) byte = static_cast<unsigned char>(random.below(256));
  std::array<unsigned char, kKeySize / 3 * 4 + 5> encoded;
  const int size = EVP_EncodeBlock(encoded.data(), nonce.data(), static_cast<int>(nonce.size()));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(size)};
}

}  // namespace

WebSocketPeer::WebSocketPeer(SimContext& context, SimNetwork& network, const io::Address& from, const io::Address& to,
                             std::string_view path, const ClientOptions& options)
    : TcpPeer(context, network, from, to),
      answer_pings_(options.answer_pings),
      answer_close_(options.answer_close),
      key_(draw_key(context.random)),
      offer_(options.compression),
      limits_{.max_message_size = kMaxMessageSize, .max_fragments = UINT32_MAX, .receiver = codec::Receiver::client} {
  if (options.tls) begin_tls(*options.tls, to);
  send_request(to, path, options);
}

void WebSocketPeer::send_request(const io::Address& to, std::string_view path, const ClientOptions& options) {
  std::string request = "GET ";
  const auto field = [&request](std::string_view name, std::string_view value) {
    request.append(name).append(": ").append(value).append("\r\n");
  };
  request.append(path).append(" HTTP/1.1\r\n");
  field("Host", options.host.empty() ? to.to_string() : options.host);
  field("Upgrade", "websocket");
  field("Connection", "Upgrade");
  field("Sec-WebSocket-Key", key_);
  field("Sec-WebSocket-Version", "13");
  if (!options.origin.empty()) field("Origin", options.origin);
  if (!options.subprotocols.empty()) {
    std::string offered;
    for (const std::string& name : options.subprotocols) offered.append(offered.empty() ? "" : ", ").append(name);
    field("Sec-WebSocket-Protocol", offered);
  }
  if (offer_) {
    std::string offer;
    codec::append_deflate_offer(offer, *offer_);
    field("Sec-WebSocket-Extensions", offer);
  }
  for (const auto& [name, value] : options.headers) field(name, value);
  transmit(request.append("\r\n"));
}

// --- TLS

void WebSocketPeer::begin_tls(const TlsClientConfig& config, const io::Address& to) {
  const auto made = tls::TlsContext::for_client(config);
  if (!made) {
    std::fprintf(stderr, "simulation: a client's TLS: %s\n", made.error().text.c_str());
    std::abort();
  }
  std::string host = to.to_string();
  host.resize(host.rfind(':'));
  tls_ = std::make_unique<tls::TlsFilter>();
  if (!tls_->begin_client(*made, host, nullptr)) throw std::bad_alloc();
  std::vector<std::byte> plain(tls::TlsFilter::kMaxRecordPayload);
  tls_->step({}, plain, *this, context().now());
}

bool WebSocketPeer::take_records(std::span<const std::byte> records) noexcept {
  send({reinterpret_cast<const char*>(records.data()), records.size()});
  return true;
}

void WebSocketPeer::transmit(std::string_view bytes) {
  using State = tls::TlsFilter::State;
  if (bytes.empty()) return;
  if (!tls_) return send(bytes);
  if (tls_->state() == State::handshake) {
    before_tls_ += bytes;
  } else if (tls_->state() == State::open || tls_->state() == State::closed) {
    tls_->seal(std::as_bytes(std::span(bytes)), *this, context().now());
  }
}

void WebSocketPeer::take_sealed(std::span<std::byte> bytes) {
  using State = tls::TlsFilter::State;
  std::vector<std::byte> plain(4 * tls::TlsFilter::kMaxRecordPayload);
  while (!bytes.empty() && (tls_->state() == State::handshake || tls_->state() == State::open)) {
    const auto step = tls_->step(bytes, plain, *this, context().now());
    bytes = bytes.subspan(step.taken);
    if (tls_->state() == State::open && !before_tls_.empty()) transmit(std::exchange(before_tls_, {}));
    if (step.opened != 0) take_plain(std::span(plain).first(step.opened));
  }
  if (tls_->state() != State::failed || !tls_failure_.empty()) return;
  tls_failure_ = to_string(tls_->fault().error);
  tls_failure_.append(": ").append(tls_->fault().detail);
  TcpPeer::close();
}

void WebSocketPeer::say_close_notify() {
  if (tls_ && !std::exchange(tls_over_, true)) tls_->close(*this, context().now());
}

void WebSocketPeer::shutdown() {
  say_close_notify();
  TcpPeer::shutdown();
}

void WebSocketPeer::close() {
  say_close_notify();
  TcpPeer::close();
}

std::optional<TlsInfo> WebSocketPeer::tls_info() const {
  using State = tls::TlsFilter::State;
  if (!tls_ || tls_->state() == State::handshake || tls_->state() == State::failed) return std::nullopt;
  return tls_->info();
}

// --- sending

void WebSocketPeer::send_bytes(std::string_view bytes) {
  if (seen_.upgraded)
    transmit(bytes);
  else if (!head_done_)
    waiting_.emplace_back(bytes);
}

void WebSocketPeer::send_message(codec::Opcode opcode, std::string_view payload) {
  if (!deflater_ || payload.empty()) return send_frame(opcode, payload, true);
  std::string compressed(codec::Deflater::bound(payload.size()), '\0');
  if (seen_.compression->client_no_context_takeover) deflater_->forget();
  compressed.resize(
      deflater_->deflate_next(std::as_bytes(std::span(payload)), std::as_writable_bytes(std::span(compressed))));
  send_frame(opcode, compressed, true, true);
}

void WebSocketPeer::send_frame(codec::Opcode opcode, std::string_view payload, bool fin, bool rsv1) {
  codec::MaskKey mask;
  const std::uint64_t drawn = context().random.next();
  std::memcpy(mask.data(), &drawn, mask.size());
  std::string frame(codec::client_frame_size(payload.size()), '\0');
  const auto out = std::as_writable_bytes(std::span(frame));
  frame.resize(codec::write_client_frame(out, opcode, std::as_bytes(std::span(payload)), mask, fin));
  if (rsv1) frame[0] = static_cast<char>(frame[0] | 0x40);
  send_bytes(frame);
}

void WebSocketPeer::send_close(std::uint16_t code, std::string_view reason) {
  if (close_sent_) return;
  close_sent_ = true;
  std::string payload;
  if (code != codec::close_code::no_status) {
    payload += static_cast<char>(code >> 8);
    payload += static_cast<char>(code & 0xFF);
    payload += reason;
  }
  send_frame(codec::Opcode::close, payload, true);
}

// --- the response

std::span<std::byte> WebSocketPeer::take_head(std::span<std::byte> bytes) {
  const std::size_t before = seen_.response_head.size();
  seen_.response_head.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t end = seen_.response_head.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) return {};
  seen_.response_head.resize(end + 4);
  head_done_ = true;
  judge_head();
  return bytes.subspan(end + 4 - before);
}

void WebSocketPeer::judge_head() {
  const std::string_view head = seen_.response_head;
  constexpr std::size_t kStatusAt = sizeof("HTTP/1.1 ") - 1;
  if (head.starts_with("HTTP/1.") && head.size() > kStatusAt + 3)
    std::from_chars(head.data() + kStatusAt, head.data() + kStatusAt + 3, seen_.status);
  const auto accept = codec::accept_key(key_);
  seen_.upgraded = seen_.status == 101 &&
                   response_field("Sec-WebSocket-Accept") == std::string_view(accept.data(), accept.size()) &&
                   codec::equals_ignore_case(response_field("Upgrade"), "websocket") &&
                   codec::equals_ignore_case(response_field("Connection"), "upgrade") && agree();
  if (seen_.upgraded)
    for (const std::string& frame : waiting_) transmit(frame);
  waiting_.clear();
}

bool WebSocketPeer::agree() {
  const std::string_view answer = response_field("Sec-WebSocket-Extensions");
  if (answer.empty()) return true;
  const codec::HeaderField field{"Sec-WebSocket-Extensions", answer};
  const auto agreed = codec::judge_deflate_answer(std::span(&field, 1), offer_ ? &*offer_ : nullptr);
  if (!agreed) return false;
  seen_.compression = *agreed;
  limits_.compression = true;
  constexpr std::uint8_t kLevel = 6;
  if (seen_.compression->client_max_window_bits >= codec::kMinOwnWindowBits) {
    deflater_ = std::make_unique<codec::Deflater>(seen_.compression->client_max_window_bits, kLevel);
  }
  inflater_ = std::make_unique<codec::StreamInflater>(seen_.compression->server_max_window_bits);
  return true;
}

std::string_view WebSocketPeer::response_field(std::string_view name) const {
  std::string_view rest = seen_.response_head;
  for (std::size_t end = rest.find("\r\n"); end != std::string_view::npos; end = rest.find("\r\n")) {
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !codec::equals_ignore_case(line.substr(0, colon), name)) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    while (value.ends_with(' ')) value.remove_suffix(1);
    return value;
  }
  return {};
}

// --- frames

void WebSocketPeer::on_bytes(std::span<std::byte> bytes) {
  tls_ ? take_sealed(bytes) : take_plain(bytes);
}

void WebSocketPeer::take_plain(std::span<std::byte> bytes) {
  if (!head_done_) bytes = take_head(bytes);
  if (!head_done_) return;
  if (seen_.upgraded)
    decode(bytes);
  else
    seen_.response_body += text_of(bytes);
}

void WebSocketPeer::decode(std::span<std::byte> bytes) {
  using Kind = codec::Event::Kind;
  while (!decoding_over_) {
    const codec::Event event = decoder_.next(bytes, limits_);
    switch (event.kind) {
      case Kind::need_more:
        return;
      case Kind::message:
        take_message(event);
        break;
      case Kind::ping:
        seen_.pings.push_back(text_of(event.payload));
        if (answer_pings_ && !close_sent_) send_frame(codec::Opcode::pong, seen_.pings.back(), true);
        break;
      case Kind::pong:
        seen_.pongs.push_back(text_of(event.payload));
        break;
      case Kind::close:
        take_close(text_of(event.payload));
        break;
      case Kind::violation:
        fail(event.violation);
        break;
    }
  }
}

void WebSocketPeer::take_message(const codec::Event& event) {
  ReceivedMessage message{static_cast<MessageType>(event.opcode), {}, event.compressed};
  if (event.compressed) {
    if (const auto violation = inflate(event.payload, message.data)) return fail(*violation);
    if (event.opcode == codec::Opcode::text && !codec::is_valid_utf8(message.data)) {
      return fail(codec::Violation::invalid_utf8);
    }
  } else {
    message.data = text_of(event.payload);
  }
  if (event.opcode == codec::Opcode::text) seen_.last_text = seen_.messages.size();
  seen_.messages.push_back(std::move(message));
}

// In small steps, so that what lies outside the window that was agreed on cannot be referred to.
std::optional<codec::Violation> WebSocketPeer::inflate(std::span<const std::byte> payload, std::string& out) {
  constexpr std::size_t kStep = 64;
  if (seen_.compression->server_no_context_takeover) inflater_->forget();
  inflater_->begin(payload);
  while (true) {
    const std::size_t before = out.size();
    out.resize(before + kStep);
    const auto inflated = inflater_->inflate(std::as_writable_bytes(std::span(out)).subspan(before));
    out.resize(before + inflated.size);
    if (inflated.state == codec::Inflated::State::done) return std::nullopt;
    if (inflated.state == codec::Inflated::State::bad) return codec::Violation::bad_compressed_data;
  }
}

void WebSocketPeer::take_close(std::string_view payload) {
  decoding_over_ = true;
  const auto close = codec::read_close_payload(std::as_bytes(std::span(payload)));
  if (!close) return fail(close.error());
  seen_.close_code = close->code;
  seen_.close_reason = close->reason;
  if (answer_close_) send_close(close->code, {});
}

void WebSocketPeer::fail(codec::Violation violation) {
  decoding_over_ = true;
  seen_.violation = violation;
  abort();
}

void WebSocketPeer::on_over() {
  if (tls_ && tls_failure_.empty() && tls_->state() != tls::TlsFilter::State::closed) tls_failure_ = "truncated";
  if (seen_.upgraded && seen_.close_code == 0) seen_.close_code = codec::close_code::abnormal;
  // The server closes first (RFC 6455, section 7.1.1); once it has, nothing is left to wait for.
  close();
}

}  // namespace brume::sim

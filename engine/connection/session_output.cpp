// What a session puts into its outbox: messages, control frames, and the closing handshake's beginning.
#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string_view>

#include <brume/codec/close_payload.h>
#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>

namespace brume::connection {

std::optional<Error> Session::judge(MessageType type, std::size_t size) const {
  if (state_ != State::open || !transport_) return Error::connection_closed;
  if (type != MessageType::text && type != MessageType::binary) return Error::invalid_message_type;
  if (size > config().max_message_size) return Error::message_too_large;
  return std::nullopt;
}

template <class Write>
std::expected<void, Error> Session::put(std::size_t size, Write&& write) {
  write(transport_->outbox().append(context_.reactor.blocks(), size, Outbox::Content::message,
                                    config().write_buffer_size));
  note_taken(1);
  return {};
}

std::expected<void, Error> Session::send(MessageType type, Bytes data) {
  if (const auto error = judge(type, data.size())) return std::unexpected(*error);
  const std::size_t size = frame_size(data.size());
  if (!fits(1, size)) return std::unexpected(Error::send_queue_full);
  if (type == MessageType::text && !known_text(data) && !codec::is_valid_utf8(data)) {
    return std::unexpected(Error::invalid_utf8);
  }
  // A compressor may make a message a little larger, and its context needs it all the same: the bound is passed then.
  if (deflate_.compresses() && append_compressed(static_cast<codec::Opcode>(type), data)) {
    note_taken(1);
    return {};
  }
  return put(size, [&](std::span<std::byte> frame) { write_frame(frame, static_cast<codec::Opcode>(type), data); });
}

std::expected<void, Error> Session::send(MessageType type, Bytes data, const SendOptions& options) {
  if (!options.policy) return send(type, data);
  if (const auto error = judge(type, data.size())) return std::unexpected(*error);
  if (type == MessageType::text && !known_text(data) && !codec::is_valid_utf8(data)) {
    return std::unexpected(Error::invalid_utf8);
  }
  if (client_) return put_masked_by_policy(static_cast<codec::Opcode>(type), data, options);
  return put_by_policy(frame_size(data.size()), options,
                       [&](std::span<std::byte> frame) { write_frame(frame, static_cast<codec::Opcode>(type), data); });
}

std::expected<void, Error> Session::send(const PreparedMessage& message, const SendOptions& options) {
  if (const auto error = judge(message.type(), message.data().size())) return std::unexpected(*error);
  const auto opcode = static_cast<codec::Opcode>(message.type());
  const std::size_t size = frame_size(message.data().size());
  const auto write = [&](std::span<std::byte> frame) {
    // A client's frame is masked, each with a key of its own.
    if (client_) return write_frame(frame, opcode, message.data());
    std::ranges::copy(message.frame(), frame.begin());
  };
  if (options.policy && client_) return put_masked_by_policy(opcode, message.data(), options);
  if (options.policy) return put_by_policy(size, options, write);
  if (!fits(1, size)) return std::unexpected(Error::send_queue_full);
  if (deflate_.compresses() && append_compressed(opcode, message.data())) {
    note_taken(1);
    return {};
  }
  return put(size, write);
}

bool Session::known_text(Bytes data) const {
  const auto is = [data](MessageType type, Bytes received) {
    return type == MessageType::text && data.data() == received.data() && data.size() == received.size();
  };
  const Message& in_hand = context_.in_hand;
  return (in_hand.source && is(in_hand.type, in_hand.data)) ||
         (cold_ && is(cold_->delivered.type(), cold_->delivered.data()));
}

void Session::write_frame(std::span<std::byte> out, codec::Opcode opcode, std::span<const std::byte> payload) {
  if (!client_) [[likely]] {
    codec::write_server_frame(out, opcode, payload);
  } else {
    codec::write_client_frame(out, opcode, payload, context_.masks.next());
  }
}

std::expected<void, Error> Session::ping(Bytes payload) {
  if (state_ != State::open || !transport_) return std::unexpected(Error::connection_closed);
  if (payload.size() > codec::kMaxControlPayloadSize) return std::unexpected(Error::message_too_large);
  if (transport_->outbox().controls() >= kMaxQueuedControls) return std::unexpected(Error::send_queue_full);
  append_control(codec::Opcode::ping, payload);
  return {};
}

void Session::append_control(codec::Opcode opcode, std::span<const std::byte> payload) {
  const auto frame = transport_->outbox().append(context_.reactor.blocks(), frame_size(payload.size()),
                                                 Outbox::Content::control, config().write_buffer_size);
  write_frame(frame, opcode, payload);
  transport_->request_flush();
}

void Session::append_close(std::uint16_t code, std::string_view reason) {
  std::array<std::byte, codec::kMaxControlPayloadSize> payload;
  const std::size_t size = codec::write_close_payload(payload, code, reason);
  append_control(codec::Opcode::close, {payload.data(), size});
}

std::expected<void, Error> Session::close(std::uint16_t code, std::string_view reason) {
  if (!codec::is_sendable_close_code(code)) return std::unexpected(Error::invalid_close_code);
  if (!codec::is_valid_utf8(reason)) return std::unexpected(Error::invalid_utf8);
  begin_close(code, reason, CloseCause::local);
  return {};
}

void Session::begin_close(std::uint16_t code, std::string_view reason, CloseCause cause) {
  if (state_ != State::open || !transport_) return;
  append_close(code, reason);
  state_ = State::closing;
  deadline_ = now() + config().close_timeout;
  close_code_ = code;
  close_cause_ = cause;
  // The peer's Close has to be found in whatever it still sends, also behind a message nobody took.
  if (cold_) cold_->held.reset();
  paused_by_user_ = input_held_ = false;
  blocked_on_output_ = false;
  transport_->resume();
  transport_->wake_by(deadline_);
}

}  // namespace brume::connection

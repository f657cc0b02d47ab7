// message.h: what is received from a WebSocket peer.
//
// A Message is a view: valid until the handler next suspends or returns (callbacks: until the callback returns), on the
// connection's own thread. keep() gives an owner that may go anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace brume {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// The values are the opcodes of RFC 6455, section 11.8.
enum class MessageType : std::uint8_t { text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

// An owner of a message's bytes. Any thread; movable.
class KeptMessage {
 public:
  KeptMessage() = default;
  KeptMessage(MessageType type, std::unique_ptr<std::byte[]> bytes, std::size_t size)
      : bytes_(std::move(bytes)), size_(size), type_(type) {}

  MessageType type() const { return type_; }
  Bytes data() const { return {bytes_.get(), size_}; }
  std::string_view text() const { return as_text(data()); }

 private:
  std::unique_ptr<std::byte[]> bytes_;
  std::size_t size_ = 0;
  MessageType type_ = MessageType::binary;
};

namespace connection {
class Session;
}

struct Message {
  MessageType type = MessageType::binary;  // text or binary
  Bytes data{};

  std::string_view text() const { return as_text(data); }
  // An owner of these bytes: a message that came in pieces hands its buffer over, another is copied. Requires: the view
  // is still valid; called once for a message. May throw std::bad_alloc.
  KeptMessage keep() const;

  // Who received it, for keep(); null for a message whose bytes are kept elsewhere already.
  connection::Session* source = nullptr;
};

}  // namespace brume

// prepared_message.h: a message that is sent many times, checked and framed once.
//
//   const auto tick = PreparedMessage::text(to_json(quote));
//   if (tick) for (const ConnectionHandle& reader : readers) (void)reader.send(*tick);
//
// An immutable value: any thread, copied by counting, and it lives as long as the last copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include <brume/engine/error.h>
#include <brume/engine/message.h>

namespace brume {

class PreparedMessage {
 public:
  // Copies `data`. Errors: invalid_message_type (neither text nor binary), invalid_utf8, out_of_memory. The size is
  // judged where it is sent.
  static std::expected<PreparedMessage, Error> make(MessageType type, Bytes data);
  static std::expected<PreparedMessage, Error> text(std::string_view text) {
    return make(MessageType::text, as_bytes(text));
  }
  static std::expected<PreparedMessage, Error> binary(Bytes data) { return make(MessageType::binary, data); }

  MessageType type() const { return type_; }
  // The message, and the whole frame a server sends it in (RFC 6455, section 5.2). Valid as long as a copy of this.
  Bytes data() const { return frame().subspan(header_size_); }
  Bytes frame() const { return {frame_.get(), frame_size_}; }

 private:
  PreparedMessage() = default;

  std::shared_ptr<const std::byte[]> frame_;
  std::size_t frame_size_ = 0;
  std::uint8_t header_size_ = 0;
  MessageType type_ = MessageType::binary;
};

}  // namespace brume

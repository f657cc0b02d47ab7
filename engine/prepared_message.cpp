#include <new>

#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/engine/prepared_message.h>

namespace brume {

std::expected<PreparedMessage, Error> PreparedMessage::make(MessageType type, Bytes data) {
  if (type != MessageType::text && type != MessageType::binary) return std::unexpected(Error::invalid_message_type);
  if (type == MessageType::text && !codec::is_valid_utf8(data)) return std::unexpected(Error::invalid_utf8);
  PreparedMessage prepared;
  prepared.type_ = type;
  prepared.frame_size_ = codec::server_frame_size(data.size());
  prepared.header_size_ = static_cast<std::uint8_t>(prepared.frame_size_ - data.size());
  try {
    const std::shared_ptr<std::byte[]> frame = std::make_shared_for_overwrite<std::byte[]>(prepared.frame_size_);
    codec::write_server_frame({frame.get(), prepared.frame_size_}, static_cast<codec::Opcode>(type), data);
    prepared.frame_ = frame;
  } catch (const std::bad_alloc&) {
    return std::unexpected(Error::out_of_memory);
  }
  return prepared;
}

}  // namespace brume

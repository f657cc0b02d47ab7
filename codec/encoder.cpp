#include <array>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/encoder.h>
#include <brume/codec/mask.h>

namespace brume::codec {
namespace {

FrameHeader header_for(Opcode opcode, std::size_t payload_size, bool fin) {
  FrameHeader header{};
  header.opcode = opcode;
  header.fin = fin;
  header.payload_size = payload_size;
  return header;
}

std::size_t write_masked(std::span<std::byte> out, FrameHeader header, std::span<const std::byte> payload,
                         const MaskKey& key) {
  header.masked = true;
  header.mask_key = key;
  const std::size_t header_size = write_frame_header(out, header);
  apply_mask(out.subspan(header_size, payload.size()), payload, key);
  return header_size + payload.size();
}

}  // namespace

std::size_t write_server_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload, bool fin) {
  const std::size_t header_size = write_frame_header(out, header_for(opcode, payload.size(), fin));
  copy_bytes(out.subspan(header_size), payload);
  return header_size + payload.size();
}

std::size_t write_server_header(std::span<std::byte> out, Opcode opcode, bool compressed, std::size_t payload_size) {
  FrameHeader header = header_for(opcode, payload_size, true);
  header.rsv1 = compressed;
  return write_frame_header(out, header);
}

std::size_t write_client_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload,
                               const MaskKey& key, bool fin) {
  return write_masked(out, header_for(opcode, payload.size(), fin), payload, key);
}

std::size_t write_compressed_client_frame(std::span<std::byte> out, Opcode opcode, std::span<const std::byte> payload,
                                          const MaskKey& key) {
  FrameHeader header = header_for(opcode, payload.size(), true);
  header.rsv1 = true;
  return write_masked(out, header, payload, key);
}

std::size_t write_server_close(std::span<std::byte, kMaxControlFrameSize> out, std::uint16_t code,
                               std::string_view reason) {
  std::array<std::byte, kMaxControlPayloadSize> payload;
  const std::size_t size = write_close_payload(payload, code, reason);
  return write_server_frame(out, Opcode::close, std::span(payload).first(size));
}

}  // namespace brume::codec

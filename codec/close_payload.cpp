#include <brume/codec/close_payload.h>
#include <brume/codec/copy_bytes.h>
#include <brume/codec/utf8.h>

namespace brume::codec {

std::expected<ClosePayload, Violation> read_close_payload(std::span<const std::byte> payload) {
  if (payload.empty()) return ClosePayload{close_code::no_status, {}};
  if (payload.size() == 1) return std::unexpected(Violation::close_payload_one_byte);
  const auto code =
      static_cast<std::uint16_t>(std::to_integer<unsigned>(payload[0]) << 8 | std::to_integer<unsigned>(payload[1]));
  if (!is_sendable_close_code(code)) return std::unexpected(Violation::close_code_invalid);
  const auto reason = payload.subspan(2);
  if (!is_valid_utf8(reason)) return std::unexpected(Violation::close_reason_not_utf8);
  return ClosePayload{code, {reinterpret_cast<const char*>(reason.data()), reason.size()}};
}

std::size_t write_close_payload(std::span<std::byte, kMaxControlPayloadSize> out, std::uint16_t code,
                                std::string_view reason) {
  if (code == close_code::no_status) return 0;
  out[0] = static_cast<std::byte>(code >> 8);
  out[1] = static_cast<std::byte>(code & 0xFF);
  const std::string_view fitting = truncate_utf8(reason, kMaxCloseReasonSize);
  copy_bytes(out.subspan<2>(), std::as_bytes(std::span(fitting)));
  return 2 + fitting.size();
}

}  // namespace brume::codec

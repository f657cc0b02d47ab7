#include <algorithm>

#include <brume/codec/check.h>
#include <brume/codec/open_payload.h>
#include <brume/codec/partial.h>

namespace brume::codec {

void Partial::begin(const FrameHeader& header) {
  phase = Phase::payload;
  frame = header;
  received = 0;
  if (is_control(header.opcode)) return;
  if (header.opcode != Opcode::continuation) {
    opcode = header.opcode;
    compressed = header.rsv1;
  }
  ++fragments;
}

bool Partial::take_payload(std::span<std::byte>& input, std::size_t max_size) {
  const std::uint64_t missing = frame.payload_size - received;
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), missing));
  const auto offset = static_cast<std::size_t>(received);
  const MaskKey* key = frame.masked ? &frame.mask_key : nullptr;
  const auto piece = input.first(count);
  input = input.subspan(count);
  received += count;
  if (is_control(frame.opcode)) {
    return open_payload(std::span(control_payload).subspan(offset, count), piece, key, offset, nullptr);
  }
  const std::size_t final_size = frame.fin ? store.size() + static_cast<std::size_t>(missing) : max_size;
  return open_payload(store.extend(count, final_size), piece, key, offset,
                      opcode == Opcode::text && !compressed ? &utf8 : nullptr);
}

void Partial::check_invariants() const {
  store.check_invariants();
  check(!utf8.failed(), "bad UTF-8 ends the decoder");
  check(header_bytes_held < kMaxHeaderSize, "a complete header is not kept as bytes");
  if (in_message()) {
    check(fragments > 0, "a message has at least one frame");
    check((opcode == Opcode::text && !compressed) || utf8.complete(), "only plain text is validated");
  } else {
    check(store.capacity() == 0 && fragments == 0, "there is no store without a message");
  }
  switch (phase) {
    case Phase::header:
      check(in_message() || header_bytes_held > 0, "an idle decoder holds no memory");
      break;
    case Phase::payload:
      check(!frame_is_complete(), "a complete frame has been dealt with");
      check(header_bytes_held == 0, "a frame's header is read before its payload");
      break;
    case Phase::delivered:
      check(frame_is_complete() && frame.fin, "only complete messages and control frames are delivered");
      break;
  }
}

}  // namespace brume::codec

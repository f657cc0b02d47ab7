// open_payload.h: payload bytes as the application sees them: unmasked, and validated where they are text.
//
// Pure functions; any thread. Inline, as they are most of what a short message costs.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/frame_header.h>
#include <brume/codec/mask.h>
#include <brume/codec/utf8.h>
#include <brume/codec/violation.h>

namespace brume::codec {

// Copies payload bytes from `in` to `out` (the same bytes, or no overlap), unmasked with `key` from the frame's byte
// `offset` on, or as they are where `key` is null. Where `utf8` is given, false once it meets an impossible byte.
inline bool open_payload(std::span<std::byte> out, std::span<const std::byte> in, const MaskKey* key,
                         std::size_t offset, Utf8Validator* utf8) {
  if (key != nullptr && utf8 != nullptr) return utf8->feed_masked(out, in, *key, offset);
  if (key != nullptr) {
    apply_mask(out, in, *key, offset);
  } else if (out.data() != in.data()) {
    copy_bytes(out, in);
  }
  return utf8 == nullptr || utf8->feed(out.first(in.size()));
}

// Opens the payload of a whole message or control frame where it lies.
inline std::optional<Violation> open_in_place(std::span<std::byte> payload, Opcode opcode, const MaskKey* key) {
  if (opcode != Opcode::text) {
    open_payload(payload, payload, key, 0, nullptr);
    return std::nullopt;
  }
  Utf8Validator utf8;
  if (!open_payload(payload, payload, key, 0, &utf8)) return Violation::invalid_utf8;
  if (!utf8.complete()) return Violation::truncated_utf8;
  return std::nullopt;
}

}  // namespace brume::codec

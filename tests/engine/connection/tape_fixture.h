// tape_fixture.h: frames for tests of tapes and outboxes, written and read as bytes.
//
// Functions without state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <brume/codec/encoder.h>
#include <brume/engine/connection/outbox.h>
#include <brume/engine/connection/tape.h>

namespace brume::connection::test {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A whole server frame.
inline std::string frame(std::string_view payload, codec::Opcode opcode = codec::Opcode::binary) {
  std::string bytes(codec::server_frame_size(payload.size()), '\0');
  codec::write_server_frame(std::as_writable_bytes(std::span(bytes)), opcode, as_bytes(payload));
  return bytes;
}

// A whole frame of a client.
inline std::string masked_frame(std::string_view payload, codec::Opcode opcode = codec::Opcode::binary) {
  std::string bytes(codec::client_frame_size(payload.size()), '\0');
  constexpr codec::MaskKey kKey{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
  codec::write_client_frame(std::as_writable_bytes(std::span(bytes)), opcode, as_bytes(payload), kKey);
  return bytes;
}

inline void append(Tape& tape, std::string_view frame, const TapeMessage& message = {}) {
  const std::span<std::byte> room = tape.append(frame.size(), message);
  std::ranges::copy(as_bytes(frame), room.begin());
  tape.check_invariants();
}

// An outbox that knows the pool it takes its blocks from.
struct PooledOutbox : Outbox {
  explicit PooledOutbox(core::BlockPool& blocks) : pool(blocks) {}
  core::BlockPool& pool;
};

inline void append(PooledOutbox& outbox, std::string_view bytes, Outbox::Content content,
                   std::size_t first_size = 256) {
  const std::span<std::byte> room = outbox.append(outbox.pool, bytes.size(), content, first_size);
  std::ranges::copy(as_bytes(bytes), room.begin());
  outbox.check_invariants();
}

// The bytes that the first `segments` segments hold.
inline std::string gathered(const Outbox& outbox, std::size_t segments) {
  std::vector<iovec> list(segments);
  list.resize(outbox.gather(list));
  std::string bytes;
  for (const iovec& each : list) bytes.append(static_cast<const char*>(each.iov_base), each.iov_len);
  return bytes;
}

// All its bytes.
inline std::string gathered(const Outbox& outbox) {
  std::size_t segments = 64;
  std::string bytes;
  do bytes = gathered(outbox, segments *= 2);
  while (bytes.size() < outbox.size() && segments < 100'000);
  return bytes;
}

inline std::size_t segment_count(const Outbox& outbox) {
  std::array<iovec, 64> list;
  return outbox.gather(list);
}

}  // namespace brume::connection::test

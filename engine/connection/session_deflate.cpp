// Compressed messages, in and out (RFC 7692, sections 6 and 7.2).
#include <algorithm>
#include <cassert>
#include <new>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/encoder.h>
#include <brume/codec/utf8.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/session.h>
#include <brume/engine/connection/session_cold.h>

namespace brume::connection {

namespace {

constexpr std::size_t kFirstRoom = 4096;  // bytes, for what comes out
constexpr std::size_t kUsualRatio = 4;    // by which it is larger than what goes in, to begin with

using Violation = codec::Violation;

std::size_t first_room(std::size_t payload_size) {
  return std::max(kFirstRoom, kUsualRatio * payload_size);
}

// Both inflate into `out`, from its front and no further than `limit`; the result is the size.

std::expected<std::size_t, Violation> inflate_alone(CoreContext& context, std::span<const std::byte> payload,
                                                    BorrowedBlock& out, std::size_t limit) {
  const std::size_t in_size = payload.size() + codec::WholeInflater::kRoomBehind;
  const BorrowedBlock in(context.reactor.blocks(), in_size);
  codec::copy_bytes(in.bytes(), payload);
  codec::WholeInflater& inflater = context.deflate.inflater();
  while (true) {
    const auto room = out.bytes().first(std::min(limit, out.bytes().size()));
    const codec::Inflated inflated = inflater.inflate(in.bytes().first(in_size), room);
    if (inflated.state == codec::Inflated::State::done) return inflated.size;
    if (inflated.state == codec::Inflated::State::bad) return std::unexpected(Violation::bad_compressed_data);
    if (room.size() == limit) return std::unexpected(Violation::inflated_too_large);
    out.grow(std::min(limit, kUsualRatio * room.size()), 0);
  }
}

std::expected<std::size_t, Violation> inflate_next(codec::StreamInflater& inflater, std::span<const std::byte> payload,
                                                   BorrowedBlock& out, std::size_t limit) {
  inflater.begin(payload);
  std::size_t size = 0;
  while (true) {
    const auto room = out.bytes().first(std::min(limit, out.bytes().size()));
    const codec::Inflated inflated = inflater.inflate(room.subspan(size));
    size += inflated.size;
    if (inflated.state == codec::Inflated::State::done) return size;
    if (inflated.state == codec::Inflated::State::bad) return std::unexpected(Violation::bad_compressed_data);
    if (room.size() == limit) return std::unexpected(Violation::inflated_too_large);
    out.grow(std::min(limit, 2 * room.size()), size);
  }
}

std::optional<Violation> judge_text(std::span<const std::byte> text) {
  codec::Utf8Validator utf8;
  if (!utf8.feed(text)) return Violation::invalid_utf8;
  if (!utf8.complete()) return Violation::truncated_utf8;
  return std::nullopt;
}

}  // namespace

void Session::take_compressed(const codec::Event& event) {
  const std::size_t limit = config().max_message_size;
  // What the handler looks at, and given back once it has: keep() copies it.
  BorrowedBlock out(context_.reactor.blocks(), std::min(limit, first_room(event.payload.size())));
  std::expected<std::size_t, Violation> size = 0;
  if (deflate_.keeps_peer_context()) {
    auto& inflater = cold().inflater;
    if (!inflater) inflater = std::make_unique<codec::StreamInflater>(deflate_.peer_window_bits());
    size = inflate_next(*inflater, event.payload, out, limit);
  } else {
    size = inflate_alone(context_, event.payload, out, limit);
  }
  if (!size) return fail(size.error());
  const auto payload = out.bytes().first(*size);
  if (event.opcode == codec::Opcode::text) {
    if (const auto violation = judge_text(payload)) return fail(*violation);
  }
  take({.kind = codec::Event::Kind::message, .opcode = event.opcode, .payload = payload});
}

bool Session::append_compressed(codec::Opcode opcode, std::span<const std::byte> data) {
  std::optional<BorrowedBlock> room;
  const auto payload = compress(data, room);
  if (!payload) return false;
  std::span<std::byte> frame;
  try {
    frame = transport_->outbox().append(context_.reactor.blocks(), frame_size(payload->size()),
                                        Outbox::Content::message, config().write_buffer_size);
  } catch (const std::bad_alloc&) {
    // It does not reach the peer, and what an application sends all the same must not refer to it.
    if (deflate_.keeps_own_context()) cold_->deflater->forget();
    throw;
  }
  write_compressed(frame, opcode, *payload);
  return true;
}

std::expected<void, Error> Session::put_masked_by_policy(codec::Opcode opcode, std::span<const std::byte> data,
                                                         const SendOptions& options) {
  std::optional<BorrowedBlock> room;
  std::optional<std::span<const std::byte>> compressed;
  // What may be dropped must not be part of a context.
  if (deflate_.compresses() && !deflate_.keeps_own_context()) compressed = compress(data, room);
  return put_by_policy(frame_size(compressed.value_or(data).size()), options, [&](std::span<std::byte> frame) {
    compressed ? write_compressed(frame, opcode, *compressed) : write_frame(frame, opcode, data);
  });
}

std::optional<std::span<const std::byte>> Session::compress(std::span<const std::byte> data,
                                                            std::optional<BorrowedBlock>& room) {
  const Compression& compression = config().compression;
  if (data.empty() || data.size() < compression.threshold) return std::nullopt;
  const bool keeps_context = deflate_.keeps_own_context();
  codec::Deflater* const deflater =
      keeps_context ? own_deflater()
                    : context_.deflate.deflater(data.size(), deflate_.own_window_bits(), compression.level);
  if (!deflater) return std::nullopt;
  // Without a context what is not smaller goes as it is.
  const std::size_t most = keeps_context ? codec::Deflater::bound(data.size()) : data.size();
  room.emplace(context_.reactor.blocks(), most);
  const std::span<std::byte> out = room->bytes().first(most);
  context_.counters.compressions.add();
  const std::optional<std::size_t> size =
      keeps_context ? deflater->deflate_next(data, out) : deflater->deflate_alone(data, out);
  if (!size) return std::nullopt;
  return out.first(*size);
}

void Session::write_compressed(std::span<std::byte> out, codec::Opcode opcode, std::span<const std::byte> payload) {
  if (client_) {
    codec::write_compressed_client_frame(out, opcode, payload, context_.masks.next());
    return;
  }
  const std::size_t header_size = codec::write_server_header(out, opcode, true, payload.size());
  codec::copy_bytes(out.subspan(header_size), payload);
}

codec::Deflater* Session::own_deflater() {
  auto& deflater = cold().deflater;
  if (deflater) return deflater.get();
  // A message may always go as it is: it does where memory is short.
  if (context_.reactor.ledger().above_limit()) return nullptr;
  try {
    deflater = std::make_unique<codec::Deflater>(deflate_.own_window_bits(), config().compression.level);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  account();
  return deflater.get();
}

std::size_t Session::context_bytes() const {
  if (!cold_) return 0;
  return (cold_->deflater ? cold_->deflater->held_bytes() : 0) + (cold_->inflater ? cold_->inflater->held_bytes() : 0);
}

// Accounted for with the rest when this goes: the decoder may be one that threw.
void Session::drop_contexts() {
  cold_->deflater.reset();
  cold_->inflater.reset();
}

// ---- broadcasts

Tape& Session::compressed_tape(Tape& tape) {
  const Compression& compression = config().compression;
  const DeflateChoice choice{compression.threshold, deflate_.own_window_bits(), compression.level};
  return tape.for_receivers_of(choice, context_);
}

// A message of a broadcast for a peer that keeps the context: compressed for it alone.
bool Session::append_own(const Tape& tape, const Tape::Entry& entry) {
  // What may be dropped or replaced while it waits must not be part of the context.
  const SlowConsumerPolicy policy = entry.message.policy;
  if (policy != SlowConsumerPolicy::drop_newest && policy != SlowConsumerPolicy::disconnect) return false;
  const std::span<const std::byte> frame(tape.chunks()[entry.chunk]->bytes() + entry.begin, entry.end - entry.begin);
  const auto header = codec::read_frame_header(frame, codec::Receiver::client);
  assert(header && *header);
  return append_compressed((*header)->opcode, frame.subspan((*header)->header_size));
}

}  // namespace brume::connection

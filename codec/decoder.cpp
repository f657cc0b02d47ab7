#include <algorithm>
#include <array>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/decoder.h>
#include <brume/codec/open_payload.h>
#include <brume/codec/partial.h>

namespace brume::codec {
namespace {

Event event_for(Opcode opcode, bool compressed, std::span<std::byte> payload) {
  switch (opcode) {
    case Opcode::close:
      return {.kind = Event::Kind::close, .payload = payload};
    case Opcode::ping:
      return {.kind = Event::Kind::ping, .payload = payload};
    case Opcode::pong:
      return {.kind = Event::Kind::pong, .payload = payload};
    default:
      return {.kind = Event::Kind::message, .compressed = compressed, .opcode = opcode, .payload = payload};
  }
}

}  // namespace

Event Decoder::next_in_pieces(std::span<std::byte>& input, const DecoderLimits& limits) {
  forget_delivered();
  if (partial_.get() == ended()) {
    input = {};
    return {};
  }
  while (true) {
    if (partial_ == nullptr || partial_->phase == Partial::Phase::header) {
      const auto header = take_header(input, limits);
      if (!header) return fail(header.error());
      if (!*header) return {};
      const FrameHeader& frame = **header;
      const bool stands_alone = is_control(frame.opcode) || (frame.fin && frame.opcode != Opcode::continuation);
      if (stands_alone && frame.payload_size <= input.size()) return deliver_in_place(frame, input);
      need_partial().begin(frame);
    }
    const std::size_t max_size =
        partial_->compressed ? max_compressed_size(limits.max_message_size) : limits.max_message_size;
    if (!partial_->take_payload(input, max_size)) return fail(Violation::invalid_utf8);
    if (!partial_->frame_is_complete()) return {};
    if (partial_->frame.fin) return deliver_from_partial();
    partial_->phase = Partial::Phase::header;
  }
}

// Judges the header's bytes as far as they are there, and takes them once they are complete.
Decoder::HeaderOrViolation Decoder::take_header(std::span<std::byte>& input, const DecoderLimits& limits) {
  std::array<std::byte, kMaxHeaderSize> joined;
  std::span<const std::byte> known = input.first(std::min(joined.size(), input.size()));
  const std::size_t held = partial_ != nullptr ? partial_->header_bytes_held : 0;
  if (held > 0) {
    joined = partial_->header_bytes;
    known = known.first(std::min(joined.size() - held, known.size()));
    copy_bytes(std::span(joined).subspan(held), known);
    known = std::span(joined).first(held + known.size());
  }
  if (known.empty()) return std::nullopt;

  // Out of sequence is known from the first byte, before read_frame_header() looks at the second.
  if (const auto violation = judge_first_byte(known[0], limits.compression)) return std::unexpected(*violation);
  if (const auto violation = judge_sequence(opcode_of(known[0]))) return std::unexpected(*violation);
  const auto header = read_frame_header(known, limits.receiver, limits.compression);
  if (!header) return header;
  if (!*header) {
    Partial& partial = need_partial();
    copy_bytes(partial.header_bytes, known);
    partial.header_bytes_held = static_cast<std::uint8_t>(known.size());
    input = {};
    return header;
  }
  if (const auto violation = judge_limits(**header, limits)) return std::unexpected(*violation);
  input = input.subspan((*header)->header_size - held);
  if (partial_ != nullptr) partial_->header_bytes_held = 0;
  return header;
}

// Section 5.4: the frames of one message follow each other; only control frames may come between them.
std::optional<Violation> Decoder::judge_sequence(Opcode opcode) const {
  if (is_control(opcode)) return std::nullopt;
  if (opcode == Opcode::continuation) {
    return in_message() ? std::nullopt : std::optional(Violation::continuation_without_start);
  }
  return in_message() ? std::optional(Violation::data_inside_message) : std::nullopt;
}

// Section 10.4. The sizes are compared by subtraction: a sum with the peer's number could wrap.
std::optional<Violation> Decoder::judge_limits(const FrameHeader& header, const DecoderLimits& limits) const {
  if (is_control(header.opcode)) return std::nullopt;
  const std::uint32_t fragments_before = in_message() ? partial_->fragments : 0;
  const std::uint64_t size_before = in_message() ? partial_->store.size() : 0;
  if (fragments_before >= limits.max_fragments) return Violation::too_many_fragments;
  const bool compressed = header.rsv1 || (in_message() && partial_->compressed);
  const std::size_t max_size = compressed ? max_compressed_size(limits.max_message_size) : limits.max_message_size;
  if (header.payload_size > max_size) return Violation::message_too_large;
  if (size_before > max_size - header.payload_size) return Violation::message_too_large;
  return std::nullopt;
}

Event Decoder::deliver_in_place(const FrameHeader& header, std::span<std::byte>& input) {
  const auto payload = input.first(static_cast<std::size_t>(header.payload_size));
  input = input.subspan(payload.size());
  // Text is judged once it is inflated.
  const Opcode judged_as = header.rsv1 ? Opcode::binary : header.opcode;
  const auto violation = open_in_place(payload, judged_as, header.masked ? &header.mask_key : nullptr);
  if (violation) return fail(*violation);
  if (header.opcode == Opcode::close) {
    partial_.reset(ended());
  } else if (!in_message()) {
    partial_.reset();  // it held the first bytes of this header
  }
  return event_for(header.opcode, header.rsv1, payload);
}

Event Decoder::deliver_from_partial() {
  Partial& partial = *partial_;
  partial.phase = Partial::Phase::delivered;
  if (is_control(partial.frame.opcode)) return event_for(partial.frame.opcode, false, partial.control());
  if (!partial.utf8.complete()) return fail(Violation::truncated_utf8);
  return event_for(partial.opcode, partial.compressed, partial.store.bytes());
}

Event Decoder::fail(Violation violation) {
  partial_.reset(ended());
  return {.kind = Event::Kind::violation, .violation = violation};
}

// Gives back what the event before this call was a view of.
void Decoder::forget_delivered() {
  if (!waiting() || partial_->phase != Partial::Phase::delivered) return;
  const Opcode opcode = partial_->frame.opcode;
  if (opcode == Opcode::close) {
    partial_.reset(ended());
  } else if (is_control(opcode) && partial_->in_message()) {
    partial_->phase = Partial::Phase::header;
  } else {
    partial_.reset();
  }
}

bool Decoder::waiting() const {
  return partial_ != nullptr && partial_.get() != ended();
}

bool Decoder::in_message() const {
  return waiting() && partial_->in_message();
}

Partial& Decoder::need_partial() {
  if (partial_ == nullptr) partial_.reset(new Partial);
  return *partial_;
}

// An address where no Partial is: to know that a decoder has ended costs it no memory.
Partial* Decoder::ended() {
  alignas(Partial) static constexpr std::byte kNoPartial{};
  return reinterpret_cast<Partial*>(const_cast<std::byte*>(&kNoPartial));
}

void Decoder::Release::operator()(Partial* partial) const noexcept {
  if (partial != ended()) delete partial;
}

bool Decoder::mid_message() const {
  if (!waiting()) return false;
  if (partial_->phase != Partial::Phase::delivered) return true;
  return is_control(partial_->frame.opcode) && partial_->frame.opcode != Opcode::close && partial_->in_message();
}

std::size_t Decoder::held_bytes() const {
  return waiting() ? sizeof(Partial) + partial_->store.capacity() : 0;
}

OwnedBytes Decoder::take_payload(std::span<const std::byte> payload) {
  if (payload.empty()) return {};
  if (waiting() && payload.data() == partial_->store.bytes().data()) {
    return {partial_->store.release(), payload.size()};
  }
  OwnedBytes copy{std::make_unique_for_overwrite<std::byte[]>(payload.size()), payload.size()};
  copy_bytes({copy.data.get(), copy.size}, payload);
  return copy;
}

void Decoder::check_invariants() const {
  if (waiting()) partial_->check_invariants();
}

}  // namespace brume::codec

#include <algorithm>
#include <cassert>
#include <new>

#include <brume/codec/copy_bytes.h>
#include <brume/codec/encoder.h>
#include <brume/engine/connection/core_context.h>
#include <brume/engine/connection/tape_twin.h>

namespace brume::connection {

namespace {

// Kept for later turns; receivers with yet another setting get the messages as they are.
constexpr std::size_t kMaxTwins = 8;

// The frame's payload compressed, at the end of `tape`; false where that is not worth while.
bool lay_compressed(Tape& tape, std::span<const std::byte> frame, const TapeMessage& message,
                    const DeflateChoice& choice, CoreContext& context) {
  const auto header = codec::read_frame_header(frame, codec::Receiver::client);
  assert(header && *header);
  const auto payload = frame.subspan((*header)->header_size);
  if (payload.empty() || payload.size() < choice.threshold) return false;
  codec::Deflater* deflater = context.deflate.deflater(payload.size(), choice.window_bits, choice.level);
  if (!deflater) return false;
  const BorrowedBlock room(context.reactor.blocks(), payload.size());
  context.counters.compressions.add();
  const auto size = deflater->deflate_alone(payload, room.bytes().first(payload.size()));
  if (!size) return false;
  const auto out = tape.append(codec::server_frame_size(*size), message);
  const std::size_t header_size = codec::write_server_header(out, (*header)->opcode, true, *size);
  codec::copy_bytes(out.subspan(header_size), room.bytes().first(*size));
  return true;
}

}  // namespace

Tape& Tape::for_receivers_of(const DeflateChoice& choice, CoreContext& context) noexcept {
  if (largest_ < choice.threshold) return *this;
  try {
    // One of that setting, or one that nobody uses now, or a new one.
    auto found = std::ranges::find_if(twins_, [&](const auto& twin) { return twin->choice == choice; });
    if (found == twins_.end()) {
      found = std::ranges::find_if(twins_, [](const auto& twin) { return twin->tape.empty(); });
    }
    if (found == twins_.end()) {
      if (twins_.size() == kMaxTwins) return *this;
      found = twins_.insert(found, std::make_unique<TapeTwin>(*pool_));
    }
    TapeTwin& twin = **found;
    twin.choice = choice;
    for (std::uint32_t i = twin.tape.size(); i < size(); i++) {
      const Entry& entry = entries_[i];
      const std::span<const std::byte> frame(chunks_[entry.chunk]->bytes() + entry.begin, entry.end - entry.begin);
      if (lay_compressed(twin.tape, frame, entry.message, choice, context)) continue;
      codec::copy_bytes(twin.tape.append(frame.size(), entry.message), frame);
    }
    return twin.tape;
  } catch (const std::bad_alloc&) {
    return *this;
  }
}

void Tape::add_taken_of_twins() {
  for (const auto& twin : twins_) {
    twin->tape.sum_taken();
    for (std::uint32_t i = 0; i < twin->tape.size(); i++) entries_[i].taken += twin->tape.entries_[i].taken;
  }
}

void Tape::clear_twins() {
  for (const auto& twin : twins_) twin->tape.clear();
}

}  // namespace brume::connection

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include <brume/codec/frame_header.h>
#include <brume/engine/connection/outbox.h>

namespace brume::connection {

// Stands at the front of its block; the bytes follow.
struct Outbox::OwnPiece : Piece {
  core::BlockPool* pool;

  std::uint32_t room() const { return capacity - static_cast<std::uint32_t>(sizeof(OwnPiece)) - end; }
};

struct Outbox::SharedPiece : Piece {
  TapeChunk* chunk;
  std::uint64_t key;
};

std::byte* Outbox::Piece::bytes() {
  if (shared()) return static_cast<SharedPiece*>(this)->chunk->bytes();
  return reinterpret_cast<std::byte*>(static_cast<OwnPiece*>(this) + 1);
}

struct Outbox::Frame {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;  // equal to begin: there is none
  bool control = false;
};

struct Outbox::Count {
  std::uint32_t messages = 0;
  std::uint32_t controls = 0;
};

namespace {
// Behind the first block, so that a burst of small messages does not take hundreds of small blocks.
constexpr std::size_t kLaterBlockSize = 16 * 1024;
constexpr std::byte kMaskBit{0x80};  // of a frame's second byte (RFC 6455, section 5.2)
}  // namespace

void Outbox::link(Piece& piece) {
  if (last_) {
    piece.all = last_->all;
    piece.next = last_->next;
    last_->next = &piece;
  } else {
    piece.next = &piece;
  }
  last_ = &piece;
}

std::span<std::byte> Outbox::append(core::BlockPool& pool, std::size_t size, Content content, std::size_t first_size) {
  if (!last_ || last_->shared() || static_cast<OwnPiece*>(last_)->room() < size) {
    const std::size_t usual = last_ && !last_->shared() ? std::max(first_size, kLaterBlockSize) : first_size;
    const core::Block block = pool.take(std::max(usual, sizeof(OwnPiece) + size));
    link(*new (block.data) OwnPiece{{nullptr, block.size, 0, 0, 0, 0, 0, {}}, &pool});
  }
  const std::span<std::byte> room(last_->bytes() + last_->end, size);
  last_->end += static_cast<std::uint32_t>(size);
  if (content == Content::raw) {
    assert(messages() == 0 && controls() == 0);
    last_->frames_begin = last_->end;
  } else if (content == Content::message) {
    last_->messages++;
    last_->all.messages++;
  } else {
    last_->controls++;
    last_->all.controls++;
  }
  last_->all.bytes += size;
  return room;
}

void Outbox::append_shared(const Shared& range, core::FramePool& frames) {
  assert(range.messages != 0 && range.begin < range.end && range.end <= range.chunk->size);
  assert(range.key == 0 || range.messages == 1);
  // The next range of a chunk whose last one is at the end of this outbox belongs to it.
  auto* before = last_ && last_->shared() ? static_cast<SharedPiece*>(last_) : nullptr;
  if (before && before->chunk == range.chunk && before->end == range.begin && before->key == 0 && range.key == 0) {
    before->end = range.end;
    before->messages += range.messages;
  } else {
    void* memory = frames.allocate(sizeof(SharedPiece));
    link(*new (memory) SharedPiece{
        {nullptr, 0, range.begin, range.end, range.begin, range.messages, 0, {}}, range.chunk, range.key});
    range.chunk->references++;
  }
  last_->all.bytes += range.end - range.begin;
  last_->all.messages += range.messages;
}

std::size_t Outbox::gather(std::span<iovec> out) const {
  if (!last_) return 0;
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (Piece* piece = first(); count < out.size(); piece = piece->next) {
    bytes += piece->waiting();
    if (count != 0 && bytes > kMaxGatheredSize) break;
    out[count++] = {piece->bytes() + piece->begin, piece->waiting()};
    if (piece == last_) break;
  }
  return count;
}

void Outbox::consume(std::size_t size) {
  assert(size <= this->size());
  if (!last_) return;
  while (last_) {
    Piece& piece = *first();
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(size, piece.waiting()));
    piece.begin += part;
    last_->all.bytes -= part;
    size -= part;
    if (piece.waiting() != 0) return;
    pop_first();
  }
}

void Outbox::pop_first() {
  remove(nullptr, first());
}

void Outbox::free(Piece* piece) {
  if (piece->shared()) {
    static_cast<SharedPiece*>(piece)->chunk->release();
    core::FramePool::deallocate(piece);
  } else {
    static_cast<OwnPiece*>(piece)->pool->give_back({reinterpret_cast<std::byte*>(piece), piece->capacity});
  }
}

void Outbox::remove(Piece* before, Piece* piece) {
  if (piece->next == piece) {
    last_ = nullptr;
  } else {
    last_->all.bytes -= piece->waiting();
    last_->all.messages -= piece->messages;
    last_->all.controls -= piece->controls;
    if (!before) before = last_;
    before->next = piece->next;
    if (piece == last_) {
      before->all = piece->all;
      last_ = before;
    }
  }
  free(piece);
}

// ---- dropping

bool Outbox::next_frame(Piece& piece, Frame& frame) {
  frame.begin = frame.end;
  if (frame.begin == piece.end) return false;
  const std::span<const std::byte> rest(piece.bytes() + frame.begin, piece.end - frame.begin);
  // A server's, or a client's, which are masked (RFC 6455, section 5.3).
  const bool masked = (rest[1] & kMaskBit) != std::byte{0};
  const auto header = codec::read_frame_header(rest, masked ? codec::Receiver::server : codec::Receiver::client, true);
  assert(header && *header);
  frame.end = frame.begin + (*header)->header_size + static_cast<std::uint32_t>((*header)->payload_size);
  frame.control = codec::is_control((*header)->opcode);
  return true;
}

Outbox::Count Outbox::count_frames(Piece& piece, std::uint32_t from) {
  Frame frame{from, from};
  Count count;
  while (next_frame(piece, frame)) (frame.control ? count.controls : count.messages)++;
  return count;
}

// Whole frames follow each other from frames_begin on; what is begun is passed over.
Outbox::Frame Outbox::first_frame(Piece& piece, std::uint32_t begun) {
  Frame frame{piece.frames_begin, piece.frames_begin};
  while (next_frame(piece, frame) && frame.begin < begun) {
  }
  return frame;
}

void Outbox::drop_unbegun(std::size_t in_flight) {
  if (!last_) return;
  Piece* piece = first();
  while (piece->waiting() < in_flight) {
    if (piece == last_) return;
    in_flight -= piece->waiting();
    piece = piece->next;
  }
  const std::uint32_t begun = piece->begin + static_cast<std::uint32_t>(in_flight);
  cut(*piece, first_frame(*piece, begun).begin);
  while (piece != last_) {
    Piece* next = piece->next;
    if (next->frames_begin == next->begin) {
      remove(piece, next);
    } else {  // raw bytes are no frames
      cut(*next, next->frames_begin);
      piece = next;
    }
  }
  if (first()->waiting() == 0) pop_first();
}

void Outbox::cut(Piece& piece, std::uint32_t keep) {
  const Count lost = count_frames(piece, keep);
  piece.messages -= lost.messages;
  piece.controls -= lost.controls;
  last_->all.messages -= lost.messages;
  last_->all.controls -= lost.controls;
  last_->all.bytes -= piece.end - keep;
  piece.end = keep;
}

bool Outbox::drop_oldest(std::size_t in_flight, core::FramePool& frames) {
  if (!last_) return false;
  Piece* before = nullptr;
  for (Piece* piece = first();; before = piece, piece = piece->next) {
    const std::size_t part = std::min<std::size_t>(in_flight, piece->waiting());
    in_flight -= part;
    if (part != piece->waiting() && piece->messages != 0) {
      const std::uint32_t begun = piece->begin + static_cast<std::uint32_t>(part);
      Frame frame = first_frame(*piece, begun);
      while (frame.begin != frame.end && frame.control)
        if (!next_frame(*piece, frame)) break;
      if (frame.begin != frame.end) {
        drop_frame(before, *piece, frame, begun, frames);
        return true;
      }
    }
    if (piece == last_) return false;
  }
}

void Outbox::drop_frame(Piece* before, Piece& piece, const Frame& frame, std::uint32_t begun, core::FramePool& frames) {
  const std::uint32_t length = frame.end - frame.begin;
  if (frame.begin == piece.begin && frame.end == piece.end) return remove(before, &piece);
  if (frame.begin == piece.begin && begun == piece.begin) {
    piece.begin = piece.frames_begin = frame.end;
  } else if (!piece.shared()) {
    // What is in flight lies in front of it and stays where it is.
    std::memmove(piece.bytes() + frame.begin, piece.bytes() + frame.end, piece.end - frame.end);
    piece.end -= length;
  } else if (frame.end == piece.end) {
    piece.end = frame.begin;
  } else {
    // A shared range cannot close a gap: what lies behind it becomes a range of its own.
    auto& range = static_cast<SharedPiece&>(piece);
    const std::uint32_t behind = count_frames(piece, frame.end).messages;
    auto* rest = new (frames.allocate(sizeof(SharedPiece)))
        SharedPiece{{piece.next, 0, frame.end, piece.end, frame.end, behind, 0, piece.all}, range.chunk, range.key};
    range.chunk->references++;
    piece.next = rest;
    if (last_ == &piece) last_ = rest;
    piece.end = frame.begin;
    piece.messages -= behind;
  }
  piece.messages--;
  last_->all.messages--;
  last_->all.bytes -= length;
}

std::uint32_t Outbox::drop_key(std::uint64_t key, std::size_t in_flight) {
  if (key == 0 || !last_) return 0;
  std::uint32_t dropped = 0;
  Piece* before = nullptr;
  Piece* piece = first();
  for (bool more = true; more;) {
    Piece* next = piece->next;
    more = piece != last_;
    const bool begun = in_flight != 0 || piece->begin != piece->frames_begin;
    in_flight -= std::min<std::size_t>(in_flight, piece->waiting());
    if (!begun && piece->shared() && static_cast<SharedPiece*>(piece)->key == key) {
      dropped += piece->messages;
      remove(before, piece);
    } else {
      before = piece;
    }
    piece = next;
  }
  return dropped;
}

void Outbox::clear() {
  while (last_) pop_first();
}

void Outbox::check_invariants() const {
  if (!last_) return;
  Totals all;
  Piece* piece = last_;
  do {
    piece = piece->next;
    assert(piece->begin < piece->end && piece->frames_begin <= piece->end);
    if (piece->shared()) {
      [[maybe_unused]] const TapeChunk& chunk = *static_cast<SharedPiece*>(piece)->chunk;
      assert(chunk.references > 0 && piece->end <= chunk.size && piece->messages != 0 && piece->controls == 0);
    } else {
      assert(piece->end + sizeof(OwnPiece) <= piece->capacity);
    }
    all.bytes += piece->waiting();
    all.messages += piece->messages;
    all.controls += piece->controls;
  } while (piece != last_);
  assert(all.bytes == last_->all.bytes && all.messages == last_->all.messages && all.controls == last_->all.controls);
}

}  // namespace brume::connection

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

#include <brume/codec/frame_header.h>
#include <brume/engine/connection/outbox.h>

namespace brume::connection {

// No frame lies in two pieces.
struct Outbox::Piece {
  Piece* next;
  std::uint32_t capacity;  // bytes of an own piece's whole block; 0 for a shared one
  std::uint32_t begin;     // of what is not sent yet, counted from bytes()
  std::uint32_t end;
  std::uint32_t frames_begin;  // where raw bytes end and frames begin
  std::uint32_t messages;
  std::uint32_t controls;

  std::byte* bytes();
  bool shared() const { return capacity == 0; }
  std::uint32_t waiting() const { return end - begin; }
};

// Stands at the front of its block; the bytes follow.
struct Outbox::OwnPiece : Piece {
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
}  // namespace

void Outbox::link(Piece& piece) {
  (back_ ? back_->next : front_) = &piece;
  back_ = &piece;
}

std::span<std::byte> Outbox::append(std::size_t size, Content content, std::size_t first_size) {
  if (!back_ || back_->shared() || static_cast<OwnPiece*>(back_)->room() < size) {
    const std::size_t usual = back_ && !back_->shared() ? std::max(first_size, kLaterBlockSize) : first_size;
    const core::Block block = pool_->take(std::max(usual, sizeof(OwnPiece) + size));
    link(*new (block.data) OwnPiece{{nullptr, block.size, 0, 0, 0, 0, 0}});
  }
  const std::span<std::byte> room(back_->bytes() + back_->end, size);
  back_->end += static_cast<std::uint32_t>(size);
  if (content == Content::raw) {
    assert(messages_ == 0 && controls_ == 0);
    back_->frames_begin = back_->end;
  } else if (content == Content::message) {
    back_->messages++;
    messages_++;
  } else {
    back_->controls++;
    controls_++;
  }
  size_ += size;
  return room;
}

void Outbox::append_shared(const Shared& range, core::FramePool& frames) {
  assert(range.messages != 0 && range.begin < range.end && range.end <= range.chunk->size);
  assert(range.key == 0 || range.messages == 1);
  // The next range of a chunk whose last one is at the end of this outbox belongs to it.
  auto* last = back_ && back_->shared() ? static_cast<SharedPiece*>(back_) : nullptr;
  if (last && last->chunk == range.chunk && last->end == range.begin && last->key == 0 && range.key == 0) {
    last->end = range.end;
    last->messages += range.messages;
  } else {
    void* memory = frames.allocate(sizeof(SharedPiece));
    link(*new (memory)
             SharedPiece{{nullptr, 0, range.begin, range.end, range.begin, range.messages, 0}, range.chunk, range.key});
    range.chunk->references++;
  }
  size_ += range.end - range.begin;
  messages_ += range.messages;
}

std::size_t Outbox::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  for (Piece* piece = front_; piece && count < out.size(); piece = piece->next)
    if (piece->waiting() != 0) out[count++] = {piece->bytes() + piece->begin, piece->waiting()};
  return count;
}

void Outbox::consume(std::size_t size) {
  assert(size <= size_);
  size_ -= size;
  while (front_) {
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(size, front_->waiting()));
    front_->begin += part;
    size -= part;
    if (front_->waiting() != 0) return;
    pop_front();
  }
}

void Outbox::pop_front() {
  Piece* piece = front_;
  front_ = piece->next;
  if (!front_) back_ = nullptr;
  free(piece);
}

void Outbox::free(Piece* piece) {
  messages_ -= piece->messages;
  controls_ -= piece->controls;
  if (piece->shared()) {
    static_cast<SharedPiece*>(piece)->chunk->release();
    core::FramePool::deallocate(piece);
  } else {
    pool_->give_back({reinterpret_cast<std::byte*>(piece), piece->capacity});
  }
}

void Outbox::remove(Piece* before, Piece* piece) {
  (before ? before->next : front_) = piece->next;
  if (back_ == piece) back_ = before;
  size_ -= piece->waiting();
  free(piece);
}

// ---- dropping

bool Outbox::next_frame(Piece& piece, Frame& frame) {
  frame.begin = frame.end;
  if (frame.begin == piece.end) return false;
  const std::span<const std::byte> rest(piece.bytes() + frame.begin, piece.end - frame.begin);
  const auto header = codec::read_frame_header(rest, codec::Receiver::client);
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
  Piece* piece = front_;
  while (piece && piece->waiting() < in_flight) {
    in_flight -= piece->waiting();
    piece = piece->next;
  }
  if (!piece) return;
  const std::uint32_t begun = piece->begin + static_cast<std::uint32_t>(in_flight);
  cut(*piece, first_frame(*piece, begun).begin);
  while (Piece* next = piece->next) {
    if (next->frames_begin == next->begin) {
      remove(piece, next);
    } else {  // raw bytes are no frames
      cut(*next, next->frames_begin);
      piece = next;
    }
  }
  if (front_->waiting() == 0) pop_front();
}

void Outbox::cut(Piece& piece, std::uint32_t keep) {
  const Count lost = count_frames(piece, keep);
  piece.messages -= lost.messages;
  piece.controls -= lost.controls;
  messages_ -= lost.messages;
  controls_ -= lost.controls;
  size_ -= piece.end - keep;
  piece.end = keep;
}

bool Outbox::drop_oldest(std::size_t in_flight, core::FramePool& frames) {
  Piece* before = nullptr;
  for (Piece* piece = front_; piece; before = piece, piece = piece->next) {
    const std::size_t part = std::min<std::size_t>(in_flight, piece->waiting());
    in_flight -= part;
    if (part == piece->waiting() || piece->messages == 0) continue;
    const std::uint32_t begun = piece->begin + static_cast<std::uint32_t>(part);
    Frame frame = first_frame(*piece, begun);
    while (frame.begin != frame.end && frame.control)
      if (!next_frame(*piece, frame)) break;
    if (frame.begin == frame.end) continue;
    drop_frame(before, *piece, frame, begun, frames);
    return true;
  }
  return false;
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
        SharedPiece{{piece.next, 0, frame.end, piece.end, frame.end, behind, 0}, range.chunk, range.key};
    range.chunk->references++;
    piece.next = rest;
    if (back_ == &piece) back_ = rest;
    piece.end = frame.begin;
    piece.messages -= behind;
  }
  piece.messages--;
  messages_--;
  size_ -= length;
}

std::uint32_t Outbox::drop_key(std::uint64_t key, std::size_t in_flight) {
  if (key == 0) return 0;
  std::uint32_t dropped = 0;
  Piece* before = nullptr;
  for (Piece* piece = front_; piece;) {
    Piece* next = piece->next;
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
  while (front_) pop_front();
  size_ = 0;
}

void Outbox::check_invariants() const {
  std::size_t bytes = 0;
  std::uint32_t messages = 0;
  std::uint32_t controls = 0;
  for (Piece* piece = front_; piece; piece = piece->next) {
    assert(piece->begin < piece->end && piece->frames_begin <= piece->end);
    if (piece->shared()) {
      [[maybe_unused]] const TapeChunk& chunk = *static_cast<SharedPiece*>(piece)->chunk;
      assert(chunk.references > 0 && piece->end <= chunk.size && piece->messages != 0 && piece->controls == 0);
    } else {
      assert(piece->end + sizeof(OwnPiece) <= piece->capacity);
    }
    bytes += piece->waiting();
    messages += piece->messages;
    controls += piece->controls;
    assert(piece->next || piece == back_);
  }
  assert(front_ || !back_);
  assert(bytes == size_ && messages == messages_ && controls == controls_);
  (void)bytes;
  (void)messages;
  (void)controls;
}

}  // namespace brume::connection

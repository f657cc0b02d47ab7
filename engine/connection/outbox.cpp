#include <algorithm>
#include <cassert>
#include <new>

#include <brume/codec/frame_header.h>
#include <brume/engine/connection/outbox.h>

namespace brume::connection {

// Stands at the front of its block; the bytes follow. No frame lies in two chunks.
struct Outbox::Chunk {
  Chunk* next;
  std::uint32_t capacity;  // bytes of the whole block
  std::uint32_t begin;     // of what is not sent yet, counted from bytes()
  std::uint32_t end;
  std::uint32_t frames_begin;  // where raw bytes end and frames begin
  std::uint32_t messages;

  std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
  std::uint32_t room() const { return capacity - static_cast<std::uint32_t>(sizeof(Chunk)) - end; }
  std::uint32_t waiting() const { return end - begin; }
};

namespace {
// Behind the first block, so that a burst of small messages does not take hundreds of small blocks.
constexpr std::size_t kLaterBlockSize = 16 * 1024;
}  // namespace

std::span<std::byte> Outbox::append(std::size_t size, Content content, std::size_t first_size) {
  if (!back_ || back_->room() < size) {
    const std::size_t usual = back_ ? std::max(first_size, kLaterBlockSize) : first_size;
    const core::Block block = pool_->take(std::max(usual, sizeof(Chunk) + size));
    auto* chunk = new (block.data) Chunk{nullptr, block.size, 0, 0, 0, 0};
    (back_ ? back_->next : front_) = chunk;
    back_ = chunk;
  }
  const std::span<std::byte> room(back_->bytes() + back_->end, size);
  back_->end += static_cast<std::uint32_t>(size);
  if (content == Content::raw) {
    assert(back_->messages == 0);
    back_->frames_begin = back_->end;
  } else if (content == Content::message) {
    back_->messages++;
    messages_++;
  }
  size_ += size;
  return room;
}

std::size_t Outbox::gather(std::span<iovec> out) const {
  std::size_t count = 0;
  for (Chunk* chunk = front_; chunk && count < out.size(); chunk = chunk->next)
    if (chunk->waiting() != 0) out[count++] = {chunk->bytes() + chunk->begin, chunk->waiting()};
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
  Chunk* chunk = front_;
  messages_ -= chunk->messages;
  front_ = chunk->next;
  if (!front_) back_ = nullptr;
  pool_->give_back({reinterpret_cast<std::byte*>(chunk), chunk->capacity});
}

void Outbox::drop_unbegun(std::size_t in_flight) {
  Chunk* chunk = front_;
  while (chunk && chunk->waiting() < in_flight) {
    in_flight -= chunk->waiting();
    chunk = chunk->next;
  }
  if (!chunk) return;
  // Whole frames follow each other from frames_begin on: find the end of the one that is begun.
  const std::uint32_t begun = chunk->begin + static_cast<std::uint32_t>(in_flight);
  std::uint32_t keep = chunk->frames_begin;
  while (keep < begun) {
    const std::span<const std::byte> rest(chunk->bytes() + keep, chunk->end - keep);
    const auto header = codec::read_frame_header(rest, codec::Receiver::client);
    assert(header && *header);
    keep += (*header)->header_size + static_cast<std::uint32_t>((*header)->payload_size);
  }
  size_ -= chunk->end - keep;
  chunk->end = keep;
  for (Chunk* later = chunk->next; later;) {
    Chunk* next = later->next;
    size_ -= later->waiting();
    messages_ -= later->messages;
    pool_->give_back({reinterpret_cast<std::byte*>(later), later->capacity});
    later = next;
  }
  chunk->next = nullptr;
  back_ = chunk;
  if (chunk->waiting() == 0 && chunk == front_) pop_front();
}

void Outbox::clear() {
  while (front_) pop_front();
  size_ = 0;
}

void Outbox::check_invariants() const {
  std::size_t bytes = 0;
  std::uint32_t messages = 0;
  for (Chunk* chunk = front_; chunk; chunk = chunk->next) {
    assert(chunk->begin <= chunk->end && chunk->frames_begin <= chunk->end);
    assert(chunk->end + sizeof(Chunk) <= chunk->capacity);
    bytes += chunk->waiting();
    messages += chunk->messages;
    assert(chunk->next || chunk == back_);
  }
  assert(bytes == size_ && messages == messages_);
  (void)bytes;
  (void)messages;
}

}  // namespace brume::connection

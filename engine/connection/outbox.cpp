#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include <brume/codec/frame_header.h>
#include <brume/engine/connection/outbox.h>

namespace brume::connection {

namespace {
// Behind the first block, so that a burst of small messages does not take hundreds of small blocks.
constexpr std::size_t kLaterBlockSize = 16 * 1024;
}  // namespace

std::span<std::byte> Outbox::append(core::BlockPool& pool, std::size_t size, Content content, std::size_t first_size) {
  if (!last_ || last_->room() < size) {
    const std::size_t usual = last_ ? std::max(first_size, kLaterBlockSize) : first_size;
    add_chunk(pool, std::max(usual, sizeof(Chunk) + size));
  }
  const std::span<std::byte> room(last_->bytes() + last_->end, size);
  last_->end += static_cast<std::uint32_t>(size);
  if (content == Content::raw) {
    assert(last_->messages == 0);
    last_->frames_begin = last_->end;
  } else if (content == Content::message) {
    last_->messages++;
    last_->all_messages++;
  }
  last_->all_bytes += size;
  return room;
}

void Outbox::add_chunk(core::BlockPool& pool, std::size_t size) {
  const core::Block block = pool.take(size);
  auto* chunk = new (block.data) Chunk{.next = nullptr,
                                       .pool = &pool,
                                       .capacity = block.size,
                                       .begin = 0,
                                       .end = 0,
                                       .frames_begin = 0,
                                       .messages = 0,
                                       .all_messages = messages(),
                                       .all_bytes = this->size()};
  chunk->next = last_ ? first() : chunk;
  if (last_) last_->next = chunk;
  last_ = chunk;
}

std::size_t Outbox::gather(std::span<iovec> out) const {
  if (!last_) return 0;
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (Chunk* chunk = first(); count < out.size(); chunk = chunk->next) {
    if (chunk->waiting() != 0) {
      bytes += chunk->waiting();
      if (count != 0 && bytes > kMaxGatheredSize) break;
      out[count++] = {chunk->bytes() + chunk->begin, chunk->waiting()};
    }
    if (chunk == last_) break;
  }
  return count;
}

void Outbox::consume(std::size_t size) {
  assert(size <= this->size());
  if (!last_) return;
  last_->all_bytes -= size;
  while (last_) {
    Chunk* const chunk = first();
    const auto part = static_cast<std::uint32_t>(std::min<std::size_t>(size, chunk->waiting()));
    chunk->begin += part;
    size -= part;
    if (chunk->waiting() != 0) return;
    pop_first();
  }
}

void Outbox::pop_first() {
  Chunk* const chunk = first();
  if (chunk == last_) {
    last_ = nullptr;
  } else {
    last_->next = chunk->next;
    last_->all_messages -= chunk->messages;
  }
  give_back(chunk);
}

void Outbox::give_back(Chunk* chunk) {
  chunk->pool->give_back({reinterpret_cast<std::byte*>(chunk), chunk->capacity});
}

void Outbox::drop_unbegun(std::size_t in_flight) {
  if (!last_) return;
  Chunk* chunk = first();
  while (chunk->waiting() < in_flight) {
    if (chunk == last_) return;
    in_flight -= chunk->waiting();
    chunk = chunk->next;
  }
  // Whole frames follow each other from frames_begin on: find the end of the one that is begun.
  const std::uint32_t begun = chunk->begin + static_cast<std::uint32_t>(in_flight);
  std::uint32_t keep = chunk->frames_begin;
  while (keep < begun) {
    const std::span<const std::byte> rest(chunk->bytes() + keep, chunk->end - keep);
    const auto header = codec::read_frame_header(rest, codec::Receiver::client);
    assert(header && *header);
    keep += (*header)->header_size + static_cast<std::uint32_t>((*header)->payload_size);
  }
  // This chunk becomes the last.
  Chunk* const front = first();
  std::size_t bytes = size() - (chunk->end - keep);
  std::uint32_t kept_messages = messages();
  chunk->end = keep;
  for (Chunk* later = chunk == last_ ? front : chunk->next; later != front;) {
    Chunk* const next = later->next;
    bytes -= later->waiting();
    kept_messages -= later->messages;
    give_back(later);
    later = next;
  }
  chunk->next = front;
  chunk->all_bytes = bytes;
  chunk->all_messages = kept_messages;
  last_ = chunk;
  if (chunk->waiting() == 0 && chunk == front) pop_first();
}

void Outbox::clear() {
  while (last_) pop_first();
}

void Outbox::check_invariants() const {
  if (!last_) return;
  std::size_t bytes = 0;
  std::uint32_t messages = 0;
  const Chunk* chunk = last_;
  do {
    chunk = chunk->next;
    assert(chunk->begin <= chunk->end && chunk->frames_begin <= chunk->end);
    assert(chunk->end + sizeof(Chunk) <= chunk->capacity);
    bytes += chunk->waiting();
    messages += chunk->messages;
  } while (chunk != last_);
  assert(bytes == last_->all_bytes && messages == last_->all_messages);
  (void)bytes;
  (void)messages;
}

}  // namespace brume::connection

// outbox.h: what waits to be sent on one connection, in blocks of the core's pool.
//
// Belongs to its transport and its core's thread. Empty, it holds no memory and is one pointer. Bytes handed to a send
// stay where they are until consume() says that they were taken; what is appended meanwhile goes behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>

#include <brume/engine/core/block_pool.h>

namespace brume::connection {

class Outbox {
 public:
  // What gather() describes at most: as much as one system call takes.
  static constexpr std::size_t kMaxGatheredSize = INT32_MAX;  // bytes

  Outbox() = default;
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  enum class Content : std::uint8_t {
    raw,      // bytes in front of all frames, e.g. an HTTP response
    control,  // a whole control frame
    message,  // a whole frame that counts as a message
  };
  // `size` contiguous bytes at the end, which the caller fills at once: one whole frame, or raw bytes.
  // `pool`: of the core, always the same. `first_size`: the block taken where the outbox was empty. May throw
  // std::bad_alloc; then nothing changed.
  std::span<std::byte> append(core::BlockPool& pool, std::size_t size, Content content, std::size_t first_size);

  bool empty() const { return last_ == nullptr; }
  std::size_t size() const { return last_ ? last_->all_bytes : 0; }  // bytes
  // At least those not wholly sent, at most those of the blocks they lie in.
  std::uint32_t messages() const { return last_ ? last_->all_messages : 0; }

  // Describes the first bytes, up to `out.size()` segments and kMaxGatheredSize; returns the number of segments.
  std::size_t gather(std::span<iovec> out) const;
  // The first `size` bytes were sent.
  void consume(std::size_t size);
  // Drops every whole frame that lies beyond the first `in_flight` bytes and of which no byte was sent.
  void drop_unbegun(std::size_t in_flight);
  // Drops everything. Requires: no send under way.
  void clear();
  void check_invariants() const;

 private:
  // Stands at the front of its block; the bytes follow. No frame lies in two chunks.
  struct Chunk {
    Chunk* next;  // the last one's is the first
    core::BlockPool* pool;
    std::uint32_t capacity;  // bytes of the whole block
    std::uint32_t begin;     // of what is not sent yet, counted from bytes()
    std::uint32_t end;
    std::uint32_t frames_begin;  // where raw bytes end and frames begin
    std::uint32_t messages;
    // Of the whole outbox; meaningful in the last chunk alone.
    std::uint32_t all_messages;
    std::size_t all_bytes;

    std::byte* bytes() { return reinterpret_cast<std::byte*>(this + 1); }
    std::uint32_t room() const { return capacity - static_cast<std::uint32_t>(sizeof(Chunk)) - end; }
    std::uint32_t waiting() const { return end - begin; }
  };
  Chunk* first() const { return last_->next; }
  void add_chunk(core::BlockPool& pool, std::size_t size);
  void pop_first();
  static void give_back(Chunk* chunk);

  Chunk* last_ = nullptr;  // of a ring; null where nothing waits
};

}  // namespace brume::connection

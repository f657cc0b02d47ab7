// outbox.h: what waits to be sent on one connection, in blocks of the core's pool.
//
// Belongs to its transport and its core's thread. Empty, it holds no memory. Bytes handed to a send stay where they are
// until consume() says that they were taken; what is appended meanwhile goes behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>

#include <brume/engine/core/block_pool.h>

namespace brume::connection {

class Outbox {
 public:
  explicit Outbox(core::BlockPool& pool) : pool_(&pool) {}
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  enum class Content : std::uint8_t {
    raw,      // bytes in front of all frames, e.g. an HTTP response
    control,  // a whole control frame
    message,  // a whole frame that counts as a message
  };
  // `size` contiguous bytes at the end, which the caller fills at once: one whole frame, or raw bytes.
  // `first_size`: the block taken where the outbox was empty. May throw std::bad_alloc; then nothing changed.
  std::span<std::byte> append(std::size_t size, Content content, std::size_t first_size);

  bool empty() const { return front_ == nullptr; }
  std::size_t size() const { return size_; }  // bytes
  std::uint32_t messages() const {
    return messages_;
  }  // at least those not wholly sent, at most those of the blocks they lie in

  // Describes the first bytes, up to `out.size()` segments; returns the number of segments.
  std::size_t gather(std::span<iovec> out) const;
  // The first `size` bytes were sent.
  void consume(std::size_t size);
  // Drops every whole frame that lies beyond the first `in_flight` bytes and of which no byte was sent.
  void drop_unbegun(std::size_t in_flight);
  // Drops everything. Requires: no send under way.
  void clear();
  void check_invariants() const;

 private:
  struct Chunk;
  void pop_front();

  core::BlockPool* pool_;
  Chunk* front_ = nullptr;
  Chunk* back_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t messages_ = 0;
};

}  // namespace brume::connection

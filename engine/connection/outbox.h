// outbox.h: what waits to be sent on one connection: own bytes in blocks of the core's pool, and ranges of shared
// tapes.
//
// Belongs to its transport and its core's thread. Empty, it holds no memory. Bytes handed to a send stay where they are
// until consume() says that they were taken; what is appended meanwhile goes behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>

#include <brume/engine/connection/tape.h>
#include <brume/engine/core/block_pool.h>
#include <brume/engine/core/frame_pool.h>

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

  // A range of a tape: `messages` whole frames, one at least. A `key` other than 0 names a single message for
  // drop_key().
  struct Shared {
    TapeChunk* chunk;
    std::uint32_t begin;  // bytes
    std::uint32_t end;
    std::uint32_t messages;
    std::uint64_t key = 0;
  };
  // Refers to it until it is sent or dropped. May throw std::bad_alloc; then nothing changed.
  void append_shared(const Shared& range, core::FramePool& frames);

  bool empty() const { return front_ == nullptr; }
  std::size_t size() const { return size_; }  // bytes
  // At least those not wholly sent, at most those of the pieces they lie in.
  std::uint32_t messages() const { return messages_; }
  std::uint32_t controls() const { return controls_; }  // control frames; the same

  // Describes the first bytes, up to `out.size()` segments; returns the number of segments.
  std::size_t gather(std::span<iovec> out) const;
  // The first `size` bytes were sent.
  void consume(std::size_t size);

  // The following drop only what lies beyond the first `in_flight` bytes and of which no byte was sent.
  // Every whole frame.
  void drop_unbegun(std::size_t in_flight);
  // The oldest data message; control frames stay. False where there is none. May throw std::bad_alloc; then nothing
  // changed.
  bool drop_oldest(std::size_t in_flight, core::FramePool& frames);
  // The messages that were appended under `key`; returns how many. None has the key 0.
  std::uint32_t drop_key(std::uint64_t key, std::size_t in_flight);

  // Drops everything. Requires: no send under way.
  void clear();
  void check_invariants() const;

 private:
  struct Piece;
  struct OwnPiece;
  struct SharedPiece;
  struct Frame;

  void link(Piece& piece);
  void pop_front();
  void free(Piece* piece);
  // Takes a piece of which nothing was sent out of the list.
  void remove(Piece* before, Piece* piece);
  // The first whole frame of a piece that begins at `begun` or behind it.
  static Frame first_frame(Piece& piece, std::uint32_t begun);
  static bool next_frame(Piece& piece, Frame& frame);
  struct Count;
  static Count count_frames(Piece& piece, std::uint32_t from);
  // Takes the frames from `keep` on, none of which is begun, off the end of a piece.
  void cut(Piece& piece, std::uint32_t keep);
  void drop_frame(Piece* before, Piece& piece, const Frame& frame, std::uint32_t begun, core::FramePool& frames);

  core::BlockPool* pool_;
  Piece* front_ = nullptr;
  Piece* back_ = nullptr;
  std::size_t size_ = 0;
  std::uint32_t messages_ = 0;
  std::uint32_t controls_ = 0;
};

}  // namespace brume::connection
